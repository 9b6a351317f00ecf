//! Folding groups of rows, one row after another.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, new_null_array,
};
use arrow::compute::interleave;
use arrow::datatypes::DataType;

use super::reduce::{RowRef, booleans, count_distinct, extreme, pick, sum_float, sum_int, variance};
use super::typed::{FoldKind, TypedCall};
use super::{AggregateProgram, Slot};
use crate::error::EvaluationError;

/// Folds groups of input rows into feature rows.
///
/// A group's values follow from its rows and their order alone, bit for bit: not from how the rows lie in batches, nor
/// from which other groups are folded beside it. Time: the sum, over groups and calls, of the rows in the windows.
#[derive(Debug)]
pub struct Folder<'a> {
    program: &'a AggregateProgram,
    /// The columns of each input, one array per batch.
    columns: Vec<Vec<&'a ArrayRef>>,
    results: Vec<Results>,
    groups: usize,
}

/// The results of one slot.
#[derive(Debug)]
enum Results {
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    /// The values of these rows.
    Rows(Vec<Option<RowRef>>),
}

/// The result of one slot for one group.
enum Folded {
    Int(Option<i64>),
    Float(Option<f64>),
    Bool(Option<bool>),
    Row(Option<RowRef>),
}

impl<'a> Folder<'a> {
    /// A folder over `inputs`, which [`AggregateProgram::inputs`] has made.
    ///
    /// # Errors
    /// When a batch does not have the columns of [`AggregateProgram::input_schema`].
    pub fn try_new(program: &'a AggregateProgram, inputs: &'a [RecordBatch]) -> Result<Self, EvaluationError> {
        let wanted = &program.input_schema;
        let fits = |batch: &RecordBatch| {
            let types = batch.columns().iter().map(Array::data_type);
            types.eq(wanted.fields().iter().map(|field| field.data_type()))
        };
        if let (Some(first), false) = (program.outers.first(), inputs.iter().all(fits)) {
            let reason = "the inputs are not those of this program".to_owned();
            return Err(first.compiled.error(reason));
        }
        let column = |number| inputs.iter().map(|batch: &RecordBatch| batch.column(number)).collect();
        Ok(Self {
            program,
            columns: (0..wanted.fields().len()).map(column).collect(),
            results: program
                .slots
                .iter()
                .map(|slot| Results::new(program.calls[slot.call].kind))
                .collect(),
            groups: 0,
        })
    }

