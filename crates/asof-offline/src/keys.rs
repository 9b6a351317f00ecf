//! Sets of entity keys, to ask about some entities only.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::asof_join::Entities;

/// A set of encoded entity keys.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: Entities,
}

impl KeySet {
    /// How many keys it has.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has this key.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.keys.find(key).is_some()
    }

    /// Adds a key.
    pub fn insert(&mut self, key: &[u8]) {
        self.keys.find_or_insert(key);
    }
}

/// Which entities count.
#[derive(Debug, Clone)]
pub enum KeyFilter {
    /// Those of a set.
    Only(Arc<KeySet>),
    /// One part of all: each key lies in exactly one of `of` shards, the same one for ever.
    Shard {
        /// The shard, from zero.
        index: u32,
        /// How many there are; above zero.
        of: u32,
    },
}

impl KeyFilter {
    /// Whether an encoded key counts.
    pub fn admits(&self, key: &[u8]) -> bool {
        match self {
            Self::Only(keys) => keys.contains(key),
            Self::Shard { index, of } => xxh3_64(key) % u64::from((*of).max(1)) == u64::from(*index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_lies_in_one_shard() {
        for key in 0..1000_u32 {
            let key = key.to_le_bytes();
            let admits = |index: &u32| KeyFilter::Shard { index: *index, of: 7 }.admits(&key);
            assert_eq!((0..7).filter(admits).count(), 1);
        }
    }

    #[test]
    fn a_set_holds_each_key_once() {
        let mut set = KeySet::default();
        for key in [&b"b"[..], b"a", b"b"] {
            set.insert(key);
        }
        assert_eq!(set.len(), 2);
        assert!(set.contains(b"a") && !set.contains(b""));
    }
}
