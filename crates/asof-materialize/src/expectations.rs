//! The checks of a view on its rows, before they go online.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use asof_model::definition::{Expectation, ExpectationAction, FeatureView, JoinKey};
use asof_offline::FeatureBatch;
use asof_transform::Condition;

use crate::MaterializeError;

/// An expectation that rows broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenExpectation {
    /// The expectation's name.
    pub name: String,
    /// What it asks for.
    pub action: ExpectationAction,
    /// How many rows broke it.
    pub broken: u64,
    /// How many rows were checked.
    pub checked: u64,
    /// The entity of one row that broke it, as `key=value, …`.
    pub example: String,
}

impl fmt::Display for BrokenExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expectation `{}` is broken by {} of {} rows, among them {}",
            self.name, self.broken, self.checked, self.example
        )
    }
}

/// A view's expectations and what broke them so far.
#[derive(Debug)]
pub(crate) struct Expectations<'a> {
    view: &'a FeatureView,
    schema: SchemaRef,
    checks: Vec<Check<'a>>,
    checked: u64,
}

#[derive(Debug)]
struct Check<'a> {
    expectation: &'a Expectation,
    condition: Condition,
    broken: u64,
    example: String,
}

impl<'a> Expectations<'a> {
    /// Compiles the expectations of `view` over its features.
    pub(crate) fn compile(view: &'a FeatureView) -> Result<Self, MaterializeError> {
        let fields: Vec<Field> = (view.features().iter())
            .map(|feature| Field::new(feature.name.as_str(), feature.value_type.arrow(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let compile = |expectation: &'a Expectation| {
            let condition = Condition::compile(&schema, &expectation.expr);
            Ok(Check {
                expectation,
                condition: condition.map_err(|source| MaterializeError::Expectation {
                    view: view.name.clone(),
                    expectation: expectation.name.to_string(),
                    source,
                })?,
                broken: 0,
                example: String::new(),
            })
        };
        Ok(Self {
            view,
            checks: view.expectations.iter().map(compile).collect::<Result<_, _>>()?,
            schema,
            checked: 0,
        })
    }

    /// Checks more rows.
    pub(crate) fn check(&mut self, batch: &FeatureBatch) -> Result<(), MaterializeError> {
        let rows = batch.rows();
        self.checked += rows as u64;
        if self.checks.is_empty() {
            return Ok(());
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let features = RecordBatch::try_new_with_options(Arc::clone(&self.schema), batch.columns.clone(), &options)
            .expect("feature columns have the types of their definitions");
        for check in &mut self.checks {
            let passed = check.condition.holds_or_is_null(&features);
            let passed = passed.map_err(|source| MaterializeError::Evaluation {
                view: self.view.name.clone(),
                source,
            })?;
            let first = (0..rows).find(|row| !passed.value(*row));
            if let (0, Some(row)) = (check.broken, first) {
                check.example = describe_key(&self.view.join_keys, &batch.keys, row).unwrap_or_default();
            }
            check.broken += (rows - passed.true_count()) as u64;
        }
        Ok(())
    }

    /// Those that rows broke, which are all of the kind that warns.
    ///
    /// # Errors
    /// When one of the kind that fails is among them.
    pub(crate) fn finish(&mut self) -> Result<Vec<BrokenExpectation>, MaterializeError> {
        let broken: Vec<BrokenExpectation> = std::mem::take(&mut self.checks)
            .into_iter()
            .filter(|check| check.broken > 0)
            .map(|check| BrokenExpectation {
                name: check.expectation.name.to_string(),
                action: check.expectation.action,
                broken: check.broken,
                checked: self.checked,
                example: check.example,
            })
            .collect();
        if broken.iter().any(|broken| broken.action == ExpectationAction::Fail) {
            return Err(MaterializeError::ExpectationsFailed {
                view: self.view.name.clone(),
                broken,
            });
        }
        Ok(broken)
    }
}

/// `key=value, …`, or that there is but one row.
fn describe_key(join_keys: &[JoinKey], keys: &[ArrayRef], row: usize) -> Result<String, ArrowError> {
    if keys.is_empty() {
        return Ok("its only row".to_owned());
    }
    let options = FormatOptions::default().with_null("null");
    let texts = join_keys.iter().zip(keys).map(|(key, column)| {
        let value = ArrayFormatter::try_new(column, &options)?;
        Ok(format!("{}={}", key.name, value.value(row)))
    });
    Ok(texts.collect::<Result<Vec<_>, ArrowError>>()?.join(", "))
}
