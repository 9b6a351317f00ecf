//! Folding groups whose rows lie in several batches.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{concat, interleave_record_batch};

use super::{AggregateProgram, Groups};
use crate::error::EvaluationError;

/// Rows that are brought together before they are folded.
const ROWS: usize = 1 << 18;

/// One row of the inputs: a batch and a row in it, both from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowRef {
    /// The position of the batch in the slice given to [`Folder::try_new`].
    pub batch: u32,
    /// The row in that batch.
    pub row: u32,
}

/// Brings the rows of groups together, and folds them by [`AggregateProgram::fold`].
#[derive(Debug)]
pub struct Folder<'a> {
    program: &'a AggregateProgram,
    inputs: Vec<&'a RecordBatch>,
    rows: Vec<(usize, usize)>,
    waiting: Groups,
    folded: Vec<Vec<ArrayRef>>,
    groups: usize,
}

impl<'a> Folder<'a> {
    /// A folder over `inputs`, which [`AggregateProgram::inputs`] has made.
    ///
    /// # Errors
    /// None; those of [`AggregateProgram::fold`] come when groups are pushed.
    pub fn try_new(program: &'a AggregateProgram, inputs: &'a [RecordBatch]) -> Result<Self, EvaluationError> {
        Ok(Self {
            program,
            inputs: inputs.iter().collect(),
            rows: Vec::new(),
            waiting: Groups::new(program.windows().len()),
            folded: Vec::new(),
            groups: 0,
        })
    }

    /// Adds a group: `rows` are those of the longest window in the order of rows, `starts[i]` is the position in them
    /// at which window `i` begins; each window reaches to the end.
    ///
    /// # Errors
    /// As [`AggregateProgram::fold`].
    ///
    /// # Panics
    /// When there are fewer `starts` than windows, or one lies behind the end of `rows`.
    pub fn push(&mut self, rows: &[RowRef], starts: &[usize]) -> Result<(), EvaluationError> {
        let first = self.rows.len();
        self.rows
            .extend(rows.iter().map(|row| (row.batch as usize, row.row as usize)));
        let starts: Vec<u32> = starts.iter().map(|start| (first + start) as u32).collect();
        self.waiting.push(&starts, self.rows.len() as u32);
        self.groups += 1;
        if self.rows.len() >= ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), EvaluationError> {
        let rows = if self.program.input_schema().fields().is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
            let schema = std::sync::Arc::clone(self.program.input_schema());
            RecordBatch::try_new_with_options(schema, Vec::new(), &options)
        } else if self.inputs.is_empty() {
            Ok(RecordBatch::new_empty(std::sync::Arc::clone(
                self.program.input_schema(),
            )))
        } else {
            interleave_record_batch(&self.inputs, &self.rows)
        };
        let rows = rows.map_err(|error| self.program.failed(error.to_string()))?;
        self.folded.push(self.program.fold(&rows, &self.waiting)?);
        self.rows.clear();
        self.waiting = Groups::new(self.program.windows().len());
        Ok(())
    }

    /// How many groups have been pushed.
    pub fn len(&self) -> usize {
        self.groups
    }

    /// Whether no group has been pushed.
    pub fn is_empty(&self) -> bool {
        self.groups == 0
    }

    /// The columns of [`AggregateProgram::fold`], with one row per group, in the order pushed.
    ///
    /// # Errors
    /// As [`AggregateProgram::fold`].
    pub fn finish(mut self) -> Result<Vec<ArrayRef>, EvaluationError> {
        self.flush()?;
        let columns = 0..self.folded[0].len();
        let columns = columns.map(|column| {
            let parts: Vec<&dyn arrow::array::Array> = self.folded.iter().map(|part| part[column].as_ref()).collect();
            concat(&parts).map_err(|error| self.program.failed(error.to_string()))
        });
        columns.collect()
    }
}
