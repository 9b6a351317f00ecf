//! The judge of SQL that the definitions' reader calls: the compiler, asked only whether it would accept.

use arrow::datatypes::{DataType, Field, Schema};
use asof_model::definition::{Feature, Metadata, RequestField, WindowFeature};
use asof_model::{FeatureName, ScalarType, TimeSpan, ValueType, ViewName};
use asof_repo::{DiagnosticCode, ExpressionChecker, ExpressionProblem};

use crate::aggregate::{self, AggregateProgram, Calls};
use crate::check::{Aggregates, check};
use crate::compile::Compiled;
use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::scope::Scope;

/// Accepts the expressions that the compiler accepts, and says of the others what is wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqlChecker;

impl ExpressionChecker for SqlChecker {
    fn check_row(
        &self,
        sql: &str,
        columns: Option<&[(String, DataType)]>,
        declared: Option<ValueType>,
    ) -> Result<(), ExpressionProblem> {
        Ok(row(sql, &Scope::row(schema(columns).as_ref()), declared)?)
    }

    fn check_condition(&self, sql: &str, columns: Option<&[(String, DataType)]>) -> Result<(), ExpressionProblem> {
        self.check_row(sql, columns, Some(ValueType::Scalar(ScalarType::Bool)))
    }

    fn check_aggregate(
        &self,
        sql: &str,
        columns: Option<&[(String, DataType)]>,
        declared: Option<ValueType>,
    ) -> Result<(), ExpressionProblem> {
        let schema = schema(columns);
        aggregate::check_feature(sql, &Scope::row(schema.as_ref()), &mut Calls::default())?;
        if let (Some(schema), Some(value_type)) = (schema, declared) {
            let feature = WindowFeature {
                name: FeatureName::try_new("expression").expect("these letters are a name"),
                value_type,
                expr: sql.to_owned(),
                window: TimeSpan::from_micros(1).expect("one is above zero"),
                metadata: Metadata::default(),
            };
            AggregateProgram::compile(&schema, &[feature])?;
        }
        Ok(())
    }

    fn check_on_demand(
        &self,
        sql: &str,
        tables: &[(ViewName, Vec<Feature>)],
        request: &[RequestField],
        declared: Option<ValueType>,
    ) -> Result<(), ExpressionProblem> {
        let inputs = tables.iter().flat_map(|(table, features)| {
            let table = table.as_str();
            features.iter().map(move |feature| {
                let name = feature.name.as_str().to_owned();
                (Some(table.to_owned()), name, feature.value_type.arrow())
            })
        });
        let fields = request.iter();
        let fields = fields.map(|field| (None, field.name.as_str().to_owned(), field.value_type.arrow()));
        Ok(row(sql, &Scope::request(inputs.chain(fields)), declared)?)
    }
}

fn schema(columns: Option<&[(String, DataType)]>) -> Option<Schema> {
    let fields = columns?
        .iter()
        .map(|(name, data_type)| Field::new(name, data_type.clone(), true));
    Some(Schema::new(fields.collect::<Vec<_>>()))
}

fn row(sql: &str, scope: &Scope, declared: Option<ValueType>) -> Result<(), ExpressionError> {
    let checked = check(sql, scope, Aggregates::Refused(None))?;
    if !scope.is_known() {
        return Ok(());
    }
    let compiled = Compiled::plan("expression", sql, &checked, &scope.schema(&checked.columns))?;
    declared.map_or(Ok(()), |declared| compiled.expect(declared))
}

impl From<ExpressionError> for ExpressionProblem {
    fn from(error: ExpressionError) -> Self {
        use ExpressionErrorKind as Kind;
        let code = match *error.kind {
            Kind::Parse => DiagnosticCode::SqlSyntax,
            Kind::UnknownColumn { .. } => DiagnosticCode::SqlUnknownColumn,
            Kind::WrongType { .. } => DiagnosticCode::SqlWrongType,
            Kind::NonDeterministic { .. } => DiagnosticCode::SqlNonDeterministic,
            Kind::AggregateNotAllowed { .. } => DiagnosticCode::SqlAggregateNotAllowed,
            Kind::AggregateMissing | Kind::BareColumn { .. } => DiagnosticCode::SqlAggregateMissing,
            Kind::WindowFunctionNotAllowed { .. } | Kind::SubqueryNotAllowed => DiagnosticCode::SqlNotAllowed,
            Kind::UnknownFunction { .. } => DiagnosticCode::SqlUnknownFunction,
            Kind::TooComplex | Kind::Other => DiagnosticCode::SqlRefused,
        };
        Self {
            code,
            message: error.message.into(),
            span: error.span,
            hint: error.hint.map(Into::into),
        }
    }
}
