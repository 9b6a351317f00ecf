//! Rows and short forms that the tests share.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{Int64Type, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use asof_model::definition::{Metadata, WindowFeature};
use asof_model::{FeatureName, TimeSpan, ValueType};
use asof_transform::{EvaluationError, ExpressionError, RowProgram};

/// Departures: enough columns of enough types for any expression of the tests.
pub(crate) fn flights() -> RecordBatch {
    let hour = [0, 3_600_000, 7_200_000, -3_600_000].map(|ms| Some(ms + 1_357_034_400_000));
    RecordBatch::try_from_iter_with_nullable([
        (
            "time_hour",
            Arc::new(TimestampMillisecondArray::from(hour.to_vec()).with_timezone("UTC")) as ArrayRef,
            true,
        ),
        ("minute", Arc::new(Int64Array::from(vec![15, 29, 40, 0])), true),
        (
            "dep_delay",
            Arc::new(Int64Array::from(vec![Some(2), Some(-4), None, Some(120)])),
            true,
        ),
        (
            "wind_gust",
            Arc::new(Float64Array::from(vec![Some(26.5), Some(-0.0), Some(f64::NAN), None])),
            true,
        ),
        (
            "carrier",
            Arc::new(StringArray::from(vec![Some("UA"), Some("B6"), None, Some("")])),
            true,
        ),
        (
            "late",
            Arc::new(BooleanArray::from(vec![Some(false), Some(false), None, Some(true)])),
            true,
        ),
        (
            "Tail Num",
            Arc::new(StringArray::from(vec!["N1", "N2", "N3", "N4"])),
            true,
        ),
        (
            "stops",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([
                Some(vec![Some(1), Some(2)]),
                Some(vec![]),
                None,
                Some(vec![None]),
            ])),
            true,
        ),
    ])
    .unwrap()
}

pub(crate) fn schema() -> SchemaRef {
    flights().schema()
}

/// The text of each value, nulls as `∅`.
pub(crate) fn texts(array: &ArrayRef) -> Vec<String> {
    let format = FormatOptions::new().with_null("∅").with_display_error(false);
    let formatter = ArrayFormatter::try_new(array.as_ref(), &format).unwrap();
    (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
}

pub(crate) fn value_type(text: &str) -> ValueType {
    text.parse().unwrap()
}

pub(crate) fn compile(schema: &Schema, sql: &str, declared: &str) -> Result<RowProgram, ExpressionError> {
    RowProgram::compile(schema, &[("x".to_owned(), sql.to_owned(), value_type(declared))])
}

/// The values of one expression over [`flights`].
pub(crate) fn evaluate(sql: &str, declared: &str) -> Result<Vec<String>, EvaluationError> {
    let program = compile(&schema(), sql, declared).unwrap_or_else(|error| panic!("{sql}: {error}"));
    program.evaluate(&flights()).map(|columns| texts(&columns[0]))
}

pub(crate) fn window_feature(name: &str, declared: &str, expr: &str, window: &str) -> WindowFeature {
    WindowFeature {
        name: FeatureName::try_new(name).unwrap(),
        value_type: value_type(declared),
        expr: expr.to_owned(),
        window: window.parse::<TimeSpan>().unwrap(),
        metadata: Metadata::default(),
    }
}
