//! JSON to a request: the shape of the body, then values by the declared type of their column.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use asof_model::definition::RequestField;
use asof_model::retrieval::FeatureNames;
use asof_model::{ScalarType, Timestamp, ValueType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::{Prepared, Selection, ServingError};

/// A request in Feast's JSON. Its values stay JSON until the plan says what their types are.
#[derive(Debug, Clone)]
pub struct JsonRequest {
    /// Which features.
    pub selection: Selection,
    /// How the features are called in the answer.
    pub names: FeatureNames,
    /// The values of each join key and request field.
    pub columns: BTreeMap<String, Vec<Value>>,
}

impl JsonRequest {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is no JSON or has another shape than the module describes; the error names the key.
    pub fn parse(body: &[u8]) -> Result<Self, ServingError> {
        let value: Value = serde_json::from_slice(body).map_err(|e| invalid(format!("the body is not JSON: {e}")))?;
        let Value::Object(mut body) = value else {
            return Err(invalid(format!("the body is {}, not an object", describe(&value))));
        };
        let selection = match (take(&mut body, "feature_service"), take(&mut body, "features")) {
            (Some(_), Some(_)) => {
                return Err(invalid(
                    "give either `feature_service` or `features`, not both".to_owned(),
                ));
            }
            (None, None) => {
                return Err(invalid(
                    "give `feature_service`, a name, or `features`, a list".to_owned(),
                ));
            }
            (Some(Value::String(name)), None) => Selection::Service(name),
            (Some(other), None) => return Err(wrong("feature_service", "a name", &other)),
            (None, Some(Value::Array(items))) => Selection::Features(references(items)?),
            (None, Some(other)) => return Err(wrong("features", "a list of `view:feature`", &other)),
        };
        let names = match take(&mut body, "full_feature_names") {
            None | Some(Value::Bool(false)) => FeatureNames::Short,
            Some(Value::Bool(true)) => FeatureNames::Full,
            Some(other) => return Err(wrong("full_feature_names", "true or false", &other)),
        };
        let mut columns = BTreeMap::new();
        for part in ["entities", "request_context"] {
            add_columns(&mut columns, part, take(&mut body, part))?;
        }
        Ok(Self {
            selection,
            names,
            columns,
        })
    }

    /// The number of rows: the length of the longest column; one row when there is no column at all.
    pub fn rows(&self) -> usize {
        self.columns.values().map(Vec::len).max().unwrap_or(1)
    }

    /// The columns of the types that `prepared` wants, and the number of rows.
    ///
    /// # Errors
    /// When a column is unknown, shorter than another, or a value is not of the column's type; the error names it.
    pub fn columns(&self, prepared: &Prepared) -> Result<(BTreeMap<String, ArrayRef>, usize), ServingError> {
        let rows = self.rows();
        let mut columns = BTreeMap::new();
        for (name, values) in &self.columns {
            let input = prepared.input(name)?;
            if values.len() != rows {
                return Err(ServingError::ColumnLength {
                    column: name.clone(),
                    found: values.len(),
                    expected: rows,
                });
            }
            columns.insert(name.clone(), column(input, values)?);
        }
        Ok((columns, rows))
    }
}

fn invalid(message: String) -> ServingError {
    ServingError::InvalidBody { message }
}

fn wrong(key: &str, wanted: &str, found: &Value) -> ServingError {
    invalid(format!("`{key}` should be {wanted}, not {}", describe(found)))
}

/// Takes a key out of the body; a null counts as left out.
fn take(body: &mut Map<String, Value>, key: &str) -> Option<Value> {
    body.remove(key).filter(|value| !value.is_null())
}

fn references(items: Vec<Value>) -> Result<Vec<String>, ServingError> {
    let text = |item| match item {
        Value::String(text) => Ok(text),
        other => Err(wrong("features", "a list of `view:feature`", &other)),
    };
    items.into_iter().map(text).collect()
}

fn add_columns(
    columns: &mut BTreeMap<String, Vec<Value>>,
    part: &str,
    value: Option<Value>,
) -> Result<(), ServingError> {
    let map = match value {
        None => return Ok(()),
        Some(Value::Object(map)) => map,
        Some(other) => return Err(wrong(part, "an object of columns", &other)),
    };
    for (name, values) in map {
        let Value::Array(values) = values else {
            return Err(wrong(&format!("{part}.{name}"), "a list, one value per row", &values));
        };
        if columns.contains_key(&name) {
            return Err(invalid(format!(
                "`{name}` stands in both `entities` and `request_context`; once is enough"
            )));
        }
        columns.insert(name, values);
    }
    Ok(())
}

/// What a JSON value is, for errors. The value itself is not repeated: it may be long, or private.
fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A column of `field`'s type from JSON values; a JSON null is a null.
///
/// # Errors
/// When a value is not of that type; the error names the column and the row.
pub fn column(field: &RequestField, values: &[Value]) -> Result<ArrayRef, ServingError> {
    let fail = |row: usize, message: String| ServingError::InvalidValue {
        column: field.name.clone(),
        row,
        message,
    };
    let item = match field.value_type {
        ValueType::Scalar(scalar) => {
            let values: Vec<&Value> = values.iter().collect();
            return scalars(scalar, &values).map_err(|(row, message)| fail(row, message));
        }
        ValueType::Array(item) => item,
    };
    // All items in one column, and for each the row it came from, to name it in errors.
    let mut items = Vec::new();
    let mut rows = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    let mut valid = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let list: &[Value] = match value {
            Value::Null => &[],
            Value::Array(list) => list,
            other => {
                return Err(fail(
                    row,
                    format!("{} wants a list, not {}", field.value_type, describe(other)),
                ));
            }
        };
        valid.push(!value.is_null());
        lengths.push(list.len());
        rows.extend(std::iter::repeat_n(row, list.len()));
        items.extend(list);
    }
    let items = scalars(item, &items).map_err(|(at, message)| fail(rows[at], message))?;
    let list = ListArray::new(
        Arc::new(Field::new_list_field(item.arrow(), true)),
        OffsetBuffer::from_lengths(lengths),
        items,
        Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0),
    );
    Ok(Arc::new(list))
}

