//! Entities by the bytes of their key.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64;

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

    /// The memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.numbers.allocation_size() + self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

fn key_of<'a>(bytes: &'a [u8], ends: &[usize], entity: u32) -> &'a [u8] {
    let entity = entity as usize;
    let start = entity.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..ends[entity]]
}
