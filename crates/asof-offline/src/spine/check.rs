//! What a plan needs of a spine, and what is refused before any feature is read.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Schema, TimestampMicrosecondType};
use asof_model::conform::{can_conform, can_conform_key, conform, type_name};
use asof_model::definition::RequestField;
use asof_model::retrieval::RetrievalPlan;
use asof_model::{ScalarType, ValueType};

use super::rows::Batches;
use crate::OfflineError;

/// The columns whose types the plan declares: keys, request fields, and the as-of time.
pub(super) fn declared(plan: &RetrievalPlan, as_of: &str) -> Vec<(String, ValueType)> {
    let inputs = plan.input_columns().into_iter();
    let mut declared: Vec<_> = inputs.map(|input| (input.name.to_string(), input.value_type)).collect();
    if !declared.iter().any(|(name, _)| name == as_of) {
        declared.push((as_of.to_owned(), ScalarType::Timestamp.into()));
    }
    declared
}

/// Checks that the spine has every column that is needed, in a type that fits, and none named like an output.
pub(super) fn check_columns(schema: &Schema, plan: &RetrievalPlan, as_of: &str) -> Result<(), OfflineError> {
    let needed = declared(plan, as_of);
    let missing: Vec<_> = needed
        .iter()
        .filter(|(name, _)| schema.column_with_name(name).is_none())
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if !missing.is_empty() {
        return Err(OfflineError::SpineColumnsMissing {
            columns: missing.join(", "),
            found: schema
                .fields()
                .iter()
                .map(|field| format!("`{}`", field.name()))
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    for field in schema.fields() {
        if schema
            .fields()
            .iter()
            .filter(|other| other.name() == field.name())
            .count()
            > 1
        {
            return Err(OfflineError::SpineDuplicate {
                column: field.name().clone(),
            });
        }
        if let Some(output) = plan.outputs.iter().find(|output| output.name == *field.name()) {
            return Err(OfflineError::SpineClash {
                column: field.name().clone(),
                feature: format!("{}:{}", output.view, output.feature),
            });
        }
    }
    let wrong = |name: &str, found: &DataType, expected: &ValueType| OfflineError::SpineColumnType {
        column: name.to_owned(),
        found: type_name(found),
        expected: expected.to_string(),
    };
    for RequestField { name, value_type } in plan.input_columns() {
        let found = schema.field_with_name(name.as_str())?.data_type();
        let is_key = plan.join_keys.iter().any(|key| key.name == name);
        let fits = match value_type {
            ValueType::Scalar(key) if is_key => can_conform_key(found, key),
            _ => can_conform(found, value_type),
        };
        if !fits {
            return Err(wrong(name.as_str(), found, &value_type));
        }
    }
    let found = schema.field_with_name(as_of)?.data_type();
    let timestamp = ScalarType::Timestamp.into();
    if can_conform(found, timestamp) {
        Ok(())
    } else {
        Err(wrong(as_of, found, &timestamp))
    }
}

/// The first and last of the as-of times, which are the only column of `batches`; an error names the row with none.
pub(super) fn as_of_range(batches: Batches, name: &str) -> Result<Option<(i64, i64)>, OfflineError> {
    let mut range: Option<(i64, i64)> = None;
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        let times: ArrayRef = conform(batch.column(0), ScalarType::Timestamp.into())
            .map_err(|error| OfflineError::spine_column(name, error))?;
        if let Some(row) = (0..times.len()).find(|row| times.is_null(*row)) {
            return Err(OfflineError::SpineTimeMissing {
                column: name.to_owned(),
                row: rows + row as u64 + 1,
            });
        }
        rows += batch.num_rows() as u64;
        let times = times.as_primitive::<TimestampMicrosecondType>().values();
        if let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) {
            let (before, after) = range.unwrap_or((*first, *last));
            range = Some((before.min(*first), after.max(*last)));
        }
    }
    Ok(range)
}
