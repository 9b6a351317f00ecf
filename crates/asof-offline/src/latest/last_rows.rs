//! The last row so far of every entity of a partition.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::source::Place;

/// The key of an entity. All keys of a view are of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// One whole number.
    Int(i64),
    /// Anything else, encoded.
    Bytes(&'a [u8]),
}

/// A table that never takes more memory than it was given room for.
#[derive(Debug, Default)]
pub(super) struct LastRows {
    entries: HashTable<Entry>,
    /// The keys that are not whole numbers, each behind its length.
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The number, or where in the bytes the key stands.
    key: u64,
    place: Place,
}

/// The least memory that is asked for at once, in bytes; a table of a few entries fits.
const LEAST: usize = 256;

/// The bytes of a key's length.
const LENGTH: usize = size_of::<u32>();

impl Key<'_> {
    /// The same for equal keys, in every process.
    #[inline]
    pub(super) fn hash(self) -> u64 {
        match self {
            Self::Int(key) => xxh3_64(&key.to_le_bytes()),
            Self::Bytes(key) => xxh3_64(key),
        }
    }
}

impl LastRows {
    /// Lets a row compete. Nothing happens if the key is new and there is no room for it: then false comes back.
    #[inline]
    pub(super) fn enter(&mut self, hash: u64, key: Key<'_>, place: Place) -> bool {
        let Self { entries, bytes } = self;
        if let Some(entry) = entries.find_mut(hash, |entry| is_key(entry.key, key, bytes)) {
            entry.place = entry.place.max(place);
            return true;
        }
        if self.room_for(key) > 0 {
            return false;
        }
        let entry = match key {
            Key::Int(key) => Entry { key: key as u64, place },
            Key::Bytes(key) => {
                let start = self.bytes.len() as u64;
                self.bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
                self.bytes.extend_from_slice(key);
                Entry { key: start, place }
            }
        };
        self.insert(hash, entry, matches!(key, Key::Int(_)));
        true
    }

    /// The memory that is taken for the time of growing, beside what is taken already, so that a new key fits; zero
    /// if it does. In bytes.
    pub(super) fn room_for(&self, key: Key<'_>) -> usize {
        let mut room = 0;
        if self.entries.len() == self.entries.capacity() {
            room += (2 * self.entries.allocation_size()).max(LEAST);
        }
        if let Key::Bytes(key) = key {
            room += self.larger_bytes(key).unwrap_or_default();
        }
        room
    }

    /// Makes room for a new key.
    pub(super) fn grow(&mut self, key: Key<'_>) {
        if self.entries.len() == self.entries.capacity() {
            let bytes = &self.bytes;
            match key {
                Key::Int(_) => self.entries.reserve(1, |entry| Key::Int(entry.key as i64).hash()),
                Key::Bytes(_) => self.entries.reserve(1, |entry| xxh3_64(key_at(bytes, entry.key))),
            }
        }
        if let Key::Bytes(key) = key
            && let Some(capacity) = self.larger_bytes(key)
        {
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
    }

    /// The memory that it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.entries.allocation_size() + self.bytes.capacity()
    }

    /// The rows, in no order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.entries.iter().map(|entry| entry.place)
    }

    /// Gives the keys as bytes with their rows to `take`, in the order of these bytes, and forgets them.
    ///
    /// # Errors
    /// The first that `take` gives.
    pub(super) fn drain_sorted<E>(
        &mut self,
        is_int: bool,
        mut take: impl FnMut(&[u8], Place) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { entries, bytes } = std::mem::take(self);
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        if is_int {
            entries.sort_unstable_by_key(|entry| entry.key);
            entries
                .iter()
                .try_for_each(|entry| take(&entry.key.to_be_bytes(), entry.place))
        } else {
            entries.sort_unstable_by_key(|entry| key_at(&bytes, entry.key));
            entries
                .iter()
                .try_for_each(|entry| take(key_at(&bytes, entry.key), entry.place))
        }
    }

    #[inline]
    fn insert(&mut self, hash: u64, entry: Entry, is_int: bool) {
        let bytes = &self.bytes;
        self.entries.insert_unique(hash, entry, |entry| {
            if is_int {
                Key::Int(entry.key as i64).hash()
            } else {
                xxh3_64(key_at(bytes, entry.key))
            }
        });
    }

    /// The capacity that the bytes need so that a key fits; nothing if it does.
    fn larger_bytes(&self, key: &[u8]) -> Option<usize> {
        let needed = self.bytes.len() + LENGTH + key.len();
        (needed > self.bytes.capacity()).then(|| needed.max(2 * self.bytes.capacity()).max(LEAST))
    }
}

/// Whether an entry's key is this one.
#[inline]
fn is_key(entry: u64, key: Key<'_>, bytes: &[u8]) -> bool {
    match key {
        Key::Int(key) => entry == key as u64,
        Key::Bytes(key) => key_at(bytes, entry) == key,
    }
}

fn key_at(bytes: &[u8], start: u64) -> &[u8] {
    let start = start as usize;
    let (length, rest) = bytes[start..]
        .split_first_chunk::<LENGTH>()
        .expect("every key stands behind its length");
    &rest[..u32::from_le_bytes(*length) as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;
    use crate::source::RowId;

    /// Enters rows with the room that is asked for, and no more.
    fn enter(rows: &mut LastRows, key: Key<'_>, place: Place) {
        if !rows.enter(key.hash(), key, place) {
            let (before, room) = (rows.memory(), rows.room_for(key));
            rows.grow(key);
            assert!(rows.memory() <= before + room);
            assert_eq!(rows.room_for(key), 0);
            assert!(rows.enter(key.hash(), key, place));
        }
    }

    #[test]
    fn the_last_row_of_every_key_is_kept_and_comes_out_in_the_order_of_keys() {
        let key_of = |row: u32| format!("key {}", row * 7 % 300).into_bytes();
        let (mut ints, mut texts) = (LastRows::default(), LastRows::default());
        let (mut expected_ints, mut expected_texts) = (BTreeMap::new(), BTreeMap::new());
        for row in 0..2000 {
            let place = Place::new(i64::from(row * 31 % 97), None, RowId::new(0, row));
            let (int, text) = (i64::from(row * 7 % 300) - 150, key_of(row));
            enter(&mut ints, Key::Int(int), place);
            enter(&mut texts, Key::Bytes(&text), place);
            let best = expected_ints
                .entry((int as u64).to_be_bytes().to_vec())
                .or_insert(place);
            *best = place.max(*best);
            let best = expected_texts.entry(text).or_insert(place);
            *best = place.max(*best);
        }
        for (mut rows, is_int, expected) in [(ints, true, expected_ints), (texts, false, expected_texts)] {
            assert_eq!(rows.places().count(), expected.len());
            let mut found = Vec::new();
            let drained = rows.drain_sorted(is_int, |key, place| {
                found.push((key.to_vec(), place));
                Ok::<_, Infallible>(())
            });
            assert!(drained.is_ok());
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            assert_eq!(rows.memory(), 0);
        }
    }
}
