//! The keyspaces of a store: their numbers and how many rows they hold.

use std::ops::Bound;

use heed::{RoTxn, RwTxn};

use super::database::Database;
use super::place::{self, KEYSPACE, NEXT};
use crate::{KeyspaceInfo, OnlineError};

/// What is known of a keyspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) rows: u64,
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        Some(Self {
            number: u32::from_le_bytes(*number),
            rows: u64::from_le_bytes(rest.try_into().ok()?),
        })
    }

    fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.number.to_le_bytes());
        bytes[4..].copy_from_slice(&self.rows.to_le_bytes());
        bytes
    }
}

impl Database {
    pub(super) fn entry(&self, txn: &RoTxn<'_>, name: &str) -> Result<Option<Entry>, OnlineError> {
        let entry = self.get(txn, &place::keyspace(name))?;
        entry
            .map(|bytes| Entry::parse(bytes).ok_or_else(|| self.damaged("the entry of a keyspace is cut off")))
            .transpose()
    }

    pub(super) fn put_entry(&self, txn: &mut RwTxn<'_>, name: &str, entry: Entry) -> Result<(), OnlineError> {
        self.put(txn, &place::keyspace(name), &entry.to_bytes())
    }

    /// The entry of a new keyspace, with a number of its own.
    pub(super) fn new_entry(&self, txn: &mut RwTxn<'_>) -> Result<Entry, OnlineError> {
        let next = self.get(txn, NEXT)?.and_then(|bytes| bytes.try_into().ok());
        let number = next
            .map(u32::from_le_bytes)
            .ok_or_else(|| self.damaged("the number of the next keyspace is missing"))?;
        let after = number.checked_add(1).ok_or_else(|| OnlineError::Full {
            path: self.path().to_owned(),
            problem: "it has had 4 billion keyspaces".to_owned(),
        })?;
        self.put(txn, NEXT, &after.to_le_bytes())?;
        Ok(Entry { number, rows: 0 })
    }

    pub(super) fn delete_keyspace(&self, name: &str) -> Result<u64, OnlineError> {
        let mut txn = self.write_txn()?;
        let Some(entry) = self.entry(&txn, name)? else {
            return Ok(0);
        };
        for prefix in place::prefixes(entry.number) {
            let mut end = prefix.to_vec();
            // An entity key holds at least its version, which is far below this.
            end.push(u8::MAX);
            end.resize(place::MAX_LMDB_KEY, u8::MAX);
            let range: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Included(&prefix), Bound::Included(&end));
            self.rows
                .delete_range(&mut txn, &range)
                .map_err(|error| self.fault(error))?;
        }
        self.rows
            .delete(&mut txn, &place::keyspace(name))
            .map_err(|error| self.fault(error))?;
        txn.commit().map_err(|error| self.fault(error))?;
        Ok(entry.rows)
    }

    pub(super) fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError> {
        let txn = self.read_txn()?;
        let entries = self
            .rows
            .prefix_iter(&txn, &[KEYSPACE])
            .map_err(|error| self.fault(error))?;
        entries
            .map(|entry| {
                let (key, value) = entry.map_err(|error| self.fault(error))?;
                let parsed = || {
                    Some(KeyspaceInfo {
                        keyspace: str::from_utf8(&key[1..]).ok()?.parse().ok()?,
                        rows: Entry::parse(value)?.rows,
                    })
                };
                parsed().ok_or_else(|| self.damaged("the entry of a keyspace cannot be read"))
            })
            .collect()
    }
}
