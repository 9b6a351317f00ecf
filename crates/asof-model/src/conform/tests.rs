//! Conforming, type by type.

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::*;

use super::*;

fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

#[track_caller]
fn check(from: ArrayRef, to: &str, expected: ArrayRef) {
    let to: ValueType = to.parse().unwrap();
    assert!(can_conform(from.data_type(), to));
    let found = conform(&from, to).unwrap();
    assert_eq!(&found, &expected);
    assert_eq!(*found.data_type(), to.arrow());
    // A slice conforms to the slice.
    let sliced = conform(&from.slice(1, from.len() - 1), to).unwrap();
    assert_eq!(&sliced, &expected.slice(1, expected.len() - 1));
}

fn times(values: Vec<Option<i64>>) -> ArrayRef {
    array(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

#[test]
fn integers_widen_and_never_narrow() {
    let int64 = || array(Int64Array::from(vec![Some(0), None, Some(100)]));
    let int32 = || array(Int32Array::from(vec![Some(0), None, Some(100)]));
    check(array(Int8Array::from(vec![Some(0), None, Some(100)])), "int64", int64());
    check(
        array(Int16Array::from(vec![Some(0), None, Some(100)])),
        "int64",
        int64(),
    );
    check(int32(), "int64", int64());
    check(
        array(UInt32Array::from(vec![Some(0), None, Some(100)])),
        "int64",
        int64(),
    );
    check(
        array(UInt16Array::from(vec![Some(0), None, Some(100)])),
        "int32",
        int32(),
    );
    check(
        array(UInt8Array::from(vec![Some(0), None, Some(100)])),
        "int32",
        int32(),
    );
    check(
        array(UInt32Array::from(vec![0, u32::MAX])),
        "int64",
        array(Int64Array::from(vec![0, i64::from(u32::MAX)])),
    );
}

#[test]
fn floats_widen_and_keep_their_values() {
    check(
        array(Float32Array::from(vec![Some(0.1), None, Some(-0.0)])),
        "float64",
        array(Float64Array::from(vec![Some(f64::from(0.1_f32)), None, Some(-0.0)])),
    );
}

#[test]
fn every_kind_of_text_and_bytes_is_taken() {
    let texts = vec![
        Some("a"),
        None,
        Some(""),
        Some("a text that is longer than a view holds inline"),
    ];
    let expected = || array(StringArray::from(texts.clone()));
    check(array(LargeStringArray::from(texts.clone())), "string", expected());
    check(array(StringViewArray::from(texts.clone())), "string", expected());
    let dictionary: DictionaryArray<Int8Type> = texts.iter().copied().collect();
    check(array(dictionary), "string", expected());

    let bytes = vec![Some(&b"ab"[..]), None, Some(b"\xff\x00")];
    let expected = || array(BinaryArray::from(bytes.clone()));
    check(array(LargeBinaryArray::from(bytes.clone())), "bytes", expected());
    check(array(BinaryViewArray::from(bytes.clone())), "bytes", expected());
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes.iter().copied(), 2).unwrap();
    check(array(fixed), "bytes", expected());
}

#[test]
fn times_of_any_unit_and_zone_become_microseconds_and_nanoseconds_are_floored() {
    check(
        array(TimestampSecondArray::from(vec![Some(-1), None, Some(2)])),
        "timestamp",
        times(vec![Some(-1_000_000), None, Some(2_000_000)]),
    );
    check(
        array(TimestampMillisecondArray::from(vec![1, 2]).with_timezone("Europe/Berlin")),
        "timestamp",
        times(vec![Some(1_000), Some(2_000)]),
    );
    check(
        array(TimestampMicrosecondArray::from(vec![i64::MIN, i64::MAX]).with_timezone("+02:00")),
        "timestamp",
        times(vec![Some(i64::MIN), Some(i64::MAX)]),
    );
    check(
        array(TimestampNanosecondArray::from(vec![
            1_999,
            -1,
            -1_000,
            -1_001,
            i64::MIN,
        ])),
        "timestamp",
        times(vec![
            Some(1),
            Some(-1),
            Some(-1),
            Some(-2),
            Some(-9_223_372_036_854_776),
        ]),
    );
    check(
        array(Date32Array::from(vec![Some(1), None, Some(-1)])),
        "timestamp",
        times(vec![Some(86_400_000_000), None, Some(-86_400_000_000)]),
    );
    check(
        array(Date64Array::from(vec![86_400_000, 0])),
        "timestamp",
        times(vec![Some(86_400_000_000), Some(0)]),
    );
}

#[test]
fn a_time_that_does_not_fit_is_an_error_unless_it_is_null() {
    let error = |array: ArrayRef| conform(&array, ScalarType::Timestamp.into()).unwrap_err();
    let seconds = error(array(TimestampSecondArray::from(vec![1, i64::MAX / 1_000_000 + 1])));
    assert_eq!(
        seconds.to_string(),
        "expected timestamp, found timestamp with the value 9223372036855, which does not fit 64 bits of microseconds"
    );
    let date = error(array(Date32Array::from(vec![i32::MAX])));
    assert!(
        date.to_string()
            .starts_with("expected timestamp, found date with the value 2147483647"),
        "{date}"
    );
    let hidden = TimestampSecondArray::new(
        ScalarBuffer::from(vec![i64::MAX, 1]),
        Some(NullBuffer::from(vec![false, true])),
    );
    check(array(hidden), "timestamp", times(vec![None, Some(1_000_000)]));
}

#[test]
fn every_kind_of_list_is_taken_with_its_nulls() {
    fn values<T: From<i8>>() -> [Option<Vec<Option<T>>>; 4] {
        let (one, minus_four) = (Some(1.into()), Some((-4).into()));
        [Some(vec![one, None]), None, Some(vec![]), Some(vec![minus_four])]
    }
    let expected = || {
        let item = Arc::new(Field::new_list_field(DataType::Int64, true));
        let items = Int64Array::from(vec![Some(1), None, Some(-4)]);
        let nulls = NullBuffer::from(vec![true, false, true, true]);
        array(ListArray::new(
            item,
            OffsetBuffer::from_lengths([2, 0, 0, 1]),
            Arc::new(items),
            Some(nulls),
        ))
    };
    check(
        array(ListArray::from_iter_primitive::<Int32Type, _, _>(values())),
        "array<int64>",
        expected(),
    );
    check(
        array(LargeListArray::from_iter_primitive::<Int64Type, _, _>(values())),
        "array<int64>",
        expected(),
    );
    check(
        array(ListViewArray::from_iter_primitive::<Int16Type, _, _>(values())),
        "array<int64>",
        expected(),
    );

    let fixed = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>([Some([Some(0.5), None]), None], 2);
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    let items = Float64Array::from(vec![Some(0.5), None]);
    let nulls = NullBuffer::from(vec![true, false]);
    let expected = ListArray::new(item, OffsetBuffer::from_lengths([2, 0]), Arc::new(items), Some(nulls));
    check(array(fixed), "array<float64>", array(expected));
}

#[test]
fn a_list_takes_the_one_field_and_what_a_null_list_hides_is_not_looked_at() {
    // Parquet calls the field `element`; here the null list hides a time that does not fit.
    let element = Arc::new(Field::new(
        "element",
        DataType::Timestamp(TimeUnit::Second, None),
        false,
    ));
    let items = TimestampSecondArray::from(vec![i64::MAX, 1]);
    let nulls = NullBuffer::from(vec![false, true]);
    let from = ListArray::new(
        element,
        OffsetBuffer::from_lengths([1, 1]),
        Arc::new(items),
        Some(nulls.clone()),
    );
    let item = Arc::new(Field::new_list_field(ScalarType::Timestamp.arrow(), true));
    let items = times(vec![Some(1_000_000)]);
    let expected = ListArray::new(item, OffsetBuffer::from_lengths([0, 1]), items, Some(nulls));
    check(array(from), "array<timestamp>", array(expected));
}

#[test]
fn a_column_of_nulls_is_taken_for_everything() {
    for scalar in ScalarType::ALL {
        for to in [ValueType::Scalar(scalar), ValueType::Array(scalar)] {
            let found = conform(&array(NullArray::new(3)), to).unwrap();
            assert_eq!((found.data_type(), found.null_count()), (&to.arrow(), 3));
        }
    }
}

#[test]
fn what_would_lose_something_is_refused_with_both_types() {
    let refused = |from: &DataType, to: &str, message: &str| {
        let to: ValueType = to.parse().unwrap();
        assert!(!can_conform(from, to));
        assert_eq!(conform(&new_empty_array(from), to).unwrap_err().to_string(), message);
    };
    refused(&DataType::Int64, "int32", "expected int32, found int64");
    refused(&DataType::UInt64, "int64", "expected int64, found uint64");
    refused(&DataType::UInt32, "int32", "expected int32, found uint32");
    refused(&DataType::Float64, "float32", "expected float32, found float64");
    refused(&DataType::Int64, "float64", "expected float64, found int64");
    refused(&DataType::Utf8View, "int64", "expected int64, found string");
    refused(&DataType::Binary, "string", "expected string, found bytes");
    refused(&DataType::Int64, "timestamp", "expected timestamp, found int64");
    refused(
        &DataType::Decimal128(10, 2),
        "float64",
        "expected float64, found Decimal128(10, 2)",
    );
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
    refused(&list, "array<int32>", "expected array<int32>, found array<int64>");
    refused(&list, "int64", "expected int64, found array<int64>");
    refused(&DataType::Int64, "array<int64>", "expected array<int64>, found int64");
}

#[test]
fn keys_conform_more_strictly_than_values() {
    let key = |from: ArrayRef, to: ScalarType| conform_key(&from, to).map_err(|error| error.to_string());
    let int32 = array(Int32Array::from(vec![Some(-7), None]));
    let int64 = array(Int64Array::from(vec![Some(-7), None]));
    assert_eq!(key(Arc::clone(&int32), ScalarType::Int64), Ok(Arc::clone(&int64)));
    assert_eq!(
        key(Arc::clone(&int64), ScalarType::Int32),
        Err("expected int32, found int64".to_owned())
    );
    let int16 = array(Int16Array::from(vec![7]));
    assert_eq!(
        key(int16, ScalarType::Int64),
        Err("expected int64, found int16".to_owned())
    );
    assert_eq!(
        key(int64, ScalarType::String),
        Err("expected string, found int64".to_owned())
    );
    let text = array(StringViewArray::from(vec!["JFK"]));
    assert_eq!(key(text, ScalarType::String), Ok(array(StringArray::from(vec!["JFK"]))));
    let dictionary: DictionaryArray<Int32Type> = ["JFK"].into_iter().collect();
    assert_eq!(
        key(array(dictionary), ScalarType::String),
        Ok(array(StringArray::from(vec!["JFK"])))
    );
    let date = array(Date32Array::from(vec![1]));
    assert_eq!(key(date, ScalarType::Timestamp), Ok(times(vec![Some(86_400_000_000)])));
}
