//! An answer to JSON.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use asof_model::{FeatureStatus, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Response;

/// The answer in Feast's JSON.
pub fn response(response: &Response) -> Value {
    let keys = response.keys.iter().map(|(name, _)| name.as_str());
    let features = response.features.iter().map(|feature| feature.output.name.as_str());
    let names: Vec<&str> = keys.chain(features).collect();
    let mut results = Vec::with_capacity(names.len());
    for (_, key) in &response.keys {
        let statuses = (0..key.len()).map(|row| {
            if key.is_null(row) {
                FeatureStatus::NullValue
            } else {
                FeatureStatus::Present
            }
        });
        results.push(result(key, statuses, std::iter::repeat_n(None, key.len())));
    }
    for feature in &response.features {
        let statuses = feature.statuses.iter().copied();
        results.push(result(&feature.values, statuses, feature.event_times.iter().copied()));
    }
    json!({"metadata": {"feature_names": names}, "results": results})
}

fn result(
    column: &ArrayRef,
    statuses: impl Iterator<Item = FeatureStatus>,
    event_times: impl Iterator<Item = Option<Timestamp>>,
) -> Value {
    let none = Timestamp::from_micros(0);
    json!({
        "values": values(column),
        "statuses": statuses.map(FeatureStatus::name).collect::<Vec<_>>(),
        "event_timestamps": event_times.map(|time| time.unwrap_or(none).to_string()).collect::<Vec<_>>(),
    })
}

/// The values of a column of one of Asof's types, as the module describes; nulls are JSON nulls.
pub fn values(column: &ArrayRef) -> Vec<Value> {
    let write: Box<dyn Fn(usize) -> Value + '_> = match column.data_type() {
        DataType::Boolean => {
            let column = column.as_boolean();
            Box::new(|row| column.value(row).into())
        }
        DataType::Int32 => {
            let column = column.as_primitive::<Int32Type>();
            Box::new(|row| column.value(row).into())
        }
        DataType::Int64 => {
            let column = column.as_primitive::<Int64Type>();
            Box::new(|row| column.value(row).into())
        }
        DataType::Float32 => {
            let column = column.as_primitive::<Float32Type>();
            Box::new(|row| float32(column.value(row)))
        }
        DataType::Float64 => {
            let column = column.as_primitive::<Float64Type>();
            Box::new(|row| float64(column.value(row)))
        }
        DataType::Utf8 => {
            let column = column.as_string::<i32>();
            Box::new(|row| column.value(row).into())
        }
        DataType::Binary => {
            let column = column.as_binary::<i32>();
            Box::new(|row| STANDARD.encode(column.value(row)).into())
        }
        DataType::Timestamp(..) => {
            let column = column.as_primitive::<TimestampMicrosecondType>();
            Box::new(|row| Timestamp::from_micros(column.value(row)).to_string().into())
        }
        _ => {
            let column = column.as_list::<i32>();
            Box::new(|row| values(&column.value(row)).into())
        }
    };
    let one = |row| if column.is_null(row) { Value::Null } else { write(row) };
    (0..column.len()).map(one).collect()
}

fn float64(value: f64) -> Value {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        value.into()
    }
}

/// The shortest decimal that reads back as the same `float32`: 0.1, not 0.10000000149011612.
fn float32(value: f32) -> Value {
    let shortest = value.to_string().parse::<f64>().unwrap_or(f64::from(value));
    // The detour over 64 bits could, in principle, round twice.
    float64(if shortest as f32 == value {
        shortest
    } else {
        f64::from(value)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, Float32Array, Float64Array, TimestampMicrosecondArray};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_json_has_no_numbers_for_are_strings() {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![
            Some(f64::NAN),
            Some(f64::INFINITY),
            Some(f64::NEG_INFINITY),
            Some(-0.0),
            None,
        ]));
        assert_eq!(
            json!(values(&column)).to_string(),
            r#"["NaN","Infinity","-Infinity",-0.0,null]"#
        );
    }

    #[test]
    fn a_float32_is_its_shortest_decimal_and_reads_back_the_same() {
        let floats = [
            0.1_f32,
            -0.0,
            f32::MIN_POSITIVE,
            f32::MAX,
            1.0e-45,
            16_777_217.0,
            3.402_823e38,
        ];
        let column: ArrayRef = Arc::new(Float32Array::from(floats.to_vec()));
        let written = values(&column);
        assert_eq!(written[0].to_string(), "0.1");
        for (value, float) in written.iter().zip(floats) {
            let back = value.as_f64().unwrap() as f32;
            assert_eq!(back.to_bits(), float.to_bits(), "{value}");
        }
    }

    #[test]
    fn bytes_are_base64_and_times_are_rfc_3339() {
        let bytes: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"\xff\x00a", b""]));
        assert_eq!(json!(values(&bytes)), json!(["/wBh", ""]));
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-1, 0, i64::MAX]).with_timezone("UTC"));
        assert_eq!(
            json!(values(&times)),
            json!([
                "1969-12-31T23:59:59.999999Z",
                "1970-01-01T00:00:00Z",
                "9223372036854775807us"
            ])
        );
    }
}