    /// Folds one group into one more feature row.
    ///
    /// `rows` are the rows of the longest window in the order of rows (event time first). `starts[i]` is the position
    /// in `rows` at which window `i` of [`AggregateProgram::windows`] begins; each window reaches to the end.
    ///
    /// # Errors
    /// When a sum of whole numbers does not fit 64 bits.
    ///
    /// # Panics
    /// When there are fewer `starts` than windows, or one lies behind the end of `rows`.
    pub fn push(&mut self, rows: &[RowRef], starts: &[usize]) -> Result<(), EvaluationError> {
        for (number, slot) in self.program.slots.iter().enumerate() {
            let folded = self.fold(*slot, &rows[starts[slot.window]..])?;
            self.results[number].push(folded);
        }
        self.groups += 1;
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

    /// One column per feature, in the order given to [`AggregateProgram::compile`] and in the declared types; one row
    /// per group, in the order pushed.
    ///
    /// # Errors
    /// When the arithmetic around the calls cannot be computed for some group.
    pub fn finish(self) -> Result<Vec<ArrayRef>, EvaluationError> {
        let program = self.program;
        let slots = program.slots.iter().zip(self.results).map(|(slot, results)| {
            let call = &program.calls[slot.call];
            let arrays = call
                .input
                .map(|input| self.columns[input].as_slice())
                .unwrap_or_default();
            let values = results.finish(&call.output.arrow(), arrays);
            values.map_err(|error| program.outers[slot.feature].compiled.error(error.to_string()))
        });
        let slots: Vec<ArrayRef> = slots.collect::<Result<_, _>>()?;
        program.outputs(&slots, self.groups)
    }

    fn fold(&self, slot: Slot, rows: &[RowRef]) -> Result<Folded, EvaluationError> {
        let call = &self.program.calls[slot.call];
        match call.filter {
            None => self.fold_rows(slot, call, rows.iter().copied()),
            Some(filter) => {
                let mask = &self.columns[filter];
                let passes = |row: &RowRef| mask[row.batch as usize].as_boolean().value(row.row as usize);
                self.fold_rows(slot, call, rows.iter().copied().filter(passes))
            }
        }
    }

    fn fold_rows(
        &self,
        slot: Slot,
        call: &TypedCall,
        rows: impl DoubleEndedIterator<Item = RowRef>,
    ) -> Result<Folded, EvaluationError> {
        let arrays = call
            .input
            .map(|input| self.columns[input].as_slice())
            .unwrap_or_default();
        Ok(match call.kind {
            FoldKind::CountRows => Folded::Int(Some(rows.count() as i64)),
            FoldKind::CountValid => {
                let valid = |row: &RowRef| arrays[row.batch as usize].as_boolean().value(row.row as usize);
                Folded::Int(Some(rows.filter(valid).count() as i64))
            }
            FoldKind::CountDistinct => Folded::Int(Some(count_distinct(arrays, rows) as i64)),
            FoldKind::SumInt => match sum_int(arrays, rows) {
                (_, 0) => Folded::Int(None),
                (sum, _) => Folded::Int(Some(i64::try_from(sum).map_err(|_| {
                    let reason = format!("the sum {sum} does not fit int64; write `sum(cast(… as double))`");
                    self.program.outers[slot.feature].compiled.error(reason)
                })?)),
            },
            FoldKind::AvgInt => {
                let (sum, count) = sum_int(arrays, rows);
                Folded::Float((count > 0).then(|| sum as f64 / count as f64))
            }
            FoldKind::SumFloat => Folded::Float(sum_float(arrays, rows).map(|(sum, _)| sum)),
            FoldKind::AvgFloat => Folded::Float(sum_float(arrays, rows).map(|(sum, count)| sum / count as f64)),
            FoldKind::Min => Folded::Row(extreme(arrays, rows, Ordering::Less)),
            FoldKind::Max => Folded::Row(extreme(arrays, rows, Ordering::Greater)),
            FoldKind::First { ignore_nulls } => Folded::Row(pick(arrays, rows, ignore_nulls)),
            FoldKind::Last { ignore_nulls } => Folded::Row(pick(arrays, rows.rev(), ignore_nulls)),
            FoldKind::All => Folded::Bool(booleans(arrays, rows).reduce(|all, value| all & value)),
            FoldKind::Any => Folded::Bool(booleans(arrays, rows).reduce(|any, value| any | value)),
            FoldKind::Variance { sample, root } => {
                let variance = variance(arrays, rows, sample);
                Folded::Float(if root { variance.map(f64::sqrt) } else { variance })
            }
        })
    }
}

impl Results {
    fn new(kind: FoldKind) -> Self {
        match kind {
            FoldKind::CountRows | FoldKind::CountValid | FoldKind::CountDistinct | FoldKind::SumInt => {
                Self::Int(Int64Builder::new())
            }
            FoldKind::SumFloat | FoldKind::AvgInt | FoldKind::AvgFloat | FoldKind::Variance { .. } => {
                Self::Float(Float64Builder::new())
            }
            FoldKind::All | FoldKind::Any => Self::Bool(BooleanBuilder::new()),
            FoldKind::Min | FoldKind::Max | FoldKind::First { .. } | FoldKind::Last { .. } => Self::Rows(Vec::new()),
        }
    }

    fn push(&mut self, folded: Folded) {
        match (self, folded) {
            (Self::Int(values), Folded::Int(value)) => values.append_option(value),
            (Self::Float(values), Folded::Float(value)) => values.append_option(value),
            (Self::Bool(values), Folded::Bool(value)) => values.append_option(value),
            (Self::Rows(rows), Folded::Row(row)) => rows.push(row),
            _ => debug_assert!(false, "a kind of fold gives one kind of result"),
        }
    }

    fn finish(self, output: &DataType, arrays: &[&ArrayRef]) -> arrow::error::Result<ArrayRef> {
        match self {
            Self::Int(mut values) => Ok(Arc::new(values.finish())),
            Self::Float(mut values) => Ok(Arc::new(values.finish())),
            Self::Bool(mut values) => Ok(Arc::new(values.finish())),
            Self::Rows(rows) => {
                // The null of a group without a row is taken from one more array.
                let null = new_null_array(output, 1);
                let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).chain([null.as_ref()]).collect();
                let none = (arrays.len() - 1, 0);
                let place = |row: Option<RowRef>| row.map_or(none, |row| (row.batch as usize, row.row as usize));
                interleave(&arrays, &rows.into_iter().map(place).collect::<Vec<_>>())
            }
        }
    }
}
