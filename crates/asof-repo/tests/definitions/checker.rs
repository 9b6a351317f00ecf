//! A stand-in for the expression compiler: it knows a few words, and says where they are.

use arrow::datatypes::DataType;
use asof_model::definition::{Feature, RequestField};
use asof_model::{ValueType, ViewName};
use asof_repo::{DiagnosticCode, ExpressionChecker, ExpressionProblem};

pub(crate) struct Words;

type Found = Result<(), ExpressionProblem>;

const BAD: [(&str, DiagnosticCode, &str); 7] = [
    ("><", DiagnosticCode::SqlSyntax, "this is not SQL"),
    (
        "no_such_column",
        DiagnosticCode::SqlUnknownColumn,
        "there is no column `no_such_column`",
    ),
    ("'text'", DiagnosticCode::SqlWrongType, "the expression is string"),
    (
        "now()",
        DiagnosticCode::SqlNonDeterministic,
        "`now` gives another answer each time",
    ),
    ("(select", DiagnosticCode::SqlNotAllowed, "subqueries are not allowed"),
    (
        "no_such_function",
        DiagnosticCode::SqlUnknownFunction,
        "there is no function `no_such_function`",
    ),
    ("1 / 0", DiagnosticCode::SqlRefused, "division by zero"),
];

fn find(sql: &str) -> Found {
    for (word, code, message) in BAD {
        if let Some(at) = sql.find(word) {
            return Err(problem(code, message, Some(at..at + word.len())));
        }
    }
    Ok(())
}

fn problem(code: DiagnosticCode, message: &str, span: Option<std::ops::Range<usize>>) -> ExpressionProblem {
    ExpressionProblem {
        code,
        message: message.to_owned(),
        span,
        hint: None,
    }
}

impl ExpressionChecker for Words {
    fn check_row(&self, sql: &str, columns: Option<&[(String, DataType)]>, _declared: Option<ValueType>) -> Found {
        if let Some(at) = sql.find("avg(") {
            let message = "`avg` aggregates rows, and here is one";
            return Err(problem(
                DiagnosticCode::SqlAggregateNotAllowed,
                message,
                Some(at..at + 3),
            ));
        }
        if columns.is_some_and(|columns| columns.iter().all(|(name, _)| !sql.contains(name.as_str()))) {
            return Err(problem(
                DiagnosticCode::SqlUnknownColumn,
                "no column of the source is read",
                None,
            ));
        }
        find(sql)
    }

    fn check_condition(&self, sql: &str, _columns: Option<&[(String, DataType)]>) -> Found {
        find(sql)
    }

    fn check_aggregate(
        &self,
        sql: &str,
        _columns: Option<&[(String, DataType)]>,
        _declared: Option<ValueType>,
    ) -> Found {
        if sql.contains('(') {
            return find(sql);
        }
        Err(problem(
            DiagnosticCode::SqlAggregateMissing,
            "nothing is aggregated",
            None,
        ))
    }

    fn check_on_demand(
        &self,
        sql: &str,
        tables: &[(ViewName, Vec<Feature>)],
        _request: &[RequestField],
        _declared: Option<ValueType>,
    ) -> Found {
        if let Some((table, _)) = sql.split_once('.')
            && !tables.iter().any(|(name, _)| name.as_str() == table)
        {
            let message = format!("there is no table `{table}`");
            return Err(problem(
                DiagnosticCode::SqlUnknownColumn,
                &message,
                Some(0..table.len()),
            ));
        }
        find(sql)
    }
}
