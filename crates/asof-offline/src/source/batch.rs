//! The batches of a scan: put together, and taken apart.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType, UInt32Type, UInt64Type};
use asof_model::{RowOrder, Timestamp};

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
    pub(crate) keys: Vec<ArrayRef>,
    /// No nulls.
    pub(crate) event_times: TimestampMicrosecondArray,
    pub(crate) created_times: TimestampMicrosecondArray,
    files: UInt32Array,
    rows: UInt64Array,
    /// What the view computes from each row.
    pub(crate) values: Vec<ArrayRef>,
}

impl Scanned {
    /// Takes apart a batch of the scan of a view with `keys` join keys.
    pub(crate) fn new(batch: &RecordBatch, keys: usize) -> Self {
        let columns = batch.columns();
        Self {
            keys: columns[..keys].to_vec(),
            event_times: columns[keys].as_primitive::<TimestampMicrosecondType>().clone(),
            created_times: columns[keys + 1].as_primitive::<TimestampMicrosecondType>().clone(),
            files: columns[keys + 2].as_primitive::<UInt32Type>().clone(),
            rows: columns[keys + 3].as_primitive::<UInt64Type>().clone(),
            values: columns[keys + 4..].to_vec(),
        }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.event_times.len()
    }

    /// The place of a row in the order of rows.
    pub(crate) fn order(&self, row: usize) -> RowOrder {
        let created = (!self.created_times.is_null(row)).then(|| self.created_times.value(row));
        RowOrder {
            event_time: Timestamp::from_micros(self.event_times.value(row)),
            created_time: created.map(Timestamp::from_micros),
            file: self.files.value(row),
            row: self.rows.value(row),
        }
    }
}
