//! Folding groups of rows: task by task, and what becomes of the results.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};

use super::extremes::{NONE, greatest, least};
use super::groups::{Groups, Selection, Spans};
use super::keys::Keys;
use super::plan::{Fold, Task, Use};
use super::typed::FoldKind;
use super::{AggregateProgram, hyper_log_log, lanes, quantiles, sliding, top};
use crate::error::EvaluationError;

impl AggregateProgram {
    /// Folds groups of rows into feature rows: one column per feature, in the order given to [`Self::compile`] and in
    /// the declared types; one row per group. `rows` are rows that [`Self::inputs`] has made, in the order of rows
    /// within each group; `groups` has a range for each of [`Self::windows`].
    ///
    /// A group's values follow from its rows and their order alone, bit for bit: not from which other rows or groups
    /// there are. Time: proportional to the rows and the groups; but to the rows in every window for sums and
    /// variances of floats, which are folded value by value, many windows at once.
    ///
    /// # Errors
    /// When the rows are not those of this program, a sum of whole numbers does not fit 64 bits, or the arithmetic
    /// around the calls cannot be computed for some group.
    pub fn fold(&self, rows: &RecordBatch, groups: &Groups) -> Result<Vec<ArrayRef>, EvaluationError> {
        let types = |fields: &arrow::datatypes::Fields| -> Vec<DataType> {
            fields.iter().map(|field| field.data_type().clone()).collect()
        };
        if self.outers.is_empty() {
            return Ok(Vec::new());
        }
        if types(rows.schema_ref().fields()) != types(self.input_schema.fields())
            || !groups.has_windows(self.windows.len())
        {
            return Err(self.error(0, "the inputs are not those of this program"));
        }
        let chosen = self.plan.chosen.iter().map(|chosen| chosen.select(rows, &self.inputs));
        let chosen: Vec<Selection> = chosen.collect();
        let mut slots: Vec<Option<ArrayRef>> = vec![None; self.slots.len()];
        for task in &self.plan.tasks {
            let folding = Folding {
                program: self,
                task,
                column: task.input.map(|input| rows.column(input)),
                selection: &chosen[task.chosen],
                windows: task
                    .windows
                    .iter()
                    .map(|window| chosen[task.chosen].spans(groups, *window))
                    .collect(),
            };
            folding.run(&mut slots)?;
        }
        let slots: Vec<ArrayRef> = slots.into_iter().flatten().collect();
        self.outputs(&slots, groups.len())
    }

    fn error(&self, feature: usize, reason: impl Into<String>) -> EvaluationError {
        self.outers[feature].compiled.error(reason.into())
    }
}

/// One task over one batch of rows.
struct Folding<'a> {
    program: &'a AggregateProgram,
    task: &'a Task,
    column: Option<&'a ArrayRef>,
    selection: &'a Selection,
    windows: Vec<Spans<'a>>,
}

