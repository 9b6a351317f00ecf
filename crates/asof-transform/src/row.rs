//! Expressions over a source's row: features, times and filters.

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::kernels::boolean::not;
use arrow::datatypes::{Schema, SchemaRef};
use asof_model::{ScalarType, ValueType};

use crate::check::{Aggregates, check};
use crate::compile::Compiled;
use crate::error::{EvaluationError, ExpressionError};
use crate::guard::nulls_as_false;
use crate::scope::Scope;

/// Several expressions over the rows of one source, each giving one column.
///
/// A row's values follow from that row alone: they are the same bits however the rows are split into batches.
#[derive(Debug, Clone)]
pub struct RowProgram {
    outputs: Vec<(Compiled, ValueType)>,
    columns: BTreeSet<String>,
    schema: SchemaRef,
}

impl RowProgram {
    /// Compiles `outputs`, each a name (for errors), SQL text and declared type, against the source's schema.
    /// Column names are matched exactly, quoted or not; [`column_expression`] writes one for any name.
    ///
    /// # Errors
    /// The first expression that is refused, with its name.
    pub fn compile(schema: &Schema, outputs: &[(String, String, ValueType)]) -> Result<Self, ExpressionError> {
        let scope = Scope::row(Some(schema));
        let mut checked = Vec::with_capacity(outputs.len());
        let mut columns = BTreeSet::new();
        for (name, sql, _) in outputs {
            let expr = check(sql, &scope, Aggregates::Refused(None)).map_err(|error| error.of(name))?;
            columns.extend(expr.columns.iter().cloned());
            checked.push(expr);
        }
        let schema = scope.schema(&columns);
        let compiled = outputs.iter().zip(&checked).map(|((name, sql, declared), checked)| {
            let compiled = Compiled::plan(name, sql, checked, &schema)?;
            compiled.expect(*declared)?;
            Ok((compiled, *declared))
        });
        Ok(Self {
            outputs: compiled.collect::<Result<_, _>>()?,
            columns,
            schema,
        })
    }

    /// The source's columns that the expressions read.
    pub fn columns(&self) -> &BTreeSet<String> {
        &self.columns
    }

    /// One column per output, in their order, each in the Arrow type of its declared type. `batch` must have the
    /// columns of [`Self::columns`] in the types of the schema compiled against; others are ignored.
    ///
    /// # Errors
    /// When a column is missing, or an expression cannot be computed for some row.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, EvaluationError> {
        let Some((first, _)) = self.outputs.first() else {
            return Ok(Vec::new());
        };
        let frame = first.frame(&self.schema, batch)?;
        let columns = self
            .outputs
            .iter()
            .map(|(compiled, declared)| compiled.evaluate_as(&frame, *declared));
        columns.collect()
    }
}

/// A condition over the rows of one source, or over any other rows with named columns.
#[derive(Debug, Clone)]
pub struct Condition {
    compiled: Compiled,
    columns: BTreeSet<String>,
    schema: SchemaRef,
}

impl Condition {
    /// Compiles `sql`, which must give `bool`, against the rows' schema.
    ///
    /// # Errors
    /// Why it is refused. The error has no name; the caller knows what the condition is for.
    pub fn compile(schema: &Schema, sql: &str) -> Result<Self, ExpressionError> {
        let scope = Scope::row(Some(schema));
        let checked = check(sql, &scope, Aggregates::Refused(None))?;
        let schema = scope.schema(&checked.columns);
        let nameless = |error: ExpressionError| ExpressionError { name: None, ..error };
        let compiled = Compiled::plan("condition", sql, &checked, &schema).map_err(nameless)?;
        compiled.expect(ValueType::Scalar(ScalarType::Bool)).map_err(nameless)?;
        Ok(Self {
            compiled,
            columns: checked.columns,
            schema,
        })
    }

    /// The columns that the condition reads.
    pub fn columns(&self) -> &BTreeSet<String> {
        &self.columns
    }

    /// Where the condition is true. No nulls: where it is null, the answer is false.
    ///
    /// # Errors
    /// As [`RowProgram::evaluate`].
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, EvaluationError> {
        Ok(nulls_as_false(&self.truth(batch)?))
    }

    /// Where the condition is true or null, that is, not broken. No nulls.
    ///
    /// # Errors
    /// As [`RowProgram::evaluate`].
    pub fn holds_or_is_null(&self, batch: &RecordBatch) -> Result<BooleanArray, EvaluationError> {
        let truth = self.truth(batch)?;
        let broken = nulls_as_false(&not(&truth).map_err(|error| self.compiled.error(error.to_string()))?);
        not(&broken).map_err(|error| self.compiled.error(error.to_string()))
    }

    fn truth(&self, batch: &RecordBatch) -> Result<BooleanArray, EvaluationError> {
        let frame = self.compiled.frame(&self.schema, batch)?;
        let truth = self.compiled.evaluate_as(&frame, ValueType::Scalar(ScalarType::Bool))?;
        Ok(truth.as_boolean().clone())
    }
}

/// The SQL text that reads the column `name`, whatever characters the name has.
pub fn column_expression(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
