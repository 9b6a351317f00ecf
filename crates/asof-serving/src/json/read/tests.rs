//! Bodies and values, good and bad.

use arrow::array::Array;
use serde_json::json;

use super::*;
use crate::json::values;

fn field(value_type: &str) -> RequestField {
    RequestField {
        name: "f".parse().unwrap(),
        value_type: value_type.parse().unwrap(),
    }
}

fn read(value_type: &str, value: Value) -> Result<Value, String> {
    let array = column(&field(value_type), &[Value::Null, value]).map_err(|e| e.to_string())?;
    assert_eq!(array.data_type(), &field(value_type).value_type.arrow());
    assert!(array.is_null(0));
    Ok(values(&array)[1].clone())
}

#[test]
fn a_value_of_each_type_is_written_as_it_was_read() {
    let cases = [
        ("bool", json!(true)),
        ("int32", json!(i32::MIN)),
        ("int64", json!(i64::MAX)),
        ("float32", json!(0.1)),
        ("float64", json!(-0.0)),
        ("float64", json!("NaN")),
        ("float64", json!("-Infinity")),
        ("string", json!("é\n")),
        ("bytes", json!("/wBh")),
        ("timestamp", json!("2013-07-04T12:00:00.000001Z")),
        ("array<int64>", json!([1, null, 3])),
        ("array<string>", json!([])),
    ];
    for (value_type, value) in cases {
        assert_eq!(read(value_type, value.clone()), Ok(value), "{value_type}");
    }
    assert_eq!(read("float64", json!(3)), Ok(json!(3.0)));
    assert_eq!(
        read("timestamp", json!("2013-07-04T14:00:00+02:00")),
        Ok(json!("2013-07-04T12:00:00Z"))
    );
}

#[test]
fn a_value_of_another_type_is_an_error_that_names_column_row_and_types() {
    let cases = [
        ("bool", json!(1), "bool wants true or false, not a number"),
        ("int32", json!(2_147_483_648_i64), "2147483648 does not fit int32"),
        (
            "int64",
            json!(9_223_372_036_854_775_808_u64),
            "9223372036854775808 does not fit int64",
        ),
        (
            "int64",
            json!(1.5),
            "int64 wants a whole number, not a number with a fraction",
        ),
        ("int64", json!("1"), "int64 wants a whole number, not a string"),
        ("float32", json!(1e39), "1e+39 does not fit float32"),
        ("float64", json!("inf"), "float64 wants a number, not a string"),
        ("string", json!(7), "string wants a string, not a number"),
        ("bytes", json!("&"), "bytes want base64: invalid symbol 38, offset 0"),
        (
            "timestamp",
            json!(0),
            "timestamp wants a string in RFC 3339, not a number",
        ),
        (
            "timestamp",
            json!("noon"),
            "`noon` is not a time; write RFC 3339, as in 2013-07-04T12:00:00Z",
        ),
        ("array<int64>", json!(1), "array<int64> wants a list, not a number"),
        (
            "array<int64>",
            json!([1, "x"]),
            "int64 wants a whole number, not a string",
        ),
    ];
    for (value_type, value, message) in cases {
        assert_eq!(read(value_type, value), Err(format!("column `f`, row 1: {message}")));
    }
}

#[test]
fn a_body_of_another_shape_is_an_error_that_says_which_key() {
    let cases = [
        ("", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
        ("[]", "the body is a list, not an object"),
        ("{}", "give `feature_service`, a name, or `features`, a list"),
        (
            r#"{"feature_service": "s", "features": []}"#,
            "give either `feature_service` or `features`, not both",
        ),
        (
            r#"{"feature_service": 1}"#,
            "`feature_service` should be a name, not a number",
        ),
        (
            r#"{"features": "v:f"}"#,
            "`features` should be a list of `view:feature`, not a string",
        ),
        (
            r#"{"features": [1]}"#,
            "`features` should be a list of `view:feature`, not a number",
        ),
        (
            r#"{"feature_service": "s", "full_feature_names": "yes"}"#,
            "`full_feature_names` should be true or false, not a string",
        ),
        (
            r#"{"feature_service": "s", "entities": []}"#,
            "`entities` should be an object of columns, not a list",
        ),
        (
            r#"{"feature_service": "s", "entities": {"k": 1}}"#,
            "`entities.k` should be a list, one value per row, not a number",
        ),
        (
            r#"{"feature_service": "s", "entities": {"k": [1]}, "request_context": {"k": [1]}}"#,
            "`k` stands in both `entities` and `request_context`; once is enough",
        ),
    ];
    for (body, message) in cases {
        let error = JsonRequest::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{body}");
    }
}

#[test]
fn request_fields_may_stand_in_either_place_and_unknown_keys_are_passed_over() {
    let body = br#"{"feature_service": "s", "features": null, "entities": {"k": [1, 2]}, "request_context": {"r": [true, null]},
        "full_feature_names": true, "include_feature_view_version_metadata": false}"#;
    let request = JsonRequest::parse(body).unwrap();
    assert_eq!(request.selection, Selection::Service("s".to_owned()));
    assert_eq!(request.names, FeatureNames::Full);
    assert_eq!(request.rows(), 2);
    assert_eq!(request.columns.keys().collect::<Vec<_>>(), ["k", "r"]);
    let lone = JsonRequest::parse(br#"{"features": ["v"]}"#).unwrap();
    assert_eq!(lone.rows(), 1);
}
