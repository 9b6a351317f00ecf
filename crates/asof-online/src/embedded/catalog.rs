//! The keyspaces of a store: their numbers and how many rows they hold.

use std::ops::Bound;

use heed::{RoTxn, RwTxn};

use super::database::Database;
use super::place::{self, KEYSPACE, NEXT};
use crate::{KeyspaceInfo, KeyspaceLife, OnlineError};

/// What is known of a keyspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) rows: u64,
    pub(super) life: KeyspaceLife,
}

impl Entry {
    /// An entry of format 1 ends after the rows: nothing is known of its life.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (rows, rest) = rest.split_first_chunk()?;
        let number_at = |at: usize| rest.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let life = match rest.len() {
            0 => Some((0, 0)),
            16 => number_at(0).zip(number_at(8)),
            _ => None,
        };
        let (birth, sequence) = life?;
        Some(Self {
            number: u32::from_le_bytes(*number),
            rows: u64::from_le_bytes(*rows),
            life: KeyspaceLife { birth, sequence },
        })
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.number.to_le_bytes().to_vec();
        for number in [self.rows, self.life.birth, self.life.sequence] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
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
        Ok(Entry {
            number,
            rows: 0,
            life: KeyspaceLife {
                birth: fastrand::u64(..),
                sequence: 0,
            },
        })
    }

    pub(super) fn advance(&self, name: &str) -> Result<KeyspaceLife, OnlineError> {
        let mut txn = self.write_txn()?;
        let mut entry = match self.entry(&txn, name)? {
            Some(entry) => entry,
            None => self.new_entry(&mut txn)?,
        };
        entry.life.sequence += 1;
        self.put_entry(&mut txn, name, entry)?;
        txn.commit().map_err(|error| self.fault(error))?;
        Ok(entry.life)
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
                    let entry = Entry::parse(value)?;
                    Some(KeyspaceInfo {
                        keyspace: str::from_utf8(&key[1..]).ok()?.parse().ok()?,
                        rows: entry.rows,
                        life: entry.life,
                    })
                };
                parsed().ok_or_else(|| self.damaged("the entry of a keyspace cannot be read"))
            })
            .collect()
    }
}
