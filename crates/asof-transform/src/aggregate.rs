//! Expressions over windows of rows: aggregate functions, and arithmetic around them.
//!
//! ```text
//!  sum(delay) filter (where late) / count(*)
//!  └──────────── call #0 ───────┘   └ #1 ──┘     the calls, folded by Asof
//!                    #0 / #1                     the rest, computed by DataFusion
//! ```
//!
//! Arguments and filters are computed once per batch of source rows ([`AggregateProgram::inputs`]); then groups of
//! rows, an entity's window up to a cutoff, are folded in the order of rows ([`AggregateProgram::fold`]).
//! DataFusion's own accumulators are not used: they fold in the order and grouping in which batches arrive, and floats
//! notice.
//!
//! | function | of | gives |
//! |---|---|---|
//! | `count(*)`, `count(x)`, `count(distinct x)` | anything; distinct: one value, told apart by its bits | `int64` |
//! | `sum` | whole numbers: exact, an error if it does not fit; floats: added in row order | `int64`, `float64` |
//! | `avg`, `mean` | whole numbers: the exact sum, divided once; floats: the sum in row order, divided | `float64` |
//! | `min`, `max` | one value; floats in IEEE total order: `-NaN < -inf < … < -0.0 < 0.0 < … < inf < NaN` | the same |
//! | `first_value`, `last_value` | anything, nulls counted unless `ignore nulls` | the same |
//! | `bool_and`, `bool_or` | `bool` | `bool` |
//! | `var`, `var_samp`, `var_pop`, `stddev`, `stddev_samp`, `stddev_pop` | numbers, by Welford's recurrence | `float64` |
//! | `approx_distinct`, `approx_count_distinct` | one value: HyperLogLog, standard error 1.6 % | `int64` |
//! | `approx_percentile_cont(x, p)`, `approx_median` | numbers: DDSketch, off by at most 0.4 % | `float64` |
//! | `top_k(x, k)` | one value: the `k` most frequent, exactly; ties by value, the least first | `array` of the same |
//!
//! Nulls are left out, except by `count(*)`, `first_value` and `last_value`. Over no rows, counts give 0 and all else
//! null; the sample variance of one row is null.
//!
//! # Cost
//!
//! Groups come with ranges that only move forward ([`Groups`]), so that most folds follow the window instead of starting
//! anew: values enter and leave counts, exact sums and buckets; extremes of all windows come from one stack. Sums and
//! variances of floats may not take values back, as rounding would show, and are folded for many windows side by side.
//! Functions of the same values share their folds.

mod call;
mod extremes;
mod fold;
mod function;
mod groups;
mod hyper_log_log;
mod keys;
mod lanes;
mod plan;
mod quantiles;
mod sliding;
mod top;
mod typed;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use asof_model::definition::WindowFeature;
use asof_model::{TimeSpan, ValueType};

pub(crate) use call::{AggregateCall, Calls};
pub(crate) use function::AggregateFunction;
pub use groups::Groups;

use crate::aggregate::plan::Plan;
use crate::aggregate::typed::{Input, TypedCall, merge_validity};
use crate::check::{Aggregates, Checked, check};
use crate::compile::{Compiled, assemble};
use crate::error::{EvaluationError, ExpressionError, ExpressionErrorKind};
use crate::scope::Scope;

/// A call folded over one of the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    call: usize,
    window: usize,
    /// A feature that reads it, named in errors.
    feature: usize,
}

/// A feature: the expression around its calls.
#[derive(Debug, Clone)]
struct Outer {
    compiled: Compiled,
    /// Columns `#call`, for the calls that the expression reads.
    schema: SchemaRef,
    /// The slots of those columns.
    slots: Vec<usize>,
    declared: ValueType,
}

/// The features of one aggregated view.
#[derive(Debug, Clone)]
pub struct AggregateProgram {
    windows: Vec<TimeSpan>,
    columns: BTreeSet<String>,
    source_schema: SchemaRef,
    inputs: Vec<Input>,
    input_schema: SchemaRef,
    slots: Vec<Slot>,
    plan: Plan,
    outers: Vec<Outer>,
}

/// Checks one window feature and returns what stands around its calls, which are added to `calls`.
pub(crate) fn check_feature(sql: &str, scope: &Scope, calls: &mut Calls) -> Result<Checked, ExpressionError> {
    calls.used.clear();
    let outer = check(sql, scope, Aggregates::Collected(calls))?;
    if calls.used.is_empty() {
        let message = "the expression has no aggregate function, so it says nothing about a window";
        let error = ExpressionError::new(ExpressionErrorKind::AggregateMissing, message);
        return Err(error.hint("write for instance `avg(x)`, `count(*)` or `last_value(x)`"));
    }
    Ok(outer)
}

