//! From a checked syntax tree to something that computes a column.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_empty_array};
use arrow::datatypes::{DataType, SchemaRef};
use asof_model::ValueType;
use asof_model::conform::{can_conform, conform, type_name};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::sql::sqlparser::ast::ExprWithAlias;

use crate::check::Checked;
use crate::error::{EvaluationError, ExpressionError, ExpressionErrorKind};
use crate::guard;
use crate::scope::plain;
use crate::session;
use crate::text;

/// One expression, ready to be computed over batches of one flat schema.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    name: String,
    sql: String,
    expr: Arc<dyn PhysicalExpr>,
    data_type: DataType,
}

impl Compiled {
    /// Plans `checked` over the flat columns of `schema`.
    pub(crate) fn plan(name: &str, sql: &str, checked: &Checked, schema: &SchemaRef) -> Result<Self, ExpressionError> {
        let planned = plan(checked, schema).and_then(|expr| {
            let data_type = expr.data_type(schema)?;
            Ok((expr, data_type))
        });
        let (expr, data_type) =
            planned.map_err(|error| ExpressionError::new(ExpressionErrorKind::Other, reason(&error)).of(name))?;
        Ok(Self {
            name: name.to_owned(),
            sql: sql.to_owned(),
            expr,
            data_type,
        })
    }

    pub(crate) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Refuses the expression if its type does not fit `declared` without loss.
    pub(crate) fn expect(&self, declared: ValueType) -> Result<(), ExpressionError> {
        if can_conform(&self.data_type, declared) {
            return Ok(());
        }
        let actual = type_name(&self.data_type);
        let cast = sql_type(declared).map(|to| format!("`cast({} as {to})`", self.sql.trim()));
        let hint = match cast {
            Some(cast) => format!("declare the type that it has, or write {cast}"),
            None => "declare the type that it has".to_owned(),
        };
        let message = format!("the expression gives {actual}, and {declared} is declared");
        Err(
            ExpressionError::new(ExpressionErrorKind::WrongType { declared, actual }, message)
                .hint(hint)
                .of(&self.name),
        )
    }

    /// The expression's value for each row of a batch of the flat schema.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef, EvaluationError> {
        // Without rows nothing is computed, so a constant expression that errs does so only where there is a row.
        if batch.num_rows() == 0 {
            return Ok(new_empty_array(&self.data_type));
        }
        let value = self
            .expr
            .evaluate(batch)
            .and_then(|value| value.into_array(batch.num_rows()));
        value.map_err(|error| self.error(reason(&error)))
    }

    /// The same, in the Arrow type of `declared`.
    pub(crate) fn evaluate_as(&self, batch: &RecordBatch, declared: ValueType) -> Result<ArrayRef, EvaluationError> {
        let value = self.evaluate(batch)?;
        conform(&value, declared).map_err(|error| self.error(error.to_string()))
    }

    pub(crate) fn error(&self, reason: String) -> EvaluationError {
        EvaluationError {
            name: self.name.clone(),
            expression: self.sql.clone(),
            reason,
        }
    }

    /// The batch of the flat schema with the columns that `batch` has under those names.
    pub(crate) fn frame(&self, schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, EvaluationError> {
        frame(schema, batch).map_err(|reason| self.error(reason))
    }
}

fn frame(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, String> {
    let columns = schema.fields().iter().map(|field| {
        let column = batch
            .column_by_name(field.name())
            .ok_or_else(|| format!("the rows have no column `{}`", field.name()))?;
        let wanted = field.data_type();
        if column.data_type() == wanted {
            return Ok(Arc::clone(column));
        }
        if plain(column.data_type()) == *wanted {
            return arrow::compute::cast(column, wanted).map_err(|error| text::first_line(&error.to_string()));
        }
        let (found, wanted) = (type_name(column.data_type()), type_name(wanted));
        Err(format!(
            "column `{}` is {found} in these rows, and {wanted} in the source's schema",
            field.name()
        ))
    });
    assemble(schema, columns.collect::<Result<_, _>>()?, batch.num_rows())
}

/// A batch of `rows` rows, also when there is no column to count them by.
pub(crate) fn assemble(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, String> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| text::first_line(&error.to_string()))
}

fn plan(checked: &Checked, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
    let state = session::state();
    let columns = DFSchema::try_from(schema.as_ref().clone())?;
    let tree = ExprWithAlias {
        expr: checked.expr.clone(),
        alias: None,
    };
    let expr = state.create_logical_expr_from_sql_expr(tree, &columns)?;
    if let Some(foreign) = foreign(&expr)? {
        return datafusion::common::plan_err!("{foreign} has no meaning here");
    }
    let context = SimplifyContext::builder()
        .with_schema(Arc::new(columns.clone()))
        .with_config_options(Arc::clone(state.config_options()))
        .build();
    let simplifier = ExprSimplifier::new(context);
    let expr = simplifier.simplify(simplifier.coerce(expr, &columns)?)?;
    guard::guard(state.create_physical_expr(expr, &columns)?)
}

/// A part that no row expression may have. The walk over the syntax tree refuses these in better words; this is the
/// net below it, should the planner make one of them from syntax that looks harmless.
fn foreign(expr: &Expr) -> Result<Option<&'static str>> {
    let mut found = None;
    expr.apply(|node| {
        found = match node {
            Expr::AggregateFunction(_) => Some("an aggregate function"),
            Expr::WindowFunction(_) => Some("a window function"),
            Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) | Expr::ScalarSubquery(_) => Some("a query"),
            Expr::ScalarVariable(..) | Expr::Placeholder(_) => Some("a variable"),
            Expr::OuterReferenceColumn(..) | Expr::GroupingSet(_) => Some("a part of a query"),
            Expr::Unnest(_) => Some("`unnest`"),
            _ if node.is_volatile_node() => Some("a function that gives another answer each time"),
            _ => None,
        };
        Ok(match found {
            Some(_) => datafusion::common::tree_node::TreeNodeRecursion::Stop,
            None => datafusion::common::tree_node::TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found)
}

/// The innermost message of an error, in our style.
fn reason(error: &DataFusionError) -> String {
    text::first_line(&match error.find_root() {
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            arrow::error::ArrowError::DivideByZero => "division by zero".to_owned(),
            arrow::error::ArrowError::ComputeError(text)
            | arrow::error::ArrowError::CastError(text)
            | arrow::error::ArrowError::ParseError(text)
            | arrow::error::ArrowError::InvalidArgumentError(text)
            | arrow::error::ArrowError::ArithmeticOverflow(text) => text.clone(),
            other => other.to_string(),
        },
        other => other.message().into_owned(),
    })
}

/// What to write behind `as` in a cast to `declared`; nothing where SQL has no word for it.
fn sql_type(declared: ValueType) -> Option<&'static str> {
    use asof_model::ScalarType as T;
    match declared {
        ValueType::Array(_) => None,
        ValueType::Scalar(scalar) => Some(match scalar {
            T::Bool => "boolean",
            T::Int32 => "int",
            T::Int64 => "bigint",
            T::Float32 => "real",
            T::Float64 => "double",
            T::String => "varchar",
            T::Bytes => "bytea",
            T::Timestamp => "timestamp",
        }),
    }
}
