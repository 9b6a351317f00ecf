//! Decoding some columns of a part: fetched first, then decoded batch by batch without waiting.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::batch::batch_of;
use super::fetch::{FetchedRanges, fetch};
use super::table::{Part, SourceTable, adapt};
use crate::OfflineError;

/// Some columns of a source's rows.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// Positions in the source's schema, ascending.
    pub(crate) positions: Vec<usize>,
    /// The schema of just these.
    pub(crate) schema: SchemaRef,
}

/// The rows of a part, in batches.
pub(crate) struct PartBatches {
    table: Arc<SourceTable>,
    columns: Columns,
    part: u32,
    fetched: FetchedRanges,
    reader: Option<ParquetRecordBatchReader>,
}

/// Fetches what decoding some columns of a part takes. `selection`: the rows that are wanted; `None`: all.
/// Batches have at most `batch_rows` rows.
///
/// # Errors
/// When the file cannot be read, or is not what its footer says.
pub(crate) async fn open_part(
    table: &Arc<SourceTable>,
    columns: &Columns,
    part: u32,
    selection: Option<RowSelection>,
    batch_rows: usize,
) -> Result<PartBatches, OfflineError> {
    let Part { file, row_group, .. } = table.parts[part as usize];
    let open = &table.files[file];
    let of_file = columns.positions.iter().filter(|at| **at < table.file_columns());
    let roots = of_file.filter_map(|at| open.column(table.schema.field(*at).name()));
    let metadata = open.metadata.metadata();
    let mask = ProjectionMask::roots(metadata.file_metadata().schema_descr(), roots);
    let chunks = metadata.row_group(row_group).columns().iter().enumerate();
    let ranges: Vec<Range<u64>> = chunks
        .filter(|(leaf, _)| mask.leaf_included(*leaf))
        .map(|(_, chunk)| {
            let (start, length) = chunk.byte_range();
            start..start.saturating_add(length)
        })
        .collect();
    let fetched = fetch(&table.store, &open.listed, &ranges).await?;
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(fetched.clone(), open.metadata.clone())
        .with_row_groups(vec![row_group])
        .with_projection(mask)
        .with_batch_size(batch_rows.max(1));
    if let Some(selection) = selection {
        builder = builder.with_row_selection(selection);
    }
    let reader = builder.build().map_err(|error| table.unreadable(part, error))?;
    Ok(PartBatches {
        table: Arc::clone(table),
        columns: columns.clone(),
        part,
        fetched,
        reader: Some(reader),
    })
}

impl PartBatches {
    /// How many bytes were fetched.
    pub(crate) fn bytes(&self) -> u64 {
        self.fetched.bytes()
    }

    fn adapted(&self, batch: &RecordBatch) -> Result<RecordBatch, OfflineError> {
        let open = &self.table.files[self.table.parts[self.part as usize].file].listed;
        let rows = batch.num_rows();
        let column = |at: &usize| -> Result<ArrayRef, OfflineError> {
            let field = self.table.schema.field(*at);
            if let Some(partition) = at.checked_sub(self.table.file_columns()) {
                let value = open.partitions[partition].1.as_deref();
                return Ok(self.table.partition_columns[partition].array(value, rows));
            }
            let Some(column) = batch.column_by_name(field.name()) else {
                return Ok(new_null_array(field.data_type(), rows));
            };
            adapt(column, field.data_type()).map_err(|error| OfflineError::Value {
                file: open.path.clone(),
                column: field.name().clone(),
                error: Box::new(error),
            })
        };
        let columns = self.columns.positions.iter().map(column).collect::<Result<_, _>>()?;
        batch_of(&self.columns.schema, columns, rows)
    }
}

impl Iterator for PartBatches {
    type Item = Result<RecordBatch, OfflineError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.as_mut()?.next() {
            Some(Ok(batch)) => Some(self.adapted(&batch)),
            Some(Err(error)) => {
                self.reader = None;
                // A file that was overwritten looks damaged; say what it is.
                let changed = self.fetched.verify();
                Some(changed.and_then(|()| Err(self.table.unreadable(self.part, error.into()))))
            }
            None => {
                self.reader = None;
                self.fetched.verify().err().map(Err)
            }
        }
    }
}
