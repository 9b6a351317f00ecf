//! Schemas that fit together, and those that do not.

use arrow::array::{
    Date32Array, Decimal128Array, DictionaryArray, Float32Array, Int8Array, Int32Array, LargeStringArray, ListArray,
    RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{Int32Type, TimeUnit};

use super::*;

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields = columns
        .iter()
        .map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn merged(files: &[SchemaRef]) -> Result<Merged, String> {
    let paths: Vec<String> = (0..files.len()).map(|at| format!("{at}.parquet")).collect();
    let files: Vec<_> = paths.iter().map(String::as_str).zip(files).collect();
    Merged::of(&files).map_err(|error| error.to_string())
}

/// The type of a column that has these types in the files, whichever comes first.
fn both(a: &DataType, b: &DataType) -> Option<DataType> {
    let column = |a: &DataType, b: &DataType| {
        let merged = merged(&[schema(&[("c", a.clone())]), schema(&[("c", b.clone())])]).unwrap();
        let conflict = merged.conflict("c", |file| file.to_string()).is_some();
        (!conflict).then(|| merged.fields[0].data_type().clone())
    };
    let (one, other) = (column(a, b), column(b, a));
    assert_eq!(one, other, "{a} {b}");
    one
}

fn structure(fields: &[(&str, DataType)]) -> DataType {
    DataType::Struct(schema(fields).fields().clone())
}

#[test]
fn the_widest_type_holds_both_whichever_file_comes_first() {
    use DataType as T;
    let time = ScalarType::Timestamp.arrow();
    let list = |item: T| T::List(Arc::new(Field::new("item", item, true)));
    let cases = [
        (T::Int32, T::Int64, Some(T::Int64)),
        (T::Int8, T::UInt16, Some(T::Int32)),
        (T::Int8, T::Int8, Some(T::Int8)),
        (T::UInt32, T::Int8, Some(T::Int64)),
        (T::UInt64, T::UInt64, Some(T::UInt64)),
        (T::UInt64, T::Int64, None),
        (T::Float32, T::Float64, Some(T::Float64)),
        (T::Float16, T::Float32, Some(T::Float32)),
        (T::Int32, T::Float64, None),
        (T::Int64, T::Utf8, None),
        (T::Null, T::Int32, Some(T::Int32)),
        (T::Utf8View, T::LargeUtf8, Some(T::Utf8)),
        (
            T::Utf8,
            T::Dictionary(Box::new(T::Int8), Box::new(T::Utf8)),
            Some(T::Utf8),
        ),
        (T::Date32, T::Timestamp(TimeUnit::Nanosecond, None), Some(time.clone())),
        (T::Date32, T::Date32, Some(T::Date32)),
        (
            T::Timestamp(TimeUnit::Second, Some("+02:00".into())),
            T::Timestamp(TimeUnit::Nanosecond, None),
            Some(time),
        ),
        (T::Decimal128(9, 2), T::Decimal128(18, 2), Some(T::Decimal128(18, 2))),
        (T::Decimal128(9, 2), T::Decimal128(9, 3), None),
        (
            list(T::Int32),
            list(T::Int64),
            Some(ValueType::Array(ScalarType::Int64).arrow()),
        ),
        (list(T::Int32), T::Int32, None),
    ];
    for (a, b, expected) in &cases {
        assert_eq!(both(a, b), *expected, "{a} {b}");
    }
}

#[test]
fn structs_have_the_fields_of_all_files() {
    use DataType as T;
    let files = [
        schema(&[("s", structure(&[("a", T::Int32), ("b", T::LargeUtf8)]))]),
        schema(&[("s", structure(&[("c", T::Boolean), ("a", T::Int64)]))]),
    ];
    let merged = merged(&files).unwrap();
    let expected = structure(&[("a", T::Int64), ("b", T::Utf8), ("c", T::Boolean)]);
    assert_eq!(*merged.fields[0].data_type(), expected);

    let array = StructArray::try_from(vec![
        ("b", Arc::new(LargeStringArray::from(vec!["x", "y"])) as ArrayRef),
        ("a", Arc::new(Int32Array::from(vec![Some(1), None])) as ArrayRef),
    ])
    .unwrap();
    let adapted = adapt(&(Arc::new(array) as ArrayRef), &expected).unwrap();
    assert_eq!(adapted.data_type(), &expected);
    let adapted = adapted.as_struct();
    assert_eq!(
        adapted.column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0),
        1
    );
    assert!(adapted.column(0).is_null(1));
    assert_eq!(adapted.column(1).as_string::<i32>().value(1), "y");
    assert_eq!(adapted.column(2).null_count(), 2);
}

