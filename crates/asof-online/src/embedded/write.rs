//! Guarded writes.

use asof_model::StoredOrder;
use asof_model::key::EncodedKeys;
use asof_model::row::{EncodedRows, stored_order};
use heed::RwTxn;

use super::bucket::{self, Broken};
use super::database::Database;
use super::place::{Place, Places};
use crate::{OnlineError, WriteSummary};

/// A row of a write that is the last of its key in the write.
struct Candidate<'a> {
    key: &'a [u8],
    row: &'a [u8],
    order: StoredOrder,
}

impl Database {
    /// Writes in one transaction: whole or not at all.
    pub(super) fn write(
        &self,
        name: &str,
        keys: &EncodedKeys,
        rows: &EncodedRows,
    ) -> Result<WriteSummary, OnlineError> {
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

/// The last row of each key, in the order of keys, so that pages are filled one after the other; and how many rows
/// fall away.
fn candidates<'a>(
    keys: &'a EncodedKeys,
    rows: &'a EncodedRows,
) -> Result<(Vec<Candidate<'a>>, WriteSummary), OnlineError> {
    if keys.len() != rows.len() {
        return Err(OnlineError::Lengths {
            keys: keys.len(),
            rows: rows.len(),
        });
    }
    let mut summary = WriteSummary::default();
    let mut candidates = Vec::with_capacity(keys.len());
    for (position, (key, row)) in keys.iter().zip(rows.iter()).enumerate() {
        let order = stored_order(row).map_err(|source| OnlineError::InvalidRow { row: position, source })?;
        match key {
            Some(key) => candidates.push(Candidate { key, row, order }),
            None => summary.without_key += 1,
        }
    }
    // Stable: among equal rows the one that comes last in the write stays last.
    candidates.sort_by(|a, b| a.key.cmp(b.key).then(a.order.cmp(&b.order)));
    let all = candidates.len();
    candidates.reverse();
    candidates.dedup_by(|next, kept| next.key == kept.key);
    candidates.reverse();
    summary.kept = (all - candidates.len()) as u64;
    Ok((candidates, summary))
}