impl Folding<'_> {
    /// Folds, and puts the results in their slots.
    fn run(&self, slots: &mut [Option<ArrayRef>]) -> Result<(), EvaluationError> {
        match self.task.fold {
            Fold::Ends => self.each(slots, |each, spans| self.ends(each, spans)),
            Fold::SumInt => {
                let values = self.whole();
                self.each_of(
                    slots,
                    |spans| sliding::sums(&values, spans),
                    |each, spans, sums| self.whole_results(each, spans, sums),
                )
            }
            Fold::SumFloat => {
                let values = self.floats();
                self.each_of(
                    slots,
                    |spans| lanes::sums(&values, spans),
                    |each, spans, sums| {
                        let divide = each.kind == FoldKind::AvgFloat;
                        let value = |sum: f64, count: u32| if divide { sum / f64::from(count) } else { sum };
                        Ok(floats(spans, sums, 1, value))
                    },
                )
            }
            Fold::Squares => {
                let values = self.floats();
                self.each_of(
                    slots,
                    |spans| lanes::squares(&values, spans),
                    |each, spans, squares| {
                        let FoldKind::Variance { sample, root } = each.kind else {
                            unreachable!("squares are folded for variances only");
                        };
                        let less = u32::from(sample);
                        let variance = |squares: f64, count: u32| squares / f64::from(count - less);
                        Ok(floats(spans, squares, 1 + less, |squares, count| {
                            let variance = variance(squares, count);
                            if root { variance.sqrt() } else { variance }
                        }))
                    },
                )
            }
            Fold::Least => self.places(slots, least),
            Fold::Greatest => self.places(slots, greatest),
            Fold::Distinct => {
                let (codes, firsts) = self.keys().codes();
                self.each_of(
                    slots,
                    |spans| sliding::distinct(&codes, firsts.len(), spans),
                    |_, _, counts| Ok(Arc::new(Int64Array::from(counts.clone()))),
                )
            }
            Fold::ApproxDistinct => {
                let mut estimates = hyper_log_log::estimates(&self.keys(), &self.windows).into_iter();
                self.each_of(
                    slots,
                    |_| estimates.next().unwrap_or_default(),
                    |_, _, counts| Ok(Arc::new(Int64Array::from(counts.clone()))),
                )
            }
            Fold::Quantiles => {
                self.quantiles(slots);
                Ok(())
            }
            Fold::Top => {
                let (codes, firsts) = self.keys().ordered_codes();
                self.each(slots, |each, spans| {
                    let FoldKind::TopK { count } = each.kind else {
                        unreachable!("the most frequent values are for `top_k` only");
                    };
                    let (top, ends) = top::most_frequent(&codes, firsts.len(), count, spans);
                    self.lists(spans, top.into_iter().map(|code| firsts[code as usize]), &ends)
                })
            }
        }
    }

    /// Makes each slot's results from its spans.
    fn each(
        &self,
        slots: &mut [Option<ArrayRef>],
        mut results: impl FnMut(&Use, &Spans<'_>) -> Result<ArrayRef, EvaluationError>,
    ) -> Result<(), EvaluationError> {
        for each in &self.task.uses {
            slots[each.slot] = Some(results(each, &self.windows[each.window])?);
        }
        Ok(())
    }

    /// Folds each window once, and makes the results of all slots on it from that.
    fn each_of<T>(
        &self,
        slots: &mut [Option<ArrayRef>],
        mut fold: impl FnMut(&Spans<'_>) -> T,
        results: impl Fn(&Use, &Spans<'_>, &T) -> Result<ArrayRef, EvaluationError>,
    ) -> Result<(), EvaluationError> {
        for (window, spans) in self.windows.iter().enumerate() {
            let folded = fold(spans);
            for each in self.task.uses.iter().filter(|each| each.window == window) {
                slots[each.slot] = Some(results(each, spans, &folded)?);
            }
        }
        Ok(())
    }

    /// What follows from the places of the first and the last value.
    fn ends(&self, each: &Use, spans: &Spans<'_>) -> Result<ArrayRef, EvaluationError> {
        match each.kind {
            FoldKind::First { .. } => self.taken(
                each,
                spans.iter().map(|(start, end)| if start < end { start } else { NONE }),
            ),
            FoldKind::Last { .. } => self.taken(
                each,
                spans
                    .iter()
                    .map(|(start, end)| if start < end { end - 1 } else { NONE }),
            ),
            _ => {
                let counts = spans.iter().map(|(start, end)| i64::from(end - start));
                Ok(Arc::new(Int64Array::from_iter_values(counts)))
            }
        }
    }

    fn whole_results(&self, each: &Use, spans: &Spans<'_>, sums: &[i128]) -> Result<ArrayRef, EvaluationError> {
        let counted = || sums.iter().zip(spans.iter().map(|(start, end)| end - start));
        Ok(match each.kind {
            FoldKind::AvgInt => {
                let averages = counted().map(|(sum, count)| (count > 0).then(|| *sum as f64 / f64::from(count)));
                Arc::new(averages.collect::<Float64Array>())
            }
            // The sum of truth values is how many are true.
            FoldKind::All => Arc::new(
                counted()
                    .map(|(sum, count)| (count > 0).then_some(*sum == i128::from(count)))
                    .collect::<BooleanArray>(),
            ),
            FoldKind::Any => Arc::new(
                counted()
                    .map(|(sum, count)| (count > 0).then_some(*sum > 0))
                    .collect::<BooleanArray>(),
            ),
            _ => {
                let fitting = counted().map(|(sum, count)| {
                    let fitting = i64::try_from(*sum).map_err(|_| {
                        let reason = format!("the sum {sum} does not fit int64; write `sum(cast(… as double))`");
                        self.program.error(self.program.slots[each.slot].feature, reason)
                    });
                    fitting.map(|fitting| (count > 0).then_some(fitting))
                });
                Arc::new(fitting.collect::<Result<Int64Array, _>>()?)
            }
        })
    }

    /// The least or the greatest value of each group.
    fn places(
        &self,
        slots: &mut [Option<ArrayRef>],
        find: impl Fn(&Keys<'_>, &[Spans<'_>]) -> Vec<Vec<u32>>,
    ) -> Result<(), EvaluationError> {
        let places = find(&self.keys(), &self.windows);
        self.each(slots, |each, _| self.taken(each, places[each.window].iter().copied()))
    }

    fn quantiles(&self, slots: &mut [Option<ArrayRef>]) {
        let values = self.floats();
        for (window, spans) in self.windows.iter().enumerate() {
            let uses = self.task.uses.iter().filter_map(|each| match each.kind {
                FoldKind::ApproxPercentile { fraction } if each.window == window => Some((each, fraction)),
                _ => None,
            });
            let (uses, fractions): (Vec<&Use>, Vec<f64>) = uses.unzip();
            let found = quantiles::percentiles(&values, &fractions, spans);
            for (each, found) in uses.into_iter().zip(&found) {
                slots[each.slot] = Some(floats(spans, found, 1, |value, _| value));
            }
        }
    }

    /// The values at places among those folded; null for [`NONE`].
    fn taken(&self, each: &Use, places: impl Iterator<Item = u32>) -> Result<ArrayRef, EvaluationError> {
        let rows: UInt32Array = places
            .map(|place| (place != NONE).then(|| self.selection.row(place)))
            .collect();
        self.take(each, &rows)
    }

    fn take(&self, each: &Use, rows: &UInt32Array) -> Result<ArrayRef, EvaluationError> {
        let feature = self.program.slots[each.slot].feature;
        let column = self.column.expect("a call that gives values has an argument");
        take(column, rows, None).map_err(|error| self.program.error(feature, error.to_string()))
    }

    /// Lists of the values at places, cut behind the places at `ends`; null for an empty span.
    fn lists(
        &self,
        spans: &Spans<'_>,
        places: impl Iterator<Item = u32>,
        ends: &[usize],
    ) -> Result<ArrayRef, EvaluationError> {
        let each = &self.task.uses[0];
        let rows = UInt32Array::from_iter_values(places.map(|place| self.selection.row(place)));
        let values = self.take(each, &rows)?;
        let lengths = ends
            .iter()
            .scan(0, |last, end| Some(end - std::mem::replace(last, *end)));
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let list = ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, present(spans, 1));
        let feature = self.program.slots[each.slot].feature;
        Ok(Arc::new(
            list.map_err(|error| self.program.error(feature, error.to_string()))?,
        ))
    }

    fn keys(&self) -> Keys<'_> {
        let column = self.column.expect("a call that compares values has an argument");
        Keys::new(column.as_ref(), self.selection)
    }

    /// Whole numbers; truth values as 1 and 0.
    fn whole(&self) -> Vec<i64> {
        let column = self.column.expect("a sum has an argument");
        if let Some(values) = column.as_boolean_opt() {
            return self.selection.map(|row| i64::from(values.value(row)));
        }
        let values = column.as_primitive::<Int64Type>().values();
        self.selection.map(|row| values[row])
    }

    fn floats(&self) -> Vec<f64> {
        let column = self.column.expect("a sum has an argument");
        if let Some(values) = column.as_primitive_opt::<Int64Type>() {
            let values = values.values();
            return self.selection.map(|row| values[row] as f64);
        }
        let values = column.as_primitive::<Float64Type>().values();
        self.selection.map(|row| values[row])
    }
}

/// Which spans have at least `least` values; `None`: all.
fn present(spans: &Spans<'_>, least: u32) -> Option<NullBuffer> {
    let nulls: NullBuffer = spans.iter().map(|(start, end)| end - start >= least).collect();
    Some(nulls).filter(|nulls| nulls.null_count() > 0)
}

/// A column of floats: of each span with at least `least` values, what `value` makes of its fold and its count.
fn floats(spans: &Spans<'_>, folded: &[f64], least: u32, value: impl Fn(f64, u32) -> f64) -> ArrayRef {
    let values = folded.iter().zip(spans.iter()).map(|(folded, (start, end))| {
        let count = end - start;
        if count >= least { value(*folded, count) } else { 0.0 }
    });
    Arc::new(Float64Array::new(values.collect(), present(spans, least)))
}
