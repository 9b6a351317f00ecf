//! The rows of batches on their way into the partitions.

use std::sync::Arc;

use asof_model::key::KeyCodec;
use asof_model::{Admission, Timestamp};

use super::last_rows::Key;
use super::partitions::{PARTITIONS, Partitions};
use crate::asof_join::{LookupKeys, are_ints};
use crate::source::Scanned;
use crate::{KeyFilter, OfflineError};

/// Keys of a batch that are remembered, so that of the rows of a key that comes often only one goes on.
const REMEMBERED: usize = 1 << 10;

/// Takes in the batches of one thread.
#[derive(Debug, Clone)]
pub(super) struct Entrant {
    partitions: Arc<Partitions>,
    rules: Arc<Rules>,
    /// By hash of the key: the best row of the key that came last.
    remembered: Vec<Option<Candidate>>,
    /// The rows for each partition.
    sorted: Vec<Vec<Candidate>>,
}

/// Which rows count.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) codec: KeyCodec,
    pub(super) admission: Admission,
    /// The time at which rows must be visible.
    pub(super) at: Timestamp,
    /// The entities that count. `None`: all.
    pub(super) only: Option<KeyFilter>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    hash: u64,
    /// Its number in the batch.
    row: u32,
}

impl Rules {
    /// Whether keys are looked up as whole numbers. A filter wants their bytes.
    pub(super) fn is_int(&self) -> bool {
        self.only.is_none() && are_ints(self.codec.fields())
    }
}

impl Entrant {
    pub(super) fn new(partitions: Arc<Partitions>, rules: Arc<Rules>) -> Self {
        Self {
            partitions,
            rules,
            remembered: vec![None; REMEMBERED],
            sorted: vec![Vec::new(); PARTITIONS],
        }
    }

    /// Lets every row of a batch compete that counts.
    ///
    /// # Errors
    /// When a key is too long, or a temporary file cannot be written.
    pub(super) fn take(&mut self, batch: &Scanned) -> Result<(), OfflineError> {
        let rules = Arc::clone(&self.rules);
        let keys = if rules.is_int() {
            LookupKeys::new(&rules.codec, &batch.keys, batch.len())?
        } else {
            LookupKeys::Bytes(rules.codec.encode(&batch.keys, batch.len())?)
        };
        for row in 0..batch.len() as u32 {
            let Some(key) = key_of(&keys, row) else {
                continue;
            };
            if let (Key::Bytes(key), Some(only)) = (key, &rules.only)
                && !only.admits(key)
            {
                continue;
            }
            let order = batch.place(row as usize).stored();
            if rules
                .admission
                .is_visible(order.event_time, order.created_time, rules.at)
            {
                self.remember(batch, &keys, key, row);
            }
        }
        for candidate in self.remembered.iter_mut().filter_map(Option::take) {
            self.sorted[Partitions::of(candidate.hash)].push(candidate);
        }
        for (partition, candidates) in self.sorted.iter_mut().enumerate() {
            if candidates.is_empty() {
                continue;
            }
            let rows = candidates.iter().filter_map(|candidate| {
                let key = key_of(&keys, candidate.row)?;
                Some((candidate.hash, key, batch.place(candidate.row as usize)))
            });
            self.partitions.enter(partition, rows)?;
            candidates.clear();
        }
        Ok(())
    }

    /// Lets a row compete with the row that is remembered of the same key, if there is one.
    #[inline]
    fn remember(&mut self, batch: &Scanned, keys: &LookupKeys, key: Key<'_>, row: u32) {
        let hash = key.hash();
        let remembered = &mut self.remembered[hash as usize % REMEMBERED];
        if let Some(other) = remembered {
            if other.hash == hash && key_of(keys, other.row) == Some(key) {
                if batch.place(row as usize) > batch.place(other.row as usize) {
                    other.row = row;
                }
                return;
            }
            self.sorted[Partitions::of(other.hash)].push(*other);
        }
        *remembered = Some(Candidate { hash, row });
    }
}

/// The key of a row; `None` where it is null.
#[inline]
fn key_of(keys: &LookupKeys, row: u32) -> Option<Key<'_>> {
    let row = row as usize;
    match keys {
        LookupKeys::Ints { values, nulls } => {
            let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            (!is_null).then(|| Key::Int(values[row]))
        }
        LookupKeys::Bytes(keys) => keys.get(row).map(Key::Bytes),
    }
}
