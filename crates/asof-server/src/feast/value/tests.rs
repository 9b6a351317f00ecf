//! Values there and back, what Feast's wire loses, and columns that it does not let through.

use arrow::array::{ListBuilder, StringBuilder, TimestampMicrosecondBuilder};

use super::*;

fn there_and_back(array: ArrayRef) {
    assert_eq!(&from_wire(&to_wire(&array)).unwrap(), &array);
}

#[test]
fn every_type_comes_back_as_it_went() {
    there_and_back(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])));
    there_and_back(Arc::new(Int32Array::from(vec![Some(i32::MIN), None])));
    there_and_back(Arc::new(Int64Array::from(vec![None, Some(i64::MAX)])));
    there_and_back(Arc::new(Float32Array::from(vec![Some(-0.0), None])));
    there_and_back(Arc::new(Float64Array::from(vec![f64::INFINITY])));
    there_and_back(Arc::new(StringArray::from(vec![Some(""), None, Some("é")])));
    there_and_back(Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\0\xff"), None])));
    let times = TimestampMicrosecondArray::from(vec![Some(-5_000_000), None]);
    there_and_back(Arc::new(times.with_timezone("UTC")));
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), Some("")]);
    lists.append_null();
    lists.append_value([None::<&str>; 0]);
    there_and_back(Arc::new(lists.finish()));
    let mut lists = ListBuilder::new(TimestampMicrosecondBuilder::new().with_timezone("UTC"));
    lists.append_value([Some(1_000_000), None]);
    there_and_back(Arc::new(lists.finish()));
}

#[test]
fn times_are_floored_to_seconds() {
    let times = TimestampMicrosecondArray::from(vec![-1, 1_999_999]).with_timezone("UTC");
    let wire = to_wire(&(Arc::new(times) as ArrayRef));
    let vals: Vec<_> = wire.into_iter().map(|value| value.val).collect();
    assert_eq!(vals, [Some(Val::UnixTimestampVal(-1)), Some(Val::UnixTimestampVal(1))]);
}

#[test]
fn an_array_with_a_null_inside_is_a_list_of_values() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), None]);
    let wire = to_wire(&(Arc::new(lists.finish()) as ArrayRef));
    let a = Value {
        val: Some(Val::StringVal("a".to_owned())),
    };
    let val = vec![a, Value { val: None }];
    assert_eq!(wire[0].val, Some(Val::ListVal(RepeatedValue { val })));
}

#[test]
fn an_unset_value_and_the_explicit_null_are_nulls() {
    let values = [None, Some(Val::NullVal(0)), Some(Val::Int64Val(1))].map(|val| Value { val });
    let column = from_wire(&values).unwrap();
    assert_eq!(
        &column,
        &(Arc::new(Int64Array::from(vec![None, None, Some(1)])) as ArrayRef)
    );
    assert!(from_wire(&values[..2]).unwrap().data_type().is_null());
}

#[test]
fn mixed_and_foreign_types_are_refused_by_name() {
    let check = |vals: Vec<Val>, message: &str| {
        let values: Vec<Value> = vals.into_iter().map(|val| Value { val: Some(val) }).collect();
        assert_eq!(from_wire(&values).unwrap_err(), message);
    };
    check(
        vec![Val::Int64Val(1), Val::StringVal("1".to_owned())],
        "has int64 values, and in row 1 string",
    );
    check(
        vec![Val::Int64Val(1), Val::UuidVal(String::new())],
        "has int64 values, and in row 1 a type that Asof does not have",
    );
    check(
        vec![Val::UuidVal(String::new())],
        "has values of a type that Asof does not have",
    );
    check(
        vec![Val::UnixTimestampVal(i64::MAX)],
        "has the time 9223372036854775807 s, which does not fit 64 bits of microseconds",
    );
}
