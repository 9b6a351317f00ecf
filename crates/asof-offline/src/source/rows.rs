//! The features of a view's rows, read when it is known which rows are wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::buffer::BooleanBuffer;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::part::open_part;
use super::program::FeatureProgram;
use super::table::SourceTable;
use crate::OfflineError;
use crate::asof_join::{ValueBatch, ValueSource};
use crate::progress::{Progress, ProgressSink};

/// Rows of a part that are decoded together, whether wanted or not: few enough for the processor's cache, many enough
/// that what is done once per batch does not count.
const DECODED_ROWS: usize = 1 << 16;

/// With more than one row in so many wanted, all are decoded and the others dropped; with fewer, the others are
/// skipped over.
const SPARSE: usize = 32;

/// Reads the features of one view's rows from its source.
#[derive(Debug)]
pub(crate) struct SourceRows {
    table: Arc<SourceTable>,
    program: FeatureProgram,
    bytes: AtomicU64,
    progress: Option<ProgressSink>,
}

impl SourceRows {
    pub(crate) fn new(table: Arc<SourceTable>, program: FeatureProgram, progress: Option<ProgressSink>) -> Self {
        Self {
            table,
            program,
            bytes: AtomicU64::new(0),
            progress,
        }
    }

    async fn read(&self, part: u32, rows: &[u32]) -> Result<Vec<ValueBatch>, OfflineError> {
        let total = self.table.parts[part as usize].rows as usize;
        let selection = (rows.len() < total).then(|| selection(rows, total));
        let batch_rows = batch_rows(rows.len(), total);
        let mut batches = open_part(&self.table, self.program.columns(), part, selection, batch_rows).await?;
        let values = batches.by_ref().map(|batch| {
            let batch = batch?;
            Ok(ValueBatch {
                rows: batch.num_rows(),
                columns: self.program.apply(&batch)?,
            })
        });
        let values = values.collect();
        let bytes = batches.bytes();
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(progress) = &self.progress {
            progress.report(Progress::Fetched {
                view: self.program.view().to_string(),
                rows: rows.len() as u64,
                bytes,
            });
        }
        values
    }
}

impl ValueSource for SourceRows {
    fn parts(&self) -> usize {
        self.table.parts.len()
    }

    fn rows_of(&self, part: u32) -> u32 {
        self.table.parts[part as usize].rows
    }

    fn read<'a>(&'a self, part: u32, rows: &'a [u32]) -> BoxFuture<'a, Result<Vec<ValueBatch>, OfflineError>> {
        self.read(part, rows).boxed()
    }

    fn row_bytes(&self) -> usize {
        let columns = &self.program.columns().positions;
        columns.iter().map(|at| self.table.value_bytes(*at)).sum()
    }

    fn take_bytes_read(&self) -> u64 {
        self.bytes.swap(0, Ordering::Relaxed)
    }
}

/// How many of the rows that are wanted, of `total`, come from rows that are decoded together.
pub(crate) fn batch_rows(wanted: usize, total: usize) -> usize {
    (wanted * DECODED_ROWS / total.max(1)).clamp(1, DECODED_ROWS)
}

/// Whether so many of the rows are wanted that all are decoded.
pub(crate) fn is_dense(wanted: usize, total: usize) -> bool {
    wanted * SPARSE > total
}

/// The selection of some rows, ascending, among `total`.
pub(crate) fn selection(rows: &[u32], total: usize) -> RowSelection {
    if is_dense(rows.len(), total) {
        let mut mask = vec![0_u8; total.div_ceil(8)];
        for row in rows {
            mask[*row as usize / 8] |= 1 << (row % 8);
        }
        return RowSelection::from_boolean_buffer(BooleanBuffer::new(mask.into(), 0, total));
    }
    let mut selectors = Vec::with_capacity(2 * rows.len() + 1);
    let mut next = 0;
    for run in rows.chunk_by(|a, b| a + 1 == *b) {
        let first = run[0] as usize;
        if first > next {
            selectors.push(RowSelector::skip(first - next));
        }
        selectors.push(RowSelector::select(run.len()));
        next = first + run.len();
    }
    if total > next {
        selectors.push(RowSelector::skip(total - next));
    }
    RowSelection::from(selectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_selects_the_rows_it_is_made_of_however_sparse() {
        for (rows, total) in [
            (vec![0, 1, 5], 6),
            (vec![3], 4),
            (vec![0, 1, 700, 701, 999], 1000),
            (vec![500], 1001),
        ] {
            let mut found = Vec::new();
            let mut at = 0;
            for selector in selection(&rows, total).iter() {
                if !selector.skip {
                    found.extend(at as u32..(at + selector.row_count) as u32);
                }
                at += selector.row_count;
            }
            assert_eq!(found, rows);
            assert!(at <= total);
        }
    }
}
