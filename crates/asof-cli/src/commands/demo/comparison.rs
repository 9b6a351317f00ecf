//! A training row beside a served vector, bit for bit.

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use asof_model::ValueType;
use asof_model::conform::conform;
use asof_model::definition::Feature;
use asof_model::row::RowCodec;
use asof_serving::json;
use serde_json::{Value, json as object};

use super::vector::{Served, TrainingRow};
use crate::commands::get_online_features::show;
use crate::error::{CliError, CliResult};
use crate::table::table;

/// One feature from both sides.
struct Line {
    name: String,
    training: Value,
    served: Value,
    status: &'static str,
    equal: bool,
}

/// All features from both sides.
pub(super) struct Comparison(Vec<Line>);

impl Comparison {
    /// Compares every feature of the training row with the one served under its name.
    ///
    /// # Errors
    /// When a feature was not served at all.
    pub(super) fn of(flight: &TrainingRow, served: &Served) -> CliResult<Self> {
        let mut lines = Vec::new();
        for (name, training) in flight.features() {
            let Some(answer) = served.get(&name) else {
                return Err(CliError::refused(format!("`{name}` was not served")));
            };
            lines.push(Line {
                training: first(&training),
                served: first(&answer.value),
                status: answer.status,
                equal: bits(&name, &training)? == bits(&name, &answer.value)?,
                name,
            });
        }
        Ok(Self(lines))
    }

    pub(super) fn is_equal(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|line| line.equal)
    }

    /// Feature, value in the training set, value served, status.
    pub(super) fn table(&self) -> String {
        let rows = self.0.iter().map(|line| {
            let sign = if line.equal { "=" } else { "DIFFERS" };
            vec![
                line.name.clone(),
                show(&line.training),
                sign.to_owned(),
                show(&line.served),
                line.status.to_owned(),
            ]
        });
        table(&["feature", "training set", "", "served", "status"], &[1], rows)
    }

    pub(super) fn verdict(&self) -> String {
        let equal = self.0.iter().filter(|line| line.equal).count();
        format!("{equal} of {} features are equal, bit for bit", self.0.len())
    }

    pub(super) fn to_json(&self) -> Value {
        let line = |line: &Line| {
            object!({
                "feature": line.name,
                "training": line.training,
                "served": line.served,
                "status": line.status,
                "equal": line.equal,
            })
        };
        object!({"equal": self.is_equal(), "features": self.0.iter().map(line).collect::<Vec<_>>()})
    }
}

fn first(array: &ArrayRef) -> Value {
    json::values(array).into_iter().next().unwrap_or_default()
}

/// The value as the online store would hold it: two values are the same exactly when these bytes are.
fn bits(name: &str, array: &ArrayRef) -> CliResult<Vec<u8>> {
    let value_type = value_type_of(array)
        .ok_or_else(|| CliError::refused(format!("`{name}` has the unexpected type {}", array.data_type())))?;
    let feature = Feature {
        name: name.parse()?,
        value_type,
    };
    let rows = RowCodec::new(&[feature]).encode(
        &[conform(array, value_type)?],
        &TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC"),
        None,
    )?;
    Ok(rows.get(0).to_vec())
}

fn value_type_of(array: &ArrayRef) -> Option<ValueType> {
    use asof_model::ScalarType;
    let scalars = ScalarType::ALL.into_iter();
    let types = scalars
        .clone()
        .map(ValueType::Scalar)
        .chain(scalars.map(ValueType::Array));
    types
        .into_iter()
        .find(|value_type| value_type.arrow() == *array.data_type())
}
