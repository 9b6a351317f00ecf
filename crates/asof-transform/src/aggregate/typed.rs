//! Calls with their types: which columns they fold, and what they give.

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::is_not_null;
use arrow::datatypes::{DataType, SchemaRef};
use asof_model::conform::{can_conform, type_name};
use asof_model::{ScalarType, ValueType};

use super::call::AggregateCall;
use super::function::{AggregateFunction, Constant};
use crate::check::Checked;
use crate::compile::Compiled;
use crate::error::{EvaluationError, ExpressionError, ExpressionErrorKind};
use crate::guard::nulls_as_false;

const INT64: ValueType = ValueType::Scalar(ScalarType::Int64);
const FLOAT64: ValueType = ValueType::Scalar(ScalarType::Float64);
const BOOL: ValueType = ValueType::Scalar(ScalarType::Bool);

/// What a function needs, in words.
const NUMBER: &str = "a number";
const TRUTH: &str = "bool";

/// What is kept of a computed argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputKind {
    /// Its values, in this type.
    Values(ValueType),
    /// Whether there is one. No nulls.
    Validity,
    /// Whether it is true. No nulls.
    Mask,
}

/// A column that calls fold, computed from source rows.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    compiled: Compiled,
    kind: InputKind,
    /// The expression's text with flat names, by which equal inputs are found.
    text: String,
}

impl Input {
    pub(crate) fn arrow(&self) -> DataType {
        match self.kind {
            InputKind::Values(value_type) => value_type.arrow(),
            InputKind::Validity | InputKind::Mask => DataType::Boolean,
        }
    }

    /// Whether its values are kept, so that what is missing is null.
    pub(crate) fn has_values(&self) -> bool {
        matches!(self.kind, InputKind::Values(_))
    }

    pub(crate) fn evaluate(&self, frame: &RecordBatch) -> Result<ArrayRef, EvaluationError> {
        let mask = |mask: BooleanArray| -> ArrayRef { std::sync::Arc::new(mask) };
        match self.kind {
            InputKind::Values(value_type) => self.compiled.evaluate_as(frame, value_type),
            InputKind::Validity => {
                let values = self.compiled.evaluate(frame)?;
                is_not_null(&values)
                    .map(mask)
                    .map_err(|error| self.compiled.error(error.to_string()))
            }
            InputKind::Mask => {
                let values = self.compiled.evaluate_as(frame, BOOL)?;
                Ok(mask(nulls_as_false(values.as_boolean())))
            }
        }
    }
}

/// How rows become one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FoldKind {
    CountRows,
    CountValid,
    CountDistinct,
    SumInt,
    SumFloat,
    AvgInt,
    AvgFloat,
    Min,
    Max,
    First { ignore_nulls: bool },
    Last { ignore_nulls: bool },
    All,
    Any,
    Variance { sample: bool, root: bool },
    ApproxDistinct,
    ApproxPercentile { fraction: f64 },
    TopK { count: usize },
}

/// A call whose types are known.
#[derive(Debug, Clone)]
pub(crate) struct TypedCall {
    pub(crate) kind: FoldKind,
    /// The column of the argument.
    pub(crate) input: Option<usize>,
    /// The column of the filter.
    pub(crate) filter: Option<usize>,
    /// The type of the results.
    pub(crate) output: ValueType,
}

impl TypedCall {
    /// Types `call`, adding the columns that it folds to `inputs`. `name` and `sql` are the feature's, for errors.
    pub(crate) fn new(
        call: &AggregateCall,
        schema: &SchemaRef,
        inputs: &mut Vec<Input>,
        name: &str,
        sql: &str,
    ) -> Result<Self, ExpressionError> {
        let filter = match &call.filter {
            None => None,
            Some(filter) => {
                let compiled = Compiled::plan(name, sql, filter, schema)?;
                if !can_conform(compiled.data_type(), BOOL) {
                    let actual = type_name(compiled.data_type());
                    let message = format!("the filter of `{}` gives {actual}, not bool", call.name);
                    return Err(ExpressionError::new(ExpressionErrorKind::Other, message));
                }
                Some(add(inputs, compiled, InputKind::Mask, filter))
            }
        };
        let Some(argument) = &call.argument else {
            return Ok(Self {
                kind: FoldKind::CountRows,
                input: None,
                filter,
                output: INT64,
            });
        };
        let compiled = Compiled::plan(name, sql, argument, schema)?;
        let (kind, wanted, output) = resolve(call, compiled.data_type())?;
        let input = Some(add(inputs, compiled, wanted, argument));
        Ok(Self {
            kind,
            input,
            filter,
            output,
        })
    }
}

fn add(inputs: &mut Vec<Input>, compiled: Compiled, kind: InputKind, checked: &Checked) -> usize {
    let text = checked.expr.to_string();
    let known = inputs.iter().position(|input| input.kind == kind && input.text == text);
    known.unwrap_or_else(|| {
        inputs.push(Input { compiled, kind, text });
        inputs.len() - 1
    })
}

