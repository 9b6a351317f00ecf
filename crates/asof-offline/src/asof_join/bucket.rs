//! The values that one range of the spine wants of one view: in memory, or in a temporary file when that is short.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::row_set::RowSet;
use super::values::ValueBatch;
use crate::OfflineError;

/// Values in segments, numbered as they came.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// The rows wanted, and the segments that have them.
    pub(crate) rows: RowSet,
    /// The segments after those in the file.
    segments: Vec<ValueBatch>,
    memory: usize,
    spilled: Option<Spilled>,
}

/// The first segments, in a file without a name: whatever ends the process, nothing stays behind.
struct Spilled {
    writer: StreamWriter<BufWriter<File>>,
    segments: u32,
}

impl std::fmt::Debug for Spilled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spilled")
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}

impl Bucket {
    /// An empty bucket for these rows.
    pub(crate) fn new(rows: RowSet) -> Self {
        Self {
            rows,
            segments: Vec::new(),
            memory: 0,
            spilled: None,
        }
    }

    /// Adds values, which take so much memory: those of the rows of `part` from the `rank`th on.
    pub(crate) fn push(&mut self, part: u32, rank: u32, values: ValueBatch, memory: usize) {
        let segment = self.spilled.as_ref().map_or(0, |spilled| spilled.segments) + self.segments.len() as u32;
        self.rows.place(part, rank, segment);
        self.segments.push(values);
        self.memory += memory;
    }

    /// The memory that the segments in memory take.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Moves what is in memory to a temporary file. Returns the memory that it took.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn spill(&mut self) -> Result<usize, OfflineError> {
        let Some(first) = self.segments.first() else {
            return Ok(0);
        };
        let schema = schema_of(first);
        if self.spilled.is_none() {
            let file = tempfile::tempfile().map_err(OfflineError::spill)?;
            let writer = StreamWriter::try_new_buffered(file, &schema).map_err(OfflineError::spill)?;
            self.spilled = Some(Spilled { writer, segments: 0 });
        }
        if let Some(spilled) = &mut self.spilled {
            for segment in self.segments.drain(..) {
                spilled
                    .writer
                    .write(&segment.to_batch(&schema)?)
                    .map_err(OfflineError::spill)?;
                spilled.segments += 1;
            }
        }
        Ok(std::mem::take(&mut self.memory))
    }

    /// All segments, and the rows with their places.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn finish(self) -> Result<(RowSet, Vec<ValueBatch>), OfflineError> {
        let Some(mut spilled) = self.spilled else {
            return Ok((self.rows, self.segments));
        };
        spilled.writer.finish().map_err(OfflineError::spill)?;
        let written = spilled.writer.into_inner().map_err(OfflineError::spill)?;
        let mut file = written
            .into_inner()
            .map_err(|error| OfflineError::spill(error.into_error()))?;
        file.rewind().map_err(OfflineError::spill)?;
        let reader = StreamReader::try_new(BufReader::new(file), None).map_err(OfflineError::spill)?;
        let batches = reader.map(|batch| {
            let batch = batch.map_err(OfflineError::spill)?;
            Ok(ValueBatch {
                rows: batch.num_rows(),
                columns: batch.columns().to_vec(),
            })
        });
        let mut segments = batches.collect::<Result<Vec<_>, OfflineError>>()?;
        segments.extend(self.segments);
        Ok((self.rows, segments))
    }
}

fn schema_of(values: &ValueBatch) -> SchemaRef {
    let field = |(at, column): (usize, &ArrayRef)| Field::new(at.to_string(), column.data_type().clone(), true);
    let fields: Vec<Field> = values.columns.iter().enumerate().map(field).collect();
    Arc::new(Schema::new(fields))
}

impl ValueBatch {
    fn to_batch(&self, schema: &SchemaRef) -> Result<RecordBatch, OfflineError> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(schema),
            self.columns.clone(),
            &options,
        )?)
    }
}
