//! The index of a point-in-time join: entities by their key, and the times asked about each.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, TimestampMicrosecondArray};
use asof_model::ScalarType;
use asof_model::key::{KeyCodec, KeyError};

use super::entities::Entities;
use super::int_table::{IntTable, NO_ENTITY};
use super::lookup_keys::{LookupKeys, are_ints};
use crate::KeyFilter;

/// No slot: the row's key has a null.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Entities by key.
#[derive(Debug)]
enum KeyTable {
    Ints(IntTable),
    Bytes(Entities),
}

impl KeyTable {
    fn len(&self) -> usize {
        match self {
            Self::Ints(table) => table.len(),
            Self::Bytes(entities) => entities.len(),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Ints(table) => table.memory(),
            Self::Bytes(entities) => entities.memory(),
        }
    }

    /// The entity of each key; new ones are added. [`NO_ENTITY`] for nulls.
    fn insert(&mut self, keys: &LookupKeys, entities: &mut Vec<u32>) {
        match (self, keys) {
            (Self::Ints(table), LookupKeys::Ints { values, nulls }) => {
                entities.extend(values.iter().enumerate().map(|(row, key)| {
                    if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                        NO_ENTITY
                    } else {
                        table.find_or_insert(*key)
                    }
                }));
            }
            (Self::Bytes(known), LookupKeys::Bytes(keys)) => {
                let find = |key: Option<&[u8]>| key.map_or(NO_ENTITY, |key| known.find_or_insert(key));
                entities.extend(keys.iter().map(find));
            }
            _ => unreachable!("keys of one type are always looked up in one form"),
        }
    }

    /// The entity of each key, or [`NO_ENTITY`].
    fn find(&self, keys: &LookupKeys, entities: &mut Vec<u32>) {
        match (self, keys) {
            (Self::Ints(table), LookupKeys::Ints { values, nulls: None }) => {
                entities.extend(values.iter().map(|key| table.find(*key)));
            }
            (Self::Ints(table), LookupKeys::Ints { values, nulls }) => {
                let is_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                let find = |(row, key): (usize, &i64)| if is_null(row) { NO_ENTITY } else { table.find(*key) };
                entities.extend(values.iter().enumerate().map(find));
            }
            (Self::Bytes(known), LookupKeys::Bytes(keys)) => {
                let find = |key: Option<&[u8]>| key.and_then(|key| known.find(key)).unwrap_or(NO_ENTITY);
                entities.extend(keys.iter().map(find));
            }
            _ => unreachable!("keys of one type are always looked up in one form"),
        }
    }
}

/// The entities of a spine, and for each its slots: the distinct times asked about it, ascending.
///
/// ```text
/// entity      0           1     2
/// slots       t1 t4 t9    t4    t2 t3
/// of_row      the slot of each spine row; rows of equal key and time share one
/// ```
#[derive(Debug)]
pub(crate) struct Slots {
    table: KeyTable,
    /// The first slot of each entity, and at the end the number of slots.
    starts: Vec<u32>,
    times: Vec<i64>,
    of_row: Vec<u32>,
}

/// Takes in the rows of a spine.
#[derive(Debug)]
pub(crate) struct SlotsBuilder {
    table: KeyTable,
    entities: Vec<u32>,
    times: Vec<i64>,
}

impl SlotsBuilder {
    /// For keys of these types; about `rows` of them.
    pub(crate) fn new(keys: &[ScalarType], rows: usize) -> Self {
        let table = if are_ints(keys) {
            KeyTable::Ints(IntTable::new())
        } else {
            KeyTable::Bytes(Entities::default())
        };
        Self {
            table,
            entities: Vec::with_capacity(rows),
            times: Vec::with_capacity(rows),
        }
    }

    /// The next rows: their keys, and the times asked about.
    pub(crate) fn push(&mut self, keys: &LookupKeys, times: &[i64]) {
        self.table.insert(keys, &mut self.entities);
        self.times.extend_from_slice(times);
    }