impl AggregateProgram {
    /// Compiles the features of a view against its source's schema.
    ///
    /// # Errors
    /// The first feature that is refused, with its name.
    pub fn compile(schema: &Schema, features: &[WindowFeature]) -> Result<Self, ExpressionError> {
        let scope = Scope::row(Some(schema));
        let mut calls = Calls::default();
        let mut checked = Vec::with_capacity(features.len());
        for feature in features {
            let outer =
                check_feature(&feature.expr, &scope, &mut calls).map_err(|error| error.of(feature.name.as_str()))?;
            checked.push((outer, calls.used.clone()));
        }
        let columns: BTreeSet<String> = calls.all.iter().flat_map(AggregateCall::columns).cloned().collect();
        let source_schema = scope.schema(&columns);

        let mut inputs = Vec::new();
        let mut typed = Vec::with_capacity(calls.all.len());
        for (number, call) in calls.all.iter().enumerate() {
            let owner = checked
                .iter()
                .position(|(_, used)| used.contains(&number))
                .unwrap_or_default();
            let (name, sql) = (features[owner].name.as_str(), features[owner].expr.as_str());
            let call = TypedCall::new(call, &source_schema, &mut inputs, name, sql).map_err(|error| error.of(name))?;
            typed.push(call);
        }
        merge_validity(&mut inputs, &mut typed);

        let windows: BTreeSet<TimeSpan> = features.iter().map(|feature| feature.window).collect();
        let windows: Vec<TimeSpan> = windows.into_iter().collect();
        let mut slots: Vec<Slot> = Vec::new();
        let mut outers = Vec::with_capacity(features.len());
        for (number, (feature, (outer, used))) in features.iter().zip(&checked).enumerate() {
            let window = windows.partition_point(|window| *window < feature.window);
            let own = used.iter().map(|&call| {
                let known = slots.iter().position(|slot| slot.call == call && slot.window == window);
                known.unwrap_or_else(|| {
                    let feature = number;
                    slots.push(Slot { call, window, feature });
                    slots.len() - 1
                })
            });
            let own: Vec<usize> = own.collect();
            let fields = used
                .iter()
                .map(|&call| Field::new(call::column_name(call), typed[call].output.arrow(), true));
            let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            let compiled = Compiled::plan(feature.name.as_str(), &feature.expr, outer, &schema)?;
            compiled.expect(feature.value_type)?;
            outers.push(Outer {
                compiled,
                schema,
                slots: own,
                declared: feature.value_type,
            });
        }
        let fields = inputs
            .iter()
            .enumerate()
            .map(|(number, input)| Field::new(number.to_string(), input.arrow(), true));
        let input_schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self {
            windows,
            columns,
            source_schema,
            inputs,
            input_schema,
            plan: Plan::new(&typed, &slots),
            slots,
            outers,
        })
    }

    /// The windows of all features, each once, ascending.
    pub fn windows(&self) -> &[TimeSpan] {
        &self.windows
    }

    /// About how many bytes of memory the features of one group take.
    pub fn row_bytes(&self) -> usize {
        // Texts and lists are as long as they happen to be.
        let bytes = |outer: &Outer| outer.declared.arrow().primitive_width().unwrap_or(24) + 1;
        self.outers.iter().map(bytes).sum()
    }

    /// The source's columns that the expressions read.
    pub fn columns(&self) -> &BTreeSet<String> {
        &self.columns
    }

    /// The schema of what [`Self::inputs`] returns. Its columns are of Asof's own types.
    pub fn input_schema(&self) -> &SchemaRef {
        &self.input_schema
    }

    /// The arguments and filters of all calls, computed for each row of a batch: one row for one row. The result may
    /// be sliced, filtered, sorted and joined with other such results before it is folded.
    ///
    /// # Errors
    /// When a column is missing, or an argument cannot be computed for some row.
    pub fn inputs(&self, batch: &RecordBatch) -> Result<RecordBatch, EvaluationError> {
        let Some(first) = self.outers.first() else {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.input_schema)));
        };
        let frame = first.compiled.frame(&self.source_schema, batch)?;
        let columns = self.inputs.iter().map(|input| input.evaluate(&frame));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        assemble(&self.input_schema, columns, batch.num_rows()).map_err(|reason| first.compiled.error(reason))
    }

    /// The features' columns, from those of the slots.
    fn outputs(&self, slots: &[ArrayRef], groups: usize) -> Result<Vec<ArrayRef>, EvaluationError> {
        let outputs = self.outers.iter().map(|outer| {
            let columns = outer.slots.iter().map(|&slot| Arc::clone(&slots[slot])).collect();
            let frame = assemble(&outer.schema, columns, groups).map_err(|reason| outer.compiled.error(reason))?;
            outer.compiled.evaluate_as(&frame, outer.declared)
        });
        outputs.collect()
    }
}
