//! Guarded writes.

use asof_model::key::EncodedKeys;
use asof_model::row::{EncodedRows, stored_order};
use heed::RwTxn;

use super::bucket::{self, Broken};
use super::database::Database;
use super::place::{Place, Places};
use crate::candidates::{Candidate, candidates};
use crate::{OnlineError, WriteSummary};

impl Database {
    /// Writes in one transaction: whole or not at all.
    pub(super) fn write(
        &self,
        name: &str,
        keys: &EncodedKeys,
        rows: &EncodedRows,
    ) -> Result<WriteSummary, OnlineError> {
        // In the order of keys, so that pages are filled one after the other.
        let (candidates, mut summary) = candidates(keys, rows)?;
        if candidates.is_empty() {
            return Ok(summary);
        }
        let mut txn = self.write_txn()?;
        let mut entry = match self.entry(&txn, name)? {
            Some(entry) => entry,
            None => self.new_entry(&mut txn)?,
        };
        let mut places = Places::new(entry.number);
        for candidate in candidates {
            let stored = self.row(&txn, &mut places, candidate.key)?;
            match stored {
                None => entry.rows += 1,
                Some(stored) => {
                    let order = stored_order(stored)
                        .map_err(|error| self.damaged(&format!("a stored row is none: {error}")))?;
                    if !candidate.order.replaces(order) {
                        summary.kept += 1;
                        continue;
                    }
                }
            }
            summary.written += 1;
            // A replay of the same rows changes no page.
            if stored != Some(candidate.row) {
                self.store(&mut txn, &mut places, &candidate)?;
            }
        }
        self.put_entry(&mut txn, name, entry)?;
        txn.commit().map_err(|error| self.fault(error))?;
        Ok(summary)
    }

    fn store(&self, txn: &mut RwTxn<'_>, places: &mut Places, candidate: &Candidate<'_>) -> Result<(), OnlineError> {
        match places.of(candidate.key) {
            Place::Alone(at) => self.put(txn, at, candidate.row),
            Place::Bucket(at) => {
                let entry = bucket::Entry {
                    key: candidate.key,
                    row: candidate.row,
                };
                let stored = self.get(txn, at)?.unwrap_or_default();
                let changed = bucket::with(stored, entry).map_err(|Broken| self.broken_bucket())?;
                self.put(txn, at, &changed)
            }
        }
    }
}
