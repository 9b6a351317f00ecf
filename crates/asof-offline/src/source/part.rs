//! Decoding some columns of a part: fetched first, then decoded batch by batch without waiting.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::errors::ParquetError;

use super::batch::batch_of;
use super::chunks::fetch_chunks;
use super::damage::guarded;
use super::fetch::FetchedRanges;
use super::schema::adapt;
use super::table::{Part, SourceTable};
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
    /// Rows that are still to come.
    left: usize,
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
    let Part {
        file, row_group, rows, ..
    } = table.parts[part as usize];
    let open = &table.files[file];
    let of_file = columns.positions.iter().filter(|at| **at < table.file_columns());
    let roots = of_file.filter_map(|at| open.column(table.schema.field(*at).name()));
    let mask = ProjectionMask::roots(open.metadata.parquet_schema(), roots);
    let chunks = fetch_chunks(&table.store, open, row_group, &mask, selection.as_ref()).await?;
    let fetched = chunks.fetched;
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(fetched.clone(), chunks.metadata)
        .with_row_groups(vec![chunks.row_group])
        .with_projection(mask)
        .with_batch_size(batch_rows.max(1));
    let selected = selection.as_ref().map(RowSelection::row_count);
    if let Some(selection) = selection {
        builder = builder.with_row_selection(selection);
    }
    let left = selected.unwrap_or(rows as usize);
    let reader =
        guarded(|| builder.build()).map_err(|error| table.undecodable(part, &columns.positions, &fetched, error))?;
    Ok(PartBatches {
        table: Arc::clone(table),
        columns: columns.clone(),
        part,
        fetched,
        reader: Some(reader),
        left,
    })
}

impl PartBatches {
    /// How many bytes were read so far.
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

/// The rows of a part that are decoded, as runs of consecutive ones, and what of a decoded batch is not taken yet.
#[derive(Debug)]
pub(crate) struct Runs {
    rows: u64,
    left: VecDeque<Range<u32>>,
    batch: Option<RecordBatch>,
}

impl Runs {
    /// The rows that are selected of a part; `None`: all.
    pub(crate) fn new(selection: Option<&RowSelection>, rows: u32) -> Self {
        let mut runs = VecDeque::new();
        match selection {
            None => runs.push_back(0..rows),
            Some(selection) => {
                let mut start = 0;
                for run in selection.iter() {
                    let end = start + run.row_count as u32;
                    if !run.skip {
                        runs.push_back(start..end);
                    }
                    start = end;
                }
            }
        }
        Self {
            rows: runs.iter().map(|run| u64::from(run.end - run.start)).sum(),
            left: runs,
            batch: None,
        }
    }

    /// How many rows there are in all.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes in the batch that was decoded next, after all pieces of the one before are taken.
    pub(crate) fn push(&mut self, batch: RecordBatch) {
        debug_assert!(self.batch.is_none(), "every piece was taken");
        self.batch = Some(batch).filter(|batch| batch.num_rows() > 0);
    }

    /// The next rows that are consecutive in the part, with the number of the first.
    pub(crate) fn next_piece(&mut self) -> Option<(u32, RecordBatch)> {
        let batch = self.batch.take()?;
        let run = self.left.front_mut()?;
        let first_row = run.start;
        let length = batch.num_rows().min((run.end - run.start) as usize);
        run.start += length as u32;
        if run.start == run.end {
            self.left.pop_front();
        }
        if length < batch.num_rows() {
            self.batch = Some(batch.slice(length, batch.num_rows() - length));
        }
        Some((first_row, batch.slice(0, length)))
    }
}

impl Iterator for PartBatches {
    type Item = Result<RecordBatch, OfflineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let decoded = guarded(|| {
            let batch = reader.next().transpose()?;
            let rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
            match self.left.checked_sub(rows) {
                Some(left) if left == 0 || batch.is_some() => self.left = left,
                _ => {
                    return Err(ParquetError::General(
                        "it has not as many rows as its footer says".to_owned(),
                    ));
                }
            }
            Ok(batch)
        });
        match decoded {
            Ok(Some(batch)) => Some(self.adapted(&batch)),
            Ok(None) => {
                self.reader = None;
                self.fetched.verify().err().map(Err)
            }
            Err(error) => {
                self.reader = None;
                let columns = &self.columns.positions;
                Some(Err(self.table.undecodable(self.part, columns, &self.fetched, error)))
            }
        }
    }
}
