//! Requests of both gRPC interfaces, and their answers in one form that can be compared.

use std::collections::BTreeMap;

use asof_proto::asof::serving::v1 as own;
use asof_proto::feast::serving as feast;
use asof_proto::feast::types::value::Val;
use asof_proto::feast::types::{RepeatedValue, Value as FeastValue};
use serde_json::{Value, json};

/// One column of an answer: its name, then value and status of each row.
pub(crate) type Answer = Vec<(String, Vec<(Value, String)>)>;

pub(crate) fn own_texts(values: &[Option<&str>]) -> own::Column {
    let validity = values.iter().enumerate().map(|(row, v)| u8::from(v.is_some()) << row);
    own::Column {
        validity: vec![validity.sum()],
        values: Some(own::column::Values::String(own::StringValues {
            values: values.iter().map(|v| v.unwrap_or_default().to_owned()).collect(),
        })),
    }
}

pub(crate) fn own_request(service: &str, entities: BTreeMap<String, own::Column>) -> own::GetOnlineFeaturesRequest {
    own::GetOnlineFeaturesRequest {
        entities,
        request: BTreeMap::new(),
        full_feature_names: false,
        selection: Some(own::get_online_features_request::Selection::FeatureService(
            service.to_owned(),
        )),
    }
}

pub(crate) fn own_answer(response: &own::GetOnlineFeaturesResponse) -> Answer {
    let column = |feature: &own::FeatureColumn| {
        let values = own_values(feature.values.as_ref().unwrap());
        let statuses = feature.statuses().map(|status| {
            let name = status.as_str_name();
            name.strip_prefix("FEATURE_STATUS_").unwrap().to_owned()
        });
        (feature.name.clone(), values.into_iter().zip(statuses).collect())
    };
    response.features.iter().map(column).collect()
}

fn own_values(column: &own::Column) -> Vec<Value> {
    use own::column::Values;

    let values: Vec<Value> = match column.values.as_ref().unwrap() {
        Values::Bool(v) => v.values.iter().map(|v| json!(v)).collect(),
        Values::Int32(v) => v.values.iter().map(|v| json!(v)).collect(),
        Values::Int64(v) => v.values.iter().map(|v| json!(v)).collect(),
        Values::Float64(v) => v.values.iter().map(|v| json!(v)).collect(),
        Values::String(v) => v.values.iter().map(|v| json!(v)).collect(),
        Values::Timestamp(v) => v.values.iter().map(|v| time(*v)).collect(),
        Values::Array(v) => {
            let items = own_values(v.elements.as_ref().unwrap());
            let ends = v.offsets.windows(2);
            ends.map(|ends| json!(items[ends[0] as usize..ends[1] as usize]))
                .collect()
        }
        other => panic!("no column of the fixture is {other:?}"),
    };
    let is_valid = |row: usize| column.validity.is_empty() || column.validity[row / 8] >> (row % 8) & 1 == 1;
    let with_nulls = values.into_iter().enumerate();
    with_nulls
        .map(|(row, value)| if is_valid(row) { value } else { Value::Null })
        .collect()
}

fn time(micros: i64) -> Value {
    json!(asof_model::Timestamp::from_micros(micros).to_string())
}

pub(crate) fn feast_column(values: &[Option<Val>]) -> RepeatedValue {
    RepeatedValue {
        val: values.iter().map(|val| FeastValue { val: val.clone() }).collect(),
    }
}

pub(crate) fn feast_texts(values: &[Option<&str>]) -> RepeatedValue {
    let values: Vec<_> = values.iter().map(|v| v.map(|v| Val::StringVal(v.to_owned()))).collect();
    feast_column(&values)
}

pub(crate) fn feast_request(
    service: &str,
    entities: BTreeMap<String, RepeatedValue>,
    request_context: BTreeMap<String, RepeatedValue>,
) -> feast::GetOnlineFeaturesRequest {
    feast::GetOnlineFeaturesRequest {
        entities,
        request_context,
        full_feature_names: false,
        include_feature_view_version_metadata: false,
        kind: Some(feast::get_online_features_request::Kind::FeatureService(
            service.to_owned(),
        )),
    }
}

pub(crate) fn feast_answer(response: &feast::GetOnlineFeaturesResponse) -> Answer {
    let names = &response.metadata.as_ref().unwrap().feature_names.as_ref().unwrap().val;
    let column = |(name, vector): (&String, &feast::get_online_features_response::FeatureVector)| {
        let values = vector.values.iter().map(feast_value);
        let statuses = vector.statuses().map(|status| status.as_str_name().to_owned());
        (name.clone(), values.zip(statuses).collect())
    };
    names.iter().zip(&response.results).map(column).collect()
}

fn feast_value(value: &FeastValue) -> Value {
    match &value.val {
        None => Value::Null,
        Some(Val::BoolVal(v)) => json!(v),
        Some(Val::Int32Val(v)) => json!(v),
        Some(Val::Int64Val(v)) => json!(v),
        Some(Val::DoubleVal(v)) => json!(v),
        Some(Val::StringVal(v)) => json!(v),
        Some(Val::UnixTimestampVal(v)) => time(v * 1_000_000),
        Some(Val::Int64ListVal(v)) => json!(v.val),
        Some(Val::ListVal(v)) => v.val.iter().map(feast_value).collect(),
        Some(other) => panic!("no value of the fixture is {other:?}"),
    }
}

pub(crate) fn http_answer(response: &Value) -> Answer {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let text = |value: Value| value.as_str().unwrap().to_owned();
    let names = list(&response["metadata"]["feature_names"]);
    let columns = names.into_iter().zip(list(&response["results"]));
    columns
        .map(|(name, result)| {
            let statuses = list(&result["statuses"]).into_iter().map(text);
            (text(name), list(&result["values"]).into_iter().zip(statuses).collect())
        })
        .collect()
}