    /// The index of all rows.
    pub(crate) fn finish(self) -> Slots {
        // The rows of each entity together, by counting: row numbers take less memory than what they stand for.
        let mut ends = vec![0_u32; self.table.len()];
        for entity in self.entities.iter().filter(|entity| **entity != NO_ENTITY) {
            ends[*entity as usize] += 1;
        }
        let mut rows = 0;
        for end in &mut ends {
            rows += *end;
            *end = rows;
        }
        let mut order = vec![0_u32; rows as usize];
        for (row, entity) in self.entities.iter().enumerate().rev() {
            if *entity != NO_ENTITY {
                // From an end each becomes the entity's start.
                ends[*entity as usize] -= 1;
                order[ends[*entity as usize] as usize] = row as u32;
            }
        }
        let starts_of_rows = ends;
        let mut slots = Slots {
            starts: Vec::with_capacity(self.table.len() + 1),
            table: self.table,
            times: Vec::new(),
            of_row: self.entities,
        };
        for (entity, start) in starts_of_rows.iter().enumerate() {
            let end = starts_of_rows.get(entity + 1).copied().unwrap_or(rows);
            let rows = &mut order[*start as usize..end as usize];
            rows.sort_unstable_by_key(|row| self.times[*row as usize]);
            slots.starts.push(slots.times.len() as u32);
            let mut last = None;
            for row in rows {
                let time = self.times[*row as usize];
                if last != Some(time) {
                    slots.times.push(time);
                    last = Some(time);
                }
                slots.of_row[*row as usize] = slots.times.len() as u32 - 1;
            }
        }
        slots.starts.push(slots.times.len() as u32);
        slots
    }
}

impl Slots {
    /// The slot of each spine row, or [`NO_SLOT`].
    pub(crate) fn of_row(&self) -> &[u32] {
        &self.of_row
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// How many entities there are.
    pub(crate) fn entities(&self) -> usize {
        self.table.len()
    }

    /// The keys of all entities in no order, one column per field, if they are at most `limit`.
    ///
    /// # Errors
    /// When the keys are not of the codec.
    pub(crate) fn keys(&self, codec: &KeyCodec, limit: usize) -> Result<Option<Vec<ArrayRef>>, KeyError> {
        if self.entities() > limit {
            return Ok(None);
        }
        match &self.table {
            KeyTable::Ints(table) => {
                let array: ArrayRef = match codec.fields()[0] {
                    ScalarType::Int32 => Arc::new(table.keys().map(|key| key as i32).collect::<Int32Array>()),
                    ScalarType::Int64 => Arc::new(table.keys().collect::<Int64Array>()),
                    _ => Arc::new(TimestampMicrosecondArray::from_iter_values(table.keys()).with_timezone("UTC")),
                };
                Ok(Some(vec![array]))
            }
            KeyTable::Bytes(entities) => {
                let keys = (0..entities.len() as u32).map(|entity| Some(entities.key(entity)));
                Ok(Some(codec.decode_columns(&keys.collect())?))
            }
        }
    }

    /// The entity of each key, or [`NO_ENTITY`].
    pub(crate) fn find(&self, keys: &LookupKeys, entities: &mut Vec<u32>) {
        self.table.find(keys, entities);
    }

    /// The slots of an entity, which has at least one.
    #[inline]
    pub(crate) fn of_entity(&self, entity: u32) -> Range<u32> {
        self.starts[entity as usize]..self.starts[entity as usize + 1]
    }

    /// The times of some slots.
    #[inline]
    pub(crate) fn times(&self, slots: Range<u32>) -> &[i64] {
        &self.times[slots.start as usize..slots.end as usize]
    }

    /// The memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.table.memory()
            + self.starts.capacity() * size_of::<u32>()
            + self.times.capacity() * size_of::<i64>()
            + self.of_row.capacity() * size_of::<u32>()
    }
}

/// Which entities are asked about, and when.
#[derive(Debug, Clone)]
pub(crate) enum Index {
    /// Those of a spine, at its times.
    Spine(Arc<Slots>),
    /// Every entity that comes, at one time: an entity is its own slot.
    Discovered {
        /// The entities so far.
        entities: Entities,
        /// The time.
        at: i64,
        /// The keys that count. `None`: all.
        only: Option<KeyFilter>,
    },
}

impl Index {
    /// Whether every entity is asked about at one and the same time.
    pub(crate) fn is_at_one_time(&self) -> bool {
        matches!(self, Self::Discovered { .. })
    }

    /// How many slots there are now.
    pub(crate) fn slots(&self) -> usize {
        match self {
            Self::Spine(slots) => slots.len(),
            Self::Discovered { entities, .. } => entities.len(),
        }
    }

