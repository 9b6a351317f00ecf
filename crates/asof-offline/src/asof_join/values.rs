//! Values of rows that are read when it is known which rows are wanted.

use std::fmt;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use futures::future::BoxFuture;

use crate::{OfflineError, memory};

/// In place of the bits of a [`RowId`](crate::source::RowId): no row.
pub(crate) const NO_ROW: u64 = u64::MAX;

/// Values of some rows: one array per column.
#[derive(Debug, Clone)]
pub(crate) struct ValueBatch {
    pub(crate) rows: usize,
    pub(crate) columns: Vec<ArrayRef>,
}

/// Rows of values in numbered parts, of which some will be wanted.
pub(crate) trait ValueSource: fmt::Debug + Send + Sync {
    /// How many parts there are.
    fn parts(&self) -> usize;

    /// How many rows a part has.
    fn rows_of(&self, part: u32) -> u32;

    /// The values of some rows of a part, in any number of batches. `rows` are ascending and at least one.
    fn read<'a>(&'a self, part: u32, rows: &'a [u32]) -> BoxFuture<'a, Result<Vec<ValueBatch>, OfflineError>>;

    /// About how many bytes of memory the values of a row take.
    fn row_bytes(&self) -> usize;

    /// How many bytes have been read since this was last asked.
    fn take_bytes_read(&self) -> u64;
}

impl ValueBatch {
    /// Some of the rows.
    pub(crate) fn take(&self, rows: &UInt32Array) -> Result<Self, OfflineError> {
        let columns = self.columns.iter().map(|column| take(column, rows, None));
        Ok(Self {
            rows: rows.len(),
            columns: columns.collect::<Result<_, _>>()?,
        })
    }

    /// The memory that the values take.
    pub(crate) fn memory(&self) -> usize {
        memory::of_columns(&self.columns)
    }
}
