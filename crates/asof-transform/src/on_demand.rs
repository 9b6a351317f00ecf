//! On-demand expressions: over features that were looked up, the fields of a request, and the time it asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use asof_model::ValueType;
use asof_model::retrieval::{OnDemandStep, StepInput};

use crate::check::{Aggregates, Checked, check};
use crate::compile::{Compiled, assemble};
use crate::error::{EvaluationError, ExpressionError};
use crate::scope::{AS_OF, Scope, flat_name};

/// The expressions of one on-demand step, the same offline and online.
#[derive(Debug, Clone)]
pub struct OnDemandProgram {
    outputs: Vec<(Compiled, ValueType)>,
    schema: SchemaRef,
    /// Where each column of `schema` comes from.
    from: Vec<Origin>,
}

#[derive(Debug, Clone, Copy)]
enum Origin {
    Input(usize),
    Request(usize),
    AsOf,
}

impl OnDemandProgram {
    /// Compiles the expressions of the features that the step needs.
    ///
    /// # Errors
    /// The first expression that is refused, with its feature's name.
    pub fn compile(step: &OnDemandStep) -> Result<Self, ExpressionError> {
        let inputs = step.inputs.iter().map(|input| {
            let table = input.table.as_str().to_owned();
            (Some(table), input.feature.as_str().to_owned(), input.value_type.arrow())
        });
        let request = step.view.request.iter();
        let request = request.map(|field| (None, field.name.as_str().to_owned(), field.value_type.arrow()));
        let scope = Scope::request(inputs.chain(request));

        let features: Vec<_> = step
            .features
            .iter()
            .map(|&number| &step.view.features[number])
            .collect();
        let mut used = BTreeSet::new();
        let mut checked: Vec<Checked> = Vec::with_capacity(features.len());
        for feature in &features {
            let expr = check(&feature.expr, &scope, Aggregates::Refused(None))
                .map_err(|error| error.of(feature.name.as_str()))?;
            used.extend(expr.columns.iter().cloned());
            checked.push(expr);
        }
        let schema = scope.schema(&used);
        let outputs = features.iter().zip(&checked).map(|(feature, checked)| {
            let compiled = Compiled::plan(feature.name.as_str(), &feature.expr, checked, &schema)?;
            compiled.expect(feature.value_type)?;
            Ok((compiled, feature.value_type))
        });
        let outputs = outputs.collect::<Result<_, _>>()?;
        let from = schema.fields().iter().map(|field| origin(step, field.name())).collect();
        Ok(Self { outputs, schema, from })
    }

    /// One column per feature that the step needs, in their order and declared types.
    ///
    /// `inputs` has a column per input of the step, `request` one per request field of the view, each in the Arrow
    /// type of its declared type; `as_of` is what `as_of()` gives, row by row. All have as many rows as `as_of`.
    ///
    /// # Errors
    /// When a column has another type or length, or an expression cannot be computed for some row.
    ///
    /// # Panics
    /// When there are fewer columns than inputs or request fields.
    pub fn evaluate(
        &self,
        inputs: &[ArrayRef],
        request: &[ArrayRef],
        as_of: &TimestampMicrosecondArray,
    ) -> Result<Vec<ArrayRef>, EvaluationError> {
        let Some((first, _)) = self.outputs.first() else {
            return Ok(Vec::new());
        };
        let columns = self.from.iter().map(|from| match from {
            Origin::Input(number) => Arc::clone(&inputs[*number]),
            Origin::Request(number) => Arc::clone(&request[*number]),
            Origin::AsOf => Arc::new(as_of.clone().with_timezone("UTC")),
        });
        let frame: RecordBatch =
            assemble(&self.schema, columns.collect(), as_of.len()).map_err(|reason| first.error(reason))?;
        let outputs = self.outputs.iter();
        outputs
            .map(|(compiled, declared)| compiled.evaluate_as(&frame, *declared))
            .collect()
    }
}

/// Where the column `flat` of the scope comes from. Of two inputs of one name the first is meant, as in the scope.
fn origin(step: &OnDemandStep, flat: &str) -> Origin {
    if flat == AS_OF {
        return Origin::AsOf;
    }
    if let Some(field) = step.view.request.iter().position(|field| field.name.as_str() == flat) {
        return Origin::Request(field);
    }
    let is_it = |input: &StepInput| flat_name(Some(input.table.as_str()), input.feature.as_str()) == flat;
    let input = step.inputs.iter().position(is_it);
    Origin::Input(input.expect("the schema has only columns of the scope"))
}