/// Drops the inputs that say only which values of another input are missing, and lets the calls read that one.
pub(crate) fn merge_validity(inputs: &mut Vec<Input>, calls: &mut [TypedCall]) {
    let stands_for = |(at, input): (usize, &Input)| match input.kind {
        InputKind::Validity => {
            let values = inputs
                .iter()
                .position(|other| other.has_values() && other.text == input.text);
            values.unwrap_or(at)
        }
        InputKind::Values(_) | InputKind::Mask => at,
    };
    let stands_for: Vec<usize> = inputs.iter().enumerate().map(stands_for).collect();
    let kept: Vec<usize> = (0..inputs.len()).filter(|at| stands_for[*at] == *at).collect();
    // What an input stands for is kept, as it stands for itself; numbers only move down.
    let moved = |at: usize| kept.partition_point(|kept| *kept < stands_for[at]);
    for call in calls {
        call.input = call.input.map(moved);
        call.filter = call.filter.map(moved);
    }
    let mut at = 0;
    inputs.retain(|_| {
        at += 1;
        stands_for[at - 1] == at - 1
    });
}

/// How the call folds an argument of the type `argument`, what it needs of it, and what it gives.
fn resolve(call: &AggregateCall, argument: &DataType) -> Result<(FoldKind, InputKind, ValueType), ExpressionError> {
    use AggregateFunction as F;
    let natural = natural(argument);
    let refused = |wanted: &str| {
        let found = type_name(argument);
        let message = format!("`{}` needs {wanted}, and its argument is {found}", call.name);
        let error = ExpressionError::new(ExpressionErrorKind::Other, message);
        match (wanted, natural) {
            (NUMBER, Some(BOOL)) => error.hint("count rows with `count(*) filter (where …)`"),
            (NUMBER, _) => error.hint("write a cast, as in `cast(x as double)`"),
            (TRUTH, _) => error.hint("write a condition, as in `x > 0`"),
            _ => error,
        }
    };
    let scalar = || match natural {
        Some(value @ ValueType::Scalar(_)) => Ok(value),
        _ => Err(refused("a single value of one of Asof's types")),
    };
    let is_whole = || match natural {
        Some(ValueType::Scalar(ScalarType::Int32 | ScalarType::Int64)) => Ok(true),
        Some(ValueType::Scalar(ScalarType::Float32 | ScalarType::Float64)) => Ok(false),
        _ => Err(refused(NUMBER)),
    };
    let number = |whole: bool| InputKind::Values(if whole { INT64 } else { FLOAT64 });
    let same = |kind: FoldKind, value: ValueType| (kind, InputKind::Values(value), value);
    let variance = |sample, root| Ok((FoldKind::Variance { sample, root }, number(is_whole()?), FLOAT64));
    let truth = |kind| match natural {
        Some(BOOL) => Ok(same(kind, BOOL)),
        _ => Err(refused(TRUTH)),
    };
    match call.function {
        F::Count if call.distinct => Ok((FoldKind::CountDistinct, InputKind::Values(scalar()?), INT64)),
        F::Count => Ok((FoldKind::CountValid, InputKind::Validity, INT64)),
        F::Sum if is_whole()? => Ok((FoldKind::SumInt, number(true), INT64)),
        F::Sum => Ok((FoldKind::SumFloat, number(false), FLOAT64)),
        F::Avg if is_whole()? => Ok((FoldKind::AvgInt, number(true), FLOAT64)),
        F::Avg => Ok((FoldKind::AvgFloat, number(false), FLOAT64)),
        F::Min => Ok(same(FoldKind::Min, scalar()?)),
        F::Max => Ok(same(FoldKind::Max, scalar()?)),
        F::FirstValue | F::LastValue => {
            let value = natural.ok_or_else(|| refused("one of Asof's types"))?;
            let ignore_nulls = call.ignore_nulls;
            let kind = match call.function {
                F::FirstValue => FoldKind::First { ignore_nulls },
                _ => FoldKind::Last { ignore_nulls },
            };
            Ok(same(kind, value))
        }
        F::BoolAnd => truth(FoldKind::All),
        F::BoolOr => truth(FoldKind::Any),
        F::VarSample => variance(true, false),
        F::VarPopulation => variance(false, false),
        F::StddevSample => variance(true, true),
        F::StddevPopulation => variance(false, true),
        F::ApproxDistinct => Ok((FoldKind::ApproxDistinct, InputKind::Values(scalar()?), INT64)),
        F::ApproxMedian | F::ApproxPercentile => {
            let fraction = match call.constant {
                Constant::Fraction(fraction) => fraction,
                Constant::None | Constant::Count(_) => 0.5,
            };
            let kind = FoldKind::ApproxPercentile { fraction };
            Ok((kind, number(is_whole()?), FLOAT64))
        }
        F::TopK => {
            let value = scalar()?;
            let (Constant::Count(count), ValueType::Scalar(item)) = (call.constant, value) else {
                return Err(refused("a single value of one of Asof's types"));
            };
            let kind = FoldKind::TopK { count };
            Ok((kind, InputKind::Values(value), ValueType::Array(item)))
        }
    }
}

/// The narrowest of Asof's types that holds values of an Arrow type without loss.
fn natural(data_type: &DataType) -> Option<ValueType> {
    let scalars = ScalarType::ALL.into_iter().map(ValueType::Scalar);
    let arrays = ScalarType::ALL.into_iter().map(ValueType::Array);
    scalars.chain(arrays).find(|value| can_conform(data_type, *value))
}
