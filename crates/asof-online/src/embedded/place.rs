//! LMDB keys: where each thing is kept.

use xxhash_rust::xxh3::xxh3_128;

/// The longest key that LMDB takes.
pub(super) const MAX_LMDB_KEY: usize = 511;

pub(super) const FORMAT: &[u8] = b"\x00format";
pub(super) const NEXT: &[u8] = b"\x00next";
pub(super) const KEYSPACE: u8 = 1;
const SHORT: u8 = 2;
const LONG: u8 = 3;
/// A tag and the number of a keyspace.
pub(super) const PREFIX_LEN: usize = 5;

/// The LMDB key of a keyspace's own entry.
pub(super) fn keyspace(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + name.len());
    key.push(KEYSPACE);
    key.extend_from_slice(name.as_bytes());
    key
}

/// The prefixes of the LMDB keys of a keyspace's rows: short entity keys, then long ones.
pub(super) fn prefixes(keyspace: u32) -> [[u8; PREFIX_LEN]; 2] {
    [SHORT, LONG].map(|tag| {
        let [a, b, c, d] = keyspace.to_be_bytes();
        [tag, a, b, c, d]
    })
}

/// What an LMDB value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something the store keeps for itself.
    Own,
    /// A row.
    Row,
    /// A bucket of entries.
    Bucket,
}

/// What the value of an LMDB key is; `None` when nothing of this format has such a key.
pub(super) fn kind(key: &[u8]) -> Option<Kind> {
    match *key.first()? {
        0 | KEYSPACE => Some(Kind::Own),
        SHORT => Some(Kind::Row),
        LONG => Some(Kind::Bucket),
        _ => None,
    }
}

/// Where the row of an entity key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'b> {
    /// The LMDB value is the row.
    Alone(&'b [u8]),
    /// The LMDB value is a bucket of entries.
    Bucket(&'b [u8]),
}

/// Makes LMDB keys, without an allocation for each.
pub(super) struct Places {
    prefixes: [[u8; PREFIX_LEN]; 2],
    buffer: Vec<u8>,
}

impl Places {
    pub(super) fn new(keyspace: u32) -> Self {
        Self {
            prefixes: prefixes(keyspace),
            buffer: Vec::with_capacity(MAX_LMDB_KEY),
        }
    }

    pub(super) fn of(&mut self, key: &[u8]) -> Place<'_> {
        let [short, long] = &self.prefixes;
        self.buffer.clear();
        if PREFIX_LEN + key.len() <= MAX_LMDB_KEY {
            self.buffer.extend_from_slice(short);
            self.buffer.extend_from_slice(key);
            Place::Alone(&self.buffer)
        } else {
            self.buffer.extend_from_slice(long);
            self.buffer.extend_from_slice(&xxh3_128(key).to_be_bytes());
            Place::Bucket(&self.buffer)
        }
    }
}