#[test]
fn columns_come_in_the_order_in_which_files_first_have_them() {
    use DataType as T;
    let files = [
        schema(&[("a", T::Int32), ("b", T::Utf8)]),
        schema(&[("c", T::Boolean), ("a", T::Int32)]),
        schema(&[("a", T::Int32), ("b", T::Utf8)]),
    ];
    let merged = merged(&files).unwrap();
    let names: Vec<&str> = merged.fields.iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let missing = |column| {
        merged
            .missing(column, |file| format!("{file}"))
            .map(|error| error.to_string())
    };
    assert_eq!(missing("a"), None);
    assert!(
        missing("b")
            .unwrap()
            .starts_with("`1` has no column `b`, which `0` has")
    );
    assert!(
        missing("c")
            .unwrap()
            .starts_with("`0` has no column `c`, which `1` has")
    );
}

#[test]
fn a_conflict_names_both_files_and_types() {
    use DataType as T;
    let files = [
        schema(&[("c", T::Null)]),
        schema(&[("c", T::Int32)]),
        schema(&[("c", T::Int64)]),
        schema(&[("c", T::Utf8)]),
        schema(&[("c", T::Boolean)]),
    ];
    let merged = merged(&files).unwrap();
    insta::assert_snapshot!(
        merged.conflict("c", |file| format!("{file}.parquet")).unwrap(),
        @"column `c` of `3.parquet` has type string, in `1.parquet` it has type int64; rewrite one of them, or let the path name only files that agree"
    );
}

#[test]
fn names_that_differ_by_case_only_are_refused_between_files_but_not_within_one() {
    use DataType as T;
    let error = merged(&[schema(&[("Temp", T::Int32)]), schema(&[("temp", T::Int32)])]).unwrap_err();
    insta::assert_snapshot!(error, @"`0.parquet` has a column `Temp`, `1.parquet` has `temp`; names that differ by case only are taken for a mistake: rename one of them");
    let two = schema(&[("a", T::Int32), ("A", T::Int32)]);
    assert_eq!(merged(&[Arc::clone(&two), two]).unwrap().fields.len(), 2);
    let error = merged(&[schema(&[("x", T::Int32), ("x", T::Int32)])]).unwrap_err();
    insta::assert_snapshot!(error, @"`0.parquet` has two columns named `x`; names must be unique");
}

#[test]
fn adapting_widens_values_and_keeps_nulls() {
    use DataType as T;
    let dictionary: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None]);
    let big_dictionary = DictionaryArray::new(
        Int32Array::from(vec![0, 0]),
        Arc::new(UInt64Array::from(vec![u64::MAX])) as ArrayRef,
    );
    let decimals = Decimal128Array::from(vec![Some(125), None])
        .with_precision_and_scale(9, 2)
        .unwrap();
    let cases: [(ArrayRef, T, &str); 8] = [
        (Arc::new(Int8Array::from(vec![Some(-1), None])), T::Int64, "[-1, null]"),
        (
            Arc::new(Float32Array::from(vec![Some(0.5), None])),
            T::Float64,
            "[0.5, null]",
        ),
        (
            Arc::new(Date32Array::from(vec![1])),
            ScalarType::Timestamp.arrow(),
            "[1970-01-02T00:00:00Z]",
        ),
        (Arc::new(dictionary), T::Utf8, "[a, null, a]"),
        (
            Arc::new(big_dictionary),
            T::UInt64,
            "[18446744073709551615, 18446744073709551615]",
        ),
        (
            Arc::new(lists),
            ValueType::Array(ScalarType::Int64).arrow(),
            "[[1], null]",
        ),
        (Arc::new(decimals), T::Decimal128(18, 2), "[1.25, null]"),
        (Arc::new(StringArray::from(vec!["x"])), T::Utf8, "[x]"),
    ];
    for (array, to, expected) in cases {
        let adapted = adapt(&array, &to).unwrap();
        assert_eq!(adapted.data_type(), &to);
        let options = arrow::util::display::FormatOptions::new().with_null("null");
        let formatter = arrow::util::display::ArrayFormatter::try_new(&adapted, &options).unwrap();
        let cells: Vec<String> = (0..adapted.len()).map(|row| formatter.value(row).to_string()).collect();
        assert_eq!(format!("[{}]", cells.join(", ")), expected);
        // What is adapted can stand in a batch of the source's schema.
        RecordBatch::try_new(schema(&[("c", to)]), vec![Arc::clone(&adapted)]).unwrap();
    }
}