/// The place of a bad value and what is wrong with it.
type BadValue = (usize, String);

fn scalars(scalar: ScalarType, values: &[&Value]) -> Result<ArrayRef, BadValue> {
    Ok(match scalar {
        ScalarType::Bool => {
            let read = |value: &Value| value.as_bool().ok_or_else(|| mismatch(scalar, "true or false", value));
            Arc::new(each(values, read)?.into_iter().collect::<BooleanArray>())
        }
        ScalarType::Int32 => {
            let read = |value: &Value| i32::try_from(whole(scalar, value)?).map_err(|_| out_of_range(scalar, value));
            Arc::new(each(values, read)?.into_iter().collect::<Int32Array>())
        }
        ScalarType::Int64 => {
            let read = |value: &Value| i64::try_from(whole(scalar, value)?).map_err(|_| out_of_range(scalar, value));
            Arc::new(each(values, read)?.into_iter().collect::<Int64Array>())
        }
        ScalarType::Float32 => {
            let read = |value: &Value| {
                let wide = float(scalar, value)?;
                let narrow = wide as f32;
                if wide.is_finite() && narrow.is_infinite() {
                    return Err(out_of_range(scalar, value));
                }
                Ok(narrow)
            };
            Arc::new(each(values, read)?.into_iter().collect::<Float32Array>())
        }
        ScalarType::Float64 => {
            let read = |value: &Value| float(scalar, value);
            Arc::new(each(values, read)?.into_iter().collect::<Float64Array>())
        }
        ScalarType::String => {
            let read = |value: &'_ Value| Ok(text(scalar, "a string", value)?.to_owned());
            let mut builder = StringBuilder::new();
            each(values, read)?
                .into_iter()
                .for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        ScalarType::Bytes => {
            let read = |value: &Value| {
                let text = text(scalar, "a string of base64", value)?;
                STANDARD.decode(text).map_err(|e| {
                    format!(
                        "bytes want base64: {}",
                        e.to_string().trim_end_matches('.').to_lowercase()
                    )
                })
            };
            let mut builder = BinaryBuilder::new();
            each(values, read)?
                .into_iter()
                .for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        ScalarType::Timestamp => {
            let read = |value: &Value| {
                let text = text(scalar, "a string in RFC 3339", value)?;
                let time: Timestamp = text.parse().map_err(|e: asof_model::InvalidTimestamp| e.to_string())?;
                Ok(time.micros())
            };
            let times: TimestampMicrosecondArray = each(values, read)?.into_iter().collect();
            Arc::new(times.with_timezone(Arc::from("UTC")))
        }
    })
}

/// Reads every value that is not null.
fn each<T>(values: &[&Value], read: impl Fn(&Value) -> Result<T, String>) -> Result<Vec<Option<T>>, BadValue> {
    let one = |(at, value): (usize, &&Value)| match value {
        Value::Null => Ok(None),
        value => read(value).map(Some).map_err(|message| (at, message)),
    };
    values.iter().enumerate().map(one).collect()
}

fn mismatch(scalar: ScalarType, wanted: &str, value: &Value) -> String {
    format!("{scalar} wants {wanted}, not {}", describe(value))
}

fn out_of_range(scalar: ScalarType, value: &Value) -> String {
    format!("{value} does not fit {scalar}")
}

fn whole(scalar: ScalarType, value: &Value) -> Result<i128, String> {
    let number = value
        .as_i64()
        .map(i128::from)
        .or_else(|| value.as_u64().map(i128::from));
    number.ok_or_else(|| mismatch(scalar, "a whole number", value))
}

fn float(scalar: ScalarType, value: &Value) -> Result<f64, String> {
    match value {
        Value::Number(number) => number.as_f64().ok_or_else(|| out_of_range(scalar, value)),
        Value::String(text) if text == "NaN" => Ok(f64::NAN),
        Value::String(text) if text == "Infinity" => Ok(f64::INFINITY),
        Value::String(text) if text == "-Infinity" => Ok(f64::NEG_INFINITY),
        other => Err(mismatch(scalar, "a number", other)),
    }
}

fn text<'a>(scalar: ScalarType, wanted: &str, value: &'a Value) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| mismatch(scalar, wanted, value))
}

#[cfg(test)]
mod tests;
