//! The rows of a spine that was opened: read as often as wanted, from any row on, by any number of threads.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::PageIndexPolicy;

use super::file::LocalFile;
use crate::OfflineError;
use crate::source::PartitionColumn;

/// Batches of a spine, in its order.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, OfflineError>> + Send>;

/// Where the rows of a spine are.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    /// In memory.
    Memory(Arc<[RecordBatch]>),
    /// In files, one after the other.
    Files(Arc<[ParquetFile]>),
}

/// A Parquet file with rows of a spine.
#[derive(Debug, Clone)]
pub(super) struct ParquetFile {
    pub(super) file: LocalFile,
    pub(super) metadata: ArrowReaderMetadata,
    /// Where each column of the spine comes from.
    pub(super) columns: Vec<Origin>,
}

/// Where a column of a spine comes from, in one of its files.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The column at this position of the file.
    Column(usize),
    /// A folder's `key=value`.
    Partition(PartitionColumn, Option<String>),
}

impl ParquetFile {
    /// Reads the footer of a file whose columns are those of the spine.
    pub(super) fn open(file: LocalFile) -> Result<Self, OfflineError> {
        // With the offset index, reading from a row in the middle skips whole pages.
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(|error| file.unreadable(error))?;
        let columns = 0..metadata.schema().fields().len();
        Ok(Self {
            columns: columns.map(Origin::Column).collect(),
            file,
            metadata,
        })
    }

    fn rows(&self) -> u64 {
        let rows = self.metadata.metadata().file_metadata().num_rows();
        u64::try_from(rows).unwrap_or_default()
    }

    /// Some rows of the file. Only row groups that hold any of them are opened.
    fn read(
        self,
        schema: SchemaRef,
        columns: &[usize],
        rows: Range<u64>,
        batch_rows: usize,
    ) -> Result<Batches, OfflineError> {
        self.file.check_unchanged()?;
        let mut groups = Vec::new();
        let (mut first, mut skipped) = (0, 0);
        for (at, group) in self.metadata.metadata().row_groups().iter().enumerate() {
            let end = first + u64::try_from(group.num_rows()).unwrap_or_default();
            if end <= rows.start {
                skipped = end;
            } else if first < rows.end {
                groups.push(at);
            }
            first = end;
        }
        let origins: Vec<Origin> = columns.iter().map(|at| self.columns[*at].clone()).collect();
        let roots = origins.iter().filter_map(|origin| match origin {
            Origin::Column(at) => Some(*at),
            Origin::Partition(..) => None,
        });
        // Columns come in the file's order.
        let mut read: Vec<usize> = roots.collect();
        read.sort_unstable();
        read.dedup();
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), read.iter().copied());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata)
            .with_projection(mask)
            .with_row_groups(groups)
            .with_offset((rows.start - skipped) as usize)
            .with_limit((rows.end - rows.start) as usize)
            .with_batch_size(batch_rows)
            .build()
            .map_err(|error| self.file.unreadable(error))?;
        let file = self.file.clone();
        let batches = reader.map(move |batch| {
            let batch = batch.map_err(|error| file.unreadable(error.into()))?;
            let column = |(at, origin): (usize, &Origin)| -> Result<ArrayRef, OfflineError> {
                let column = match origin {
                    Origin::Column(at) => Arc::clone(batch.column(read.partition_point(|known| known < at))),
                    Origin::Partition(column, value) => column.array(value.as_deref(), batch.num_rows()),
                };
                let wanted = schema.field(at).data_type();
                Ok(if column.data_type() == wanted {
                    column
                } else {
                    cast(&column, wanted)?
                })
            };
            let columns = origins.iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
            batch_of(&schema, columns, batch.num_rows())
        });
        let file = self.file;
        let checked = std::iter::once_with(move || file.check_unchanged()).filter_map(|checked| checked.err().map(Err));
        Ok(Box::new(batches.chain(checked)))
    }
}

impl Rows {
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Memory(batches) => batches.iter().map(|batch| batch.num_rows() as u64).sum(),
            Self::Files(files) => files.iter().map(ParquetFile::rows).sum(),
        }
    }

    /// The rows in `rows` as batches of at most `batch_rows` rows with the columns at `columns`, which are `schema`.
    pub(super) fn read(&self, schema: &SchemaRef, columns: &[usize], rows: Range<u64>, batch_rows: usize) -> Batches {
        let (schema, columns) = (Arc::clone(schema), columns.to_vec());
        match self {
            Self::Memory(batches) => {
                let lengths = batches.iter().map(|batch| batch.num_rows() as u64);
                let batches = Arc::clone(batches);
                let pieces: Vec<_> = parts(lengths, rows).collect();
                let pieces = pieces.into_iter().flat_map(move |(batch, rows)| {
                    let end = rows.end;
                    rows.step_by(batch_rows).map(move |start| (batch, start, end))
                });
                Box::new(pieces.map(move |(batch, start, end)| {
                    let rows = (end - start).min(batch_rows as u64) as usize;
                    let slice = |at: &usize| batches[batch].column(*at).slice(start as usize, rows);
                    batch_of(&schema, columns.iter().map(slice).collect(), rows)
                }))
            }
            Self::Files(files) => {
                let parts: Vec<_> = parts(files.iter().map(ParquetFile::rows), rows).collect();
                let files = Arc::clone(files);
                Box::new(parts.into_iter().flat_map(move |(file, rows)| {
                    let batches = files[file]
                        .clone()
                        .read(Arc::clone(&schema), &columns, rows, batch_rows);
                    batches.unwrap_or_else(|error| Box::new(std::iter::once(Err(error))))
                }))
            }
        }
    }
}

/// The parts that a range of all rows has in things of these lengths: which of them, and the rows in it.
fn parts(lengths: impl Iterator<Item = u64>, rows: Range<u64>) -> impl Iterator<Item = (usize, Range<u64>)> {
    let mut first = 0;
    lengths.enumerate().filter_map(move |(at, length)| {
        let start = rows.start.clamp(first, first + length) - first;
        let end = rows.end.clamp(first, first + length) - first;
        first += length;
        (start < end).then_some((at, start..end))
    })
}

fn batch_of(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, OfflineError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

#[cfg(test)]
mod tests;
