//! The index of a point-in-time join: entities by the bytes of their key, and the times asked about each.

use std::ops::Range;
use std::sync::Arc;

use asof_model::key::EncodedKeys;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64;

use crate::KeyFilter;

/// No slot: the row's key has a null.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Entities, numbered in the order in which they came. Their keys stand in one buffer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entities {
    numbers: HashTable<u32>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Entities {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The key of an entity.
    pub(crate) fn key(&self, entity: u32) -> &[u8] {
        key_of(&self.bytes, &self.ends, entity)
    }

    pub(crate) fn find(&self, key: &[u8]) -> Option<u32> {
        self.numbers
            .find(xxh3_64(key), |entity| self.key(*entity) == key)
            .copied()
    }

    pub(crate) fn find_or_insert(&mut self, key: &[u8]) -> u32 {
        let (bytes, ends) = (&mut self.bytes, &mut self.ends);
        let entry = self.numbers.entry(
            xxh3_64(key),
            |entity| key_of(bytes, ends, *entity) == key,
            |entity| xxh3_64(key_of(bytes, ends, *entity)),
        );
        match entry {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let entity = u32::try_from(ends.len()).expect("2^32 keys do not fit the memory");
                bytes.extend_from_slice(key);
                ends.push(bytes.len());
                entry.insert(entity);
                entity
            }
        }
    }
}

fn key_of<'a>(bytes: &'a [u8], ends: &[usize], entity: u32) -> &'a [u8] {
    let entity = entity as usize;
    let start = entity.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..ends[entity]]
}

/// The entities of a spine, and for each its slots: the distinct times asked about it, ascending.
///
/// ```text
/// entity      0           1     2
/// slots       t1 t4 t9    t4    t2 t3
/// of_row      the slot of each spine row; rows of equal key and time share one
/// ```
#[derive(Debug, Default)]
pub(crate) struct Slots {
    entities: Entities,
    /// The first slot of each entity, and at the end the number of slots.
    starts: Vec<u32>,
    times: Vec<i64>,
    of_row: Vec<u32>,
}

impl Slots {
    /// The index of a spine's rows, given batch by batch as keys and times.
    pub(crate) fn of_spine(keys: &[EncodedKeys], times: &[&[i64]]) -> Self {
        let mut entities = Entities::default();
        let mut asked: Vec<(u32, i64, u32)> = Vec::new();
        let mut rows = 0;
        for (keys, times) in keys.iter().zip(times) {
            for (key, time) in keys.iter().zip(*times) {
                if let Some(key) = key {
                    asked.push((entities.find_or_insert(key), *time, rows));
                }
                rows += 1;
            }
        }
        asked.sort_unstable();
        let mut slots = Self {
            starts: Vec::with_capacity(entities.len() + 1),
            entities,
            times: Vec::new(),
            of_row: vec![NO_SLOT; rows as usize],
        };
        let mut last = None;
        for (entity, time, row) in asked {
            if last != Some((entity, time)) {
                // Each entity has at least one row, so their slots start one after the other.
                if slots.starts.len() <= entity as usize {
                    slots.starts.push(slots.times.len() as u32);
                }
                slots.times.push(time);
                last = Some((entity, time));
            }
            slots.of_row[row as usize] = slots.times.len() as u32 - 1;
        }
        slots.starts.push(slots.times.len() as u32);
        slots
    }

    /// The slot of each spine row, or [`NO_SLOT`].
    pub(crate) fn of_row(&self) -> &[u32] {
        &self.of_row
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
            Self::Spine(slots) => slots.times.len(),
            Self::Discovered { entities, .. } => entities.len(),
        }
    }

    /// How many entities there are now.
    pub(crate) fn entities(&self) -> usize {
        match self {
            Self::Spine(slots) => slots.entities.len(),
            Self::Discovered { entities, .. } => entities.len(),
        }
    }

    /// The entity of a key, if anything is asked about it.
    pub(crate) fn entity(&mut self, key: &[u8]) -> Option<u32> {
        match self {
            Self::Spine(slots) => slots.entities.find(key),
            Self::Discovered { entities, only, .. } => {
                let counts = only.as_ref().is_none_or(|only| only.admits(key));
                counts.then(|| entities.find_or_insert(key))
            }
        }
    }

    /// The slots of an entity: their numbers, and their times in ascending order. Never empty.
    pub(crate) fn slots_of(&self, entity: u32) -> (Range<u32>, &[i64]) {
        match self {
            Self::Spine(slots) => {
                let range = slots.starts[entity as usize]..slots.starts[entity as usize + 1];
                (range.clone(), &slots.times[range.start as usize..range.end as usize])
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
                Some(
                    numbers
                        .map(|entity| entities.find_or_insert(others.key(entity)))
                        .collect(),
                )
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_equal_key_and_time_share_a_slot_and_null_keys_have_none() {
        let keys = |keys: &[Option<&'static str>]| keys.iter().map(|key| key.map(str::as_bytes)).collect();
        let batches: [EncodedKeys; 2] = [
            keys(&[Some("b"), Some("a"), None]),
            keys(&[Some("b"), Some("b"), Some("a")]),
        ];
        let slots = Arc::new(Slots::of_spine(&batches, &[&[9, 5, 1], &[4, 9, 5]]));
        assert_eq!(slots.of_row(), [1, 2, NO_SLOT, 0, 1, 2]);
        let mut index = Index::Spine(slots);
        let b = index.entity(b"b").expect("b is in the spine");
        assert_eq!(index.slots_of(b), (0..2, &[4, 9][..]));
        assert_eq!(index.entity(b"c"), None);
        assert_eq!((index.entities(), index.slots()), (2, 3));
    }

    #[test]
    fn an_empty_spine_has_no_slots() {
        let slots = Slots::of_spine(&[], &[]);
        assert_eq!(Index::Spine(Arc::new(slots)).slots(), 0);
    }

    #[test]
    fn entities_of_two_indexes_meet_by_their_keys() {
        let new = || Index::Discovered {
            entities: Entities::default(),
            at: 7,
            only: None,
        };
        let (mut left, mut right) = (new(), new());
        for key in ["a", "b"] {
            left.entity(key.as_bytes());
        }
        for key in ["c", "b", ""] {
            right.entity(key.as_bytes());
        }
        assert_eq!(left.absorb(&right), Some(vec![2, 1, 3]));
        assert_eq!(left.slots_of(3), (3..4, &[7][..]));
    }
}
