//! Calls of aggregate functions, read from the syntax tree.

use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, NullTreatment,
};

use super::function::{AggregateFunction, Constant};
use crate::check::Checked;
use crate::error::{ExpressionError, ExpressionErrorKind};

/// One call of an aggregate function.
#[derive(Debug, Clone)]
pub(crate) struct AggregateCall {
    pub(crate) function: AggregateFunction,
    /// The function's name as written, in lower case.
    pub(crate) name: String,
    pub(crate) distinct: bool,
    pub(crate) ignore_nulls: bool,
    /// `None`: `*`.
    pub(crate) argument: Option<Checked>,
    pub(crate) constant: Constant,
    pub(crate) filter: Option<Checked>,
}

impl AggregateCall {
    /// Reads a call; `inside` checks its argument and its filter.
    pub(crate) fn read(
        function: AggregateFunction,
        name: &str,
        call: &Function,
        inside: impl Fn(Expr) -> Result<Checked, ExpressionError>,
    ) -> Result<Self, ExpressionError> {
        let FunctionArguments::List(list) = &call.args else {
            return Err(refused(format!("`{name}` is called with parentheses")));
        };
        if !call.within_group.is_empty() || call.parameters != FunctionArguments::None {
            return Err(refused(format!(
                "`{name}` takes its arguments in one pair of parentheses"
            )));
        }
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        if distinct && function != AggregateFunction::Count {
            return Err(refused(format!(
                "`distinct` is supported in `count(distinct …)`, not in `{name}`"
            )));
        }
        let ignore_nulls = ignores_nulls(call, list, name)?;
        let takes_nulls = matches!(function, AggregateFunction::FirstValue | AggregateFunction::LastValue);
        if ignore_nulls && !takes_nulls {
            return Err(refused(format!(
                "`{name}` leaves nulls out in any case; remove `ignore nulls`"
            )));
        }
        let second = function.second_argument();
        let mut constant = Constant::None;
        let argument = match (list.args.as_slice(), second) {
            ([FunctionArg::Unnamed(FunctionArgExpr::Wildcard)], _)
                if function == AggregateFunction::Count && !distinct =>
            {
                None
            }
            ([FunctionArg::Unnamed(FunctionArgExpr::Wildcard), ..], _) => {
                return Err(refused(format!(
                    "`{name}` needs one argument, and `*` is none; only `count(*)` takes it"
                )));
            }
            ([FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))], None) => Some(inside(expr.clone())?),
            ([FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)), more], Some(second)) => {
                let read = Constant::read(function, more);
                constant = read
                    .ok_or_else(|| refused(format!("the second argument of `{name}` is {second}, and not `{more}`")))?;
                Some(inside(expr.clone())?)
            }
            (arguments, None) => {
                let count = arguments.len();
                return Err(refused(format!("`{name}` takes one argument, not {count}")));
            }
            (arguments, Some(second)) => {
                let count = arguments.len();
                return Err(refused(format!(
                    "`{name}` takes two arguments, not {count}: a value, and {second}"
                )));
            }
        };
        let filter = call.filter.as_deref().cloned().map(inside).transpose()?;
        Ok(Self {
            function,
            name: name.to_owned(),
            distinct,
            ignore_nulls,
            argument,
            constant,
            filter,
        })
    }

    /// The columns that the argument and the filter read.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &String> {
        [&self.argument, &self.filter]
            .into_iter()
            .flatten()
            .flat_map(|part| &part.columns)
    }

    /// Whether both calls fold the same values in the same way.
    fn is_same(&self, other: &Self) -> bool {
        // Trees are compared by their text: their nodes also hold places, which differ.
        let text = |part: &Option<Checked>| part.as_ref().map(|part| part.expr.to_string());
        self.function == other.function
            && self.distinct == other.distinct
            && self.ignore_nulls == other.ignore_nulls
            && self.constant == other.constant
            && text(&self.argument) == text(&other.argument)
            && text(&self.filter) == text(&other.filter)
    }
}

fn ignores_nulls(call: &Function, list: &FunctionArgumentList, name: &str) -> Result<bool, ExpressionError> {
    let mut treatment = call.null_treatment;
    for clause in &list.clauses {
        match clause {
            FunctionArgumentClause::IgnoreOrRespectNulls(inner) => treatment = Some(*inner),
            FunctionArgumentClause::OrderBy(_) => {
                let message = format!("`{name}` takes no `order by`");
                return Err(refused(message).hint("rows are always folded by event time, then created time"));
            }
            other => return Err(refused(format!("`{name}` takes no `{other}`"))),
        }
    }
    Ok(treatment == Some(NullTreatment::IgnoreNulls))
}

fn refused(message: String) -> ExpressionError {
    ExpressionError::new(ExpressionErrorKind::Other, message)
}

/// All calls of a program, each once.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) all: Vec<AggregateCall>,
    /// The calls of the expression that is being checked, each once.
    pub(crate) used: Vec<usize>,
}

impl Calls {
    /// Adds a call and returns the name of the column that holds its results.
    pub(crate) fn add(&mut self, call: AggregateCall) -> String {
        let number = self
            .all
            .iter()
            .position(|known| known.is_same(&call))
            .unwrap_or_else(|| {
                self.all.push(call);
                self.all.len() - 1
            });
        if !self.used.contains(&number) {
            self.used.push(number);
        }
        column_name(number)
    }
}

/// The name of the column that holds the results of call `number`.
pub(crate) fn column_name(number: usize) -> String {
    format!("#{number}")
}
