//! What is left of a write once each key has one row.

use asof_model::StoredOrder;
use asof_model::key::EncodedKeys;
use asof_model::row::{EncodedRows, stored_order};

use crate::{OnlineError, WriteSummary};

/// A row of a write that is the last of its key in the write.
pub(crate) struct Candidate<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) row: &'a [u8],
    pub(crate) order: StoredOrder,
}

/// The last row of each key, in the order of keys; and how many rows fall away.
pub(crate) fn candidates<'a>(
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
