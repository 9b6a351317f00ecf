//! The aggregate functions by name, and the constants that some of them take.

use datafusion::sql::sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, Value};

/// The aggregate functions that Asof folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AggregateFunction {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    FirstValue,
    LastValue,
    BoolAnd,
    BoolOr,
    VarSample,
    VarPopulation,
    StddevSample,
    StddevPopulation,
    ApproxDistinct,
    ApproxMedian,
    ApproxPercentile,
    TopK,
}

/// The most values that `top_k` lists.
const MAX_TOP: usize = 1000;

impl AggregateFunction {
    const NAMES: [(&'static str, Self); 22] = [
        ("count", Self::Count),
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("mean", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("first_value", Self::FirstValue),
        ("last_value", Self::LastValue),
        ("bool_and", Self::BoolAnd),
        ("bool_or", Self::BoolOr),
        ("var", Self::VarSample),
        ("var_samp", Self::VarSample),
        ("var_sample", Self::VarSample),
        ("var_pop", Self::VarPopulation),
        ("stddev", Self::StddevSample),
        ("stddev_samp", Self::StddevSample),
        ("stddev_pop", Self::StddevPopulation),
        ("approx_distinct", Self::ApproxDistinct),
        ("approx_count_distinct", Self::ApproxDistinct),
        ("approx_median", Self::ApproxMedian),
        ("approx_percentile_cont", Self::ApproxPercentile),
        ("top_k", Self::TopK),
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, function)| *function)
    }

    pub(crate) fn names() -> Vec<&'static str> {
        Self::NAMES.iter().map(|(name, _)| *name).collect()
    }

    /// What the second argument is, in words; `None` for functions of one argument.
    pub(crate) fn second_argument(self) -> Option<String> {
        match self {
            Self::ApproxPercentile => {
                Some("a fraction from 0 to 1, as in `approx_percentile_cont(x, 0.95)`".to_owned())
            }
            Self::TopK => Some(format!("how many to list, from 1 to {MAX_TOP}, as in `top_k(x, 3)`")),
            _ => None,
        }
    }
}

/// The constant that a call has beside its argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Constant {
    None,
    Fraction(f64),
    Count(usize),
}

impl Constant {
    /// Reads the second argument of `function`; nothing if it is not a literal in its range.
    pub(crate) fn read(function: AggregateFunction, argument: &FunctionArg) -> Option<Self> {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else {
            return None;
        };
        let Value::Number(text, _) = &value.value else {
            return None;
        };
        match function {
            AggregateFunction::ApproxPercentile => {
                let fraction: f64 = text.parse().ok()?;
                (0.0..=1.0).contains(&fraction).then_some(Self::Fraction(fraction))
            }
            AggregateFunction::TopK => {
                let count: usize = text.parse().ok()?;
                (1..=MAX_TOP).contains(&count).then_some(Self::Count(count))
            }
            _ => None,
        }
    }
}
