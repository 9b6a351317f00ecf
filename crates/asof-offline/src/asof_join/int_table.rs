//! Entities by a key that is one whole number: a table that most lookups leave after one cache line.
//!
//! Open addressing with linear probing, at most half full. The hash multiplies the number with a random odd one and
//! folds the product, so that neither runs of numbers nor numbers chosen by somebody pile up.

use std::hash::{BuildHasher, RandomState};

/// No entity.
pub(crate) const NO_ENTITY: u32 = u32::MAX;

const FIRST_PLACES: usize = 1 << 10;

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: i64,
    entity: u32,
}

const EMPTY: Entry = Entry {
    key: 0,
    entity: NO_ENTITY,
};

/// Entities by number, numbered themselves in the order in which they came.
#[derive(Debug, Clone)]
pub(crate) struct IntTable {
    entries: Vec<Entry>,
    entities: u32,
    multiplier: u64,
}

impl IntTable {
    pub(crate) fn new() -> Self {
        Self {
            entries: vec![EMPTY; FIRST_PLACES],
            entities: 0,
            multiplier: RandomState::new().hash_one(0) | 1,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entities as usize
    }

    /// The entity of a key, or [`NO_ENTITY`].
    #[inline]
    pub(crate) fn find(&self, key: i64) -> u32 {
        let mask = self.entries.len() - 1;
        let mut at = self.hash(key) & mask;
        loop {
            let entry = self.entries[at];
            if entry.entity == NO_ENTITY || entry.key == key {
                return entry.entity;
            }
            at = (at + 1) & mask;
        }
    }

    pub(crate) fn find_or_insert(&mut self, key: i64) -> u32 {
        let mask = self.entries.len() - 1;
        let mut at = self.hash(key) & mask;
        loop {
            let entry = self.entries[at];
            if entry.entity == NO_ENTITY {
                break;
            }
            if entry.key == key {
                return entry.entity;
            }
            at = (at + 1) & mask;
        }
        let entity = self.entities;
        self.entries[at] = Entry { key, entity };
        self.entities += 1;
        if 2 * self.len() > self.entries.len() {
            self.grow();
        }
        entity
    }

    /// The keys, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = i64> {
        let used = self.entries.iter().filter(|entry| entry.entity != NO_ENTITY);
        used.map(|entry| entry.key)
    }

    /// The memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    #[inline]
    fn hash(&self, key: i64) -> usize {
        let product = u128::from(key as u64 ^ self.multiplier) * u128::from(self.multiplier);
        (product as u64 ^ (product >> 64) as u64) as usize
    }

    fn grow(&mut self) {
        let places = 2 * self.entries.len();
        let old = std::mem::replace(&mut self.entries, vec![EMPTY; places]);
        for entry in old.into_iter().filter(|entry| entry.entity != NO_ENTITY) {
            let mut at = self.hash(entry.key) & (places - 1);
            while self.entries[at].entity != NO_ENTITY {
                at = (at + 1) & (places - 1);
            }
            self.entries[at] = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_finds_its_entity_and_no_other_key_does() {
        let mut table = IntTable::new();
        let keys: Vec<i64> = (0..5000)
            .map(|key| key * 7 - 9000)
            .chain([i64::MIN, i64::MAX])
            .collect();
        for (entity, key) in keys.iter().enumerate() {
            assert_eq!(table.find_or_insert(*key), entity as u32);
        }
        for (entity, key) in keys.iter().enumerate() {
            assert_eq!(table.find_or_insert(*key), entity as u32);
            assert_eq!(table.find(*key), entity as u32);
            if (-9000..26000).contains(key) {
                assert_eq!(table.find(key + 1), NO_ENTITY);
            }
        }
        assert_eq!(table.len(), keys.len());
    }
}