    /// The entity of each key, or [`NO_ENTITY`] if nothing is asked about it. Where entities are discovered, keys are
    /// encoded.
    pub(crate) fn find(&mut self, keys: &LookupKeys, found: &mut Vec<u32>) {
        match (self, keys) {
            (Self::Spine(slots), keys) => slots.find(keys, found),
            (Self::Discovered { entities, only, .. }, LookupKeys::Bytes(keys)) => {
                found.extend(keys.iter().map(|key| match key {
                    Some(key) if only.as_ref().is_none_or(|only| only.admits(key)) => entities.find_or_insert(key),
                    _ => NO_ENTITY,
                }));
            }
            _ => unreachable!("keys of entities to discover are encoded"),
        }
    }

    /// The slots of an entity: their numbers, and their times in ascending order. Never empty.
    pub(crate) fn slots_of(&self, entity: u32) -> (Range<u32>, &[i64]) {
        match self {
            Self::Spine(slots) => {
                let range = slots.of_entity(entity);
                (range.clone(), slots.times(range))
            }
            Self::Discovered { at, .. } => (entity..entity + 1, std::slice::from_ref(at)),
        }
    }

    /// Takes in the entities of another index of the same question, and returns their numbers here.
    /// `None`: all as they were.
    pub(crate) fn absorb(&mut self, other: &Self) -> Option<Vec<u32>> {
        match (self, other) {
            (Self::Discovered { entities, .. }, Self::Discovered { entities: others, .. }) => {
                let numbers = 0..others.len() as u32;
                let here = numbers.map(|entity| entities.find_or_insert(others.key(entity)));
                Some(here.collect())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use asof_model::key::EncodedKeys;

    use super::*;

    fn bytes(keys: &[Option<&'static str>]) -> LookupKeys {
        let keys: EncodedKeys = keys.iter().map(|key| key.map(str::as_bytes)).collect();
        LookupKeys::Bytes(keys)
    }

    fn ints(keys: &[Option<i64>]) -> LookupKeys {
        LookupKeys::Ints {
            values: keys.iter().map(|key| key.unwrap_or(7)).collect(),
            nulls: Some(keys.iter().map(Option::is_some).collect()),
        }
    }

    fn check(builder: SlotsBuilder, batches: [LookupKeys; 2], b_and_c: LookupKeys) {
        let mut builder = builder;
        builder.push(&batches[0], &[9, 5, 1]);
        builder.push(&batches[1], &[4, 9, 5]);
        let slots = Arc::new(builder.finish());
        assert_eq!(slots.of_row(), [1, 2, NO_SLOT, 0, 1, 2]);
        let mut index = Index::Spine(slots);
        let mut found = Vec::new();
        index.find(&b_and_c, &mut found);
        assert_eq!(found[1], NO_ENTITY);
        assert_eq!(index.slots_of(found[0]), (0..2, &[4, 9][..]));
        assert_eq!(index.slots(), 3);
    }

    #[test]
    fn rows_of_equal_key_and_time_share_a_slot_and_null_keys_have_none() {
        let batches = [
            bytes(&[Some("b"), Some("a"), None]),
            bytes(&[Some("b"), Some("b"), Some("a")]),
        ];
        let builder = SlotsBuilder::new(&[ScalarType::String], 6);
        check(builder, batches, bytes(&[Some("b"), Some("c")]));
        let batches = [ints(&[Some(-2), Some(1), None]), ints(&[Some(-2), Some(-2), Some(1)])];
        let builder = SlotsBuilder::new(&[ScalarType::Int64], 6);
        check(builder, batches, ints(&[Some(-2), Some(7)]));
    }

    #[test]
    fn an_empty_spine_has_no_slots() {
        let slots = SlotsBuilder::new(&[ScalarType::Int64], 0).finish();
        assert_eq!((slots.len(), slots.entities()), (0, 0));
    }

    #[test]
    fn entities_of_two_indexes_meet_by_their_keys() {
        let new = || Index::Discovered {
            entities: Entities::default(),
            at: 7,
            only: None,
        };
        let (mut left, mut right) = (new(), new());
        left.find(&bytes(&[Some("a"), Some("b")]), &mut Vec::new());
        let mut found = Vec::new();
        right.find(&bytes(&[Some("c"), Some("b"), None, Some("d")]), &mut found);
        assert_eq!(found, [0, 1, NO_ENTITY, 2]);
        assert_eq!(left.absorb(&right), Some(vec![2, 1, 3]));
        assert_eq!(left.slots_of(3), (3..4, &[7][..]));
    }
}
