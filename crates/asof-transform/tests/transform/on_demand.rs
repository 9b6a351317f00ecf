//! On-demand expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, TimestampMicrosecondArray};
use asof_model::definition::{Metadata, OnDemandFeature, OnDemandView, RequestField};
use asof_model::retrieval::{OnDemandStep, StepInput, ValueRef};
use asof_model::{ColumnName, FeatureName, ViewName};
use asof_transform::{ExpressionError, OnDemandProgram};

use crate::refusals::render;
use crate::support::{texts, value_type};

fn step(features: &[(&str, &str, &str)], needed: &[usize]) -> OnDemandStep {
    let input = |table: &str, feature: &str, value: &str, number| StepInput {
        table: ViewName::try_new(table).unwrap(),
        feature: FeatureName::try_new(feature).unwrap(),
        value_type: value_type(value),
        from: ValueRef::Lookup {
            lookup: 0,
            feature: number,
        },
    };
    let feature = |(name, declared, expr): &(&str, &str, &str)| OnDemandFeature {
        name: FeatureName::try_new(name).unwrap(),
        value_type: value_type(declared),
        expr: (*expr).to_owned(),
        metadata: Metadata::default(),
    };
    let view = OnDemandView {
        name: ViewName::try_new("trip").unwrap(),
        request: vec![RequestField {
            name: ColumnName::try_new("sched_dep").unwrap(),
            value_type: value_type("timestamp"),
        }],
        request_metadata: BTreeMap::new(),
        inputs: Vec::new(),
        features: features.iter().map(feature).collect(),
        metadata: Metadata::default(),
    };
    OnDemandStep {
        view: Arc::new(view),
        inputs: vec![
            input("origin_weather", "temp", "float64", 0),
            input("origin_weather", "gusty", "bool", 1),
            input("dest_weather", "temp", "float64", 0),
        ],
        features: needed.to_vec(),
    }
}

const HOUR: i64 = 3_600_000_000;

fn times(hours: &[i64]) -> TimestampMicrosecondArray {
    let times: Vec<i64> = hours.iter().map(|hour| hour * HOUR).collect();
    TimestampMicrosecondArray::from(times).with_timezone("UTC")
}

#[test]
fn inputs_requests_and_the_time_asked_for_stand_together() {
    let features = [
        (
            "feels_cold",
            "bool",
            "origin_weather.temp < 32 and extract(hour from sched_dep) < 8",
        ),
        ("warmer", "float64", "dest_weather.temp - \"origin_weather\".\"temp\""),
        (
            "lead_hours",
            "float64",
            "(extract(epoch from sched_dep) - extract(epoch from as_of())) / 3600",
        ),
        (
            "lead_minutes",
            "int64",
            "cast(extract(epoch from (sched_dep - as_of())) / 60 as bigint)",
        ),
    ];
    let program = OnDemandProgram::compile(&step(&features, &[0, 1, 2, 3])).unwrap();
    let temp = |values: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let inputs: Vec<ArrayRef> = vec![
        temp(vec![Some(30.0), Some(30.0), None]),
        arrow::array::new_null_array(&arrow::datatypes::DataType::Boolean, 3),
        temp(vec![Some(50.0), None, Some(1.0)]),
    ];
    let request: Vec<ArrayRef> = vec![Arc::new(times(&[5, 12, 5]))];
    let columns = program.evaluate(&inputs, &request, &times(&[4, 4, 4])).unwrap();
    let columns: Vec<_> = columns.iter().map(texts).collect();
    assert_eq!(columns[0], ["true", "false", "∅"]);
    assert_eq!(columns[1], ["20.0", "∅", "∅"]);
    assert_eq!(columns[2], ["1.0", "8.0", "1.0"]);
    assert_eq!(columns[3], ["60", "480", "60"]);

    let row = |array: &ArrayRef, row| array.slice(row, 1);
    for number in 0..3 {
        let inputs: Vec<_> = inputs.iter().map(|array| row(array, number)).collect();
        let request: Vec<_> = request.iter().map(|array| row(array, number)).collect();
        let alone = program.evaluate(&inputs, &request, &times(&[4])).unwrap();
        let alone: Vec<_> = alone.iter().map(|column| texts(column).remove(0)).collect();
        let expected: Vec<_> = columns.iter().map(|column| column[number].clone()).collect();
        assert_eq!(alone, expected);
    }
}

#[test]
fn only_the_features_that_are_needed_are_compiled_and_computed() {
    let features = [("bad", "bool", "nothing.at_all"), ("asked", "timestamp", "AS_OF()")];
    let program = OnDemandProgram::compile(&step(&features, &[1])).unwrap();
    let empty: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.5); 2]));
    let inputs = vec![empty; 3];
    let columns = program
        .evaluate(&inputs, &[Arc::new(times(&[1, 2]))], &times(&[7, 8]))
        .unwrap();
    assert_eq!(texts(&columns[0]), ["1970-01-01T07:00:00Z", "1970-01-01T08:00:00Z"]);
}

#[test]
fn every_refusal_names_what_is_there() {
    let cases = [
        "temp < 32",
        "orign_weather.temp < 32",
        "weather.temp < 32",
        "origin_weather.tmp < 32",
        "origin_weather.pressure < 32",
        "sched_dpe is null",
        "origin_weather.temp.x is null",
        "as_of(1) is null",
        "as_off() is null",
        "now() > sched_dep",
        "max(origin_weather.temp) > 1",
        "origin_weather.temp",
    ];
    let refusal =
        |sql: &str| -> ExpressionError { OnDemandProgram::compile(&step(&[("f", "bool", sql)], &[0])).expect_err(sql) };
    let cases = cases.map(|sql| render(sql, &refusal(sql)));
    insta::assert_snapshot!("refused_on_demand", cases.join("\n"));
}
