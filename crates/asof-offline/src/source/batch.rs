//! The batches of a scan: put together, and taken apart.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType, UInt64Type};

use super::{Place, RowId};
use crate::OfflineError;

/// A batch that may have no columns, only rows.
pub(crate) fn batch_of(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, OfflineError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

/// A batch of a [`FeatureScanExec`](super::FeatureScanExec), taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Scanned {
    /// No nulls.
    pub(crate) keys: Vec<ArrayRef>,
    /// No nulls.
    pub(crate) event_times: TimestampMicrosecondArray,
    pub(crate) created_times: TimestampMicrosecondArray,
    /// The bits of [`RowId`]s.
    ids: UInt64Array,
    /// What an aggregated view computes from each row; nothing for other views.
    pub(crate) inputs: Vec<ArrayRef>,
}

impl Scanned {
    /// Takes apart a batch of a scan with `keys` join keys.
    pub(crate) fn new(batch: &RecordBatch, keys: usize) -> Self {
        let columns = batch.columns();
        Self {
            keys: columns[..keys].to_vec(),
            event_times: columns[keys].as_primitive::<TimestampMicrosecondType>().clone(),
            created_times: columns[keys + 1].as_primitive::<TimestampMicrosecondType>().clone(),
            ids: columns[keys + 2].as_primitive::<UInt64Type>().clone(),
            inputs: columns[keys + 3..].to_vec(),
        }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.event_times.len()
    }

    /// When a row was written, in microseconds.
    pub(crate) fn created_time(&self, row: usize) -> Option<i64> {
        (!self.created_times.is_null(row)).then(|| self.created_times.value(row))
    }

    /// Where a row stands in the source.
    pub(crate) fn id(&self, row: usize) -> RowId {
        RowId::from_bits(self.ids.value(row))
    }

    /// The place of a row in the order of rows.
    pub(crate) fn place(&self, row: usize) -> Place {
        Place::new(self.event_times.value(row), self.created_time(row), self.id(row))
    }
}
