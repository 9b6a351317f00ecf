//! What judges the SQL of definitions. The expression compiler implements it, so that there is only one.

use std::ops::Range;

use arrow::datatypes::DataType;
use asof_model::definition::{Feature, RequestField};
use asof_model::{ValueType, ViewName};

use crate::DiagnosticCode;

/// Judges SQL expressions. All of them must be deterministic.
///
/// `columns` are the columns of the source's row with their types; `None` where they are not known, and then only
/// what needs no column is judged. `declared` is the type that the expression's value must fit without loss.
pub trait ExpressionChecker {
    /// Judges an expression over one row of a source.
    ///
    /// # Errors
    /// The first problem found.
    fn check_row(
        &self,
        sql: &str,
        columns: Option<&[(String, DataType)]>,
        declared: Option<ValueType>,
    ) -> Result<(), ExpressionProblem>;

    /// Judges a condition over one row: an expression of type bool.
    ///
    /// # Errors
    /// The first problem found.
    fn check_condition(&self, sql: &str, columns: Option<&[(String, DataType)]>) -> Result<(), ExpressionProblem>;

    /// Judges an expression with aggregate functions over the rows of a window.
    ///
    /// # Errors
    /// The first problem found.
    fn check_aggregate(
        &self,
        sql: &str,
        columns: Option<&[(String, DataType)]>,
        declared: Option<ValueType>,
    ) -> Result<(), ExpressionProblem>;

    /// Judges an expression over the features of `tables` (written `table.feature`), the fields of a `request`
    /// (written bare) and `as_of()`.
    ///
    /// # Errors
    /// The first problem found.
    fn check_on_demand(
        &self,
        sql: &str,
        tables: &[(ViewName, Vec<Feature>)],
        request: &[RequestField],
        declared: Option<ValueType>,
    ) -> Result<(), ExpressionProblem>;
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionProblem {
    /// One of the codes for SQL.
    pub code: DiagnosticCode,
    /// What is wrong, naming the thing.
    pub message: String,
    /// The bytes of the expression where it is; `None`: all of it.
    pub span: Option<Range<usize>>,
    /// What to do.
    pub hint: Option<String>,
}
