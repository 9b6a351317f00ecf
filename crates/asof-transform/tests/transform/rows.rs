//! What row expressions and conditions give.

use std::sync::Arc;

use arrow::array::types::Int32Type;
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int8Array, Int64Array, RecordBatch, StringViewArray, StructArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use asof_transform::{Condition, RowProgram, column_expression};

use crate::support::{compile, evaluate, flights, schema, texts, value_type};

fn check(sql: &str, declared: &str, expected: [&str; 4]) {
    match evaluate(sql, declared) {
        Ok(values) => assert_eq!(values, expected, "{sql}"),
        Err(error) => panic!("{sql}: {error}"),
    }
}

fn one_column(name: &str, column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap()
}

#[test]
fn expressions_give_what_sql_means() {
    check("dep_delay", "int64", ["2", "-4", "∅", "120"]);
    check("dep_delay / 5", "int64", ["0", "0", "∅", "24"]);
    check("dep_delay / 5.0", "float64", ["0.4", "-0.8", "∅", "24.0"]);
    check("wind_gust > 25", "bool", ["true", "false", "true", "∅"]);
    check("wind_gust", "float64", ["26.5", "-0.0", "NaN", "∅"]);
    check("dep_delay is null or late", "bool", ["false", "false", "true", "true"]);
    check("CASE when late then 1 else 0 END", "int64", ["0", "0", "0", "1"]);
    check("COALESCE(dep_delay, minute)", "int64", ["2", "-4", "40", "120"]);
    check(
        "upper(carrier) || '-' || minute",
        "string",
        ["UA-15", "B6-29", "∅", "-0"],
    );
    check("carrier in ('UA', 'AA')", "bool", ["true", "false", "∅", "false"]);
    check("\"Tail Num\"", "string", ["N1", "N2", "N3", "N4"]);
    check("cast(dep_delay as int)", "int32", ["2", "-4", "∅", "120"]);
    check("cast(dep_delay as int)", "int64", ["2", "-4", "∅", "120"]);
    check("stops[1]", "int64", ["1", "∅", "∅", "∅"]);
    check("stops", "array<int64>", ["[1, 2]", "[]", "∅", "[∅]"]);
    check("null", "string", ["∅", "∅", "∅", "∅"]);
    check("1 + 1", "int64", ["2", "2", "2", "2"]);
    check(
        "coalesce(wind_gust, 0) > 25",
        "bool",
        ["true", "false", "true", "false"],
    );
    check(
        "timestamp '1970-01-01T00:00:00Z'",
        "timestamp",
        ["1970-01-01T00:00:00Z"; 4],
    );
}

#[test]
fn columns_may_have_the_names_of_keywords_and_have_parts() {
    let year: ArrayRef = Arc::new(Int64Array::from(vec![2013]));
    let end: ArrayRef = Arc::new(Int64Array::from(vec![5]));
    let place = StructArray::from(vec![
        (Arc::new(Field::new("year", DataType::Int64, true)), Arc::clone(&year)),
        (Arc::new(Field::new("gate", DataType::Int64, true)), Arc::clone(&end)),
    ]);
    let batch =
        RecordBatch::try_from_iter([("year", year), ("end", end), ("place", Arc::new(place) as ArrayRef)]).unwrap();
    for (sql, expected) in [
        ("year", "2013"),
        ("year + 1", "2014"),
        ("\"end\" * 2", "10"),
        ("place.gate + place['year']", "2018"),
    ] {
        let program = compile(&batch.schema(), sql, "int64").unwrap();
        assert_eq!(texts(&program.evaluate(&batch).unwrap()[0]), [expected], "{sql}");
    }
}

#[test]
fn times_take_minutes_from_columns() {
    let departed = [
        "2013-01-01T10:17:00Z",
        "2013-01-01T11:25:00Z",
        "∅",
        "2013-01-01T11:00:00Z",
    ];
    let minutes = "time_hour + (minute + dep_delay) * interval '1 minute'";
    check(minutes, "timestamp", departed);
    check(
        "time_hour + interval '1 minute' * (minute + dep_delay)",
        "timestamp",
        departed,
    );
    check("extract(hour from time_hour)", "int64", ["10", "11", "12", "9"]);
    check(
        "time_hour - interval '36h'",
        "timestamp",
        [
            "2012-12-30T22:00:00Z",
            "2012-12-30T23:00:00Z",
            "2012-12-31T00:00:00Z",
            "2012-12-30T21:00:00Z",
        ],
    );
    check(
        "time_hour >= timestamp '2013-01-01 11:00:00'",
        "bool",
        ["false", "true", "true", "false"],
    );
    check("date_trunc('day', time_hour)", "timestamp", ["2013-01-01T00:00:00Z"; 4]);
}

#[test]
fn nanoseconds_are_floored_on_the_way_out() {
    let batch = one_column("t", Arc::new(TimestampNanosecondArray::from(vec![1_999, -1])));
    let program = compile(&batch.schema(), "t", "timestamp").unwrap();
    let column = program.evaluate(&batch).unwrap().remove(0);
    let micros: Vec<i64> = column
        .as_primitive::<arrow::datatypes::TimestampMicrosecondType>()
        .values()
        .to_vec();
    assert_eq!(micros, [1, -1]);
}

#[test]
fn columns_are_matched_by_exact_name_whatever_it_is() {
    let name = "Größe \"a.b\"";
    let batch = one_column(name, Arc::new(Int64Array::from(vec![7])));
    let program = compile(&batch.schema(), &column_expression(name), "int64").unwrap();
    assert_eq!(program.columns().iter().collect::<Vec<_>>(), [name]);
    assert_eq!(texts(&program.evaluate(&batch).unwrap()[0]), ["7"]);

    let batch = RecordBatch::try_from_iter([
        ("Temp", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("temp", Arc::new(Int64Array::from(vec![2]))),
    ])
    .unwrap();
    for (sql, expected) in [("Temp", "1"), ("temp", "2"), ("\"Temp\" * 10 + temp", "12")] {
        let program = compile(&batch.schema(), sql, "int64").unwrap();
        assert_eq!(texts(&program.evaluate(&batch).unwrap()[0]), [expected], "{sql}");
    }
}

#[test]
fn packed_and_narrow_columns_come_out_in_the_one_type() {
    let words: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("word", Arc::new(words) as ArrayRef, true),
        ("view", Arc::new(StringViewArray::from(vec!["x", "y", "z"])), true),
        ("small", Arc::new(Int8Array::from(vec![1, 2, 3])), true),
    ])
    .unwrap();
    for (sql, declared, expected) in [
        ("word", "string", ["a", "∅", "a"]),
        ("view || coalesce(word, '-')", "string", ["xa", "y-", "za"]),
        ("small", "int32", ["1", "2", "3"]),
        ("small", "int64", ["1", "2", "3"]),
    ] {
        let program = compile(&batch.schema(), sql, declared).unwrap();
        let column = program.evaluate(&batch).unwrap().remove(0);
        assert_eq!(*column.data_type(), value_type(declared).arrow(), "{sql}");
        assert_eq!(texts(&column), expected, "{sql}");
    }
}

#[test]
fn several_outputs_read_each_column_once_and_keep_their_order() {
    let outputs = [
        ("b", "minute + 1", "int64"),
        ("a", "late", "bool"),
        ("c", "3.5", "float64"),
    ];
    let outputs = outputs.map(|(name, sql, declared)| (name.to_owned(), sql.to_owned(), value_type(declared)));
    let program = RowProgram::compile(&schema(), &outputs).unwrap();
    assert_eq!(program.columns().iter().collect::<Vec<_>>(), ["late", "minute"]);
    let columns = program.evaluate(&flights()).unwrap();
    let columns: Vec<_> = columns.iter().map(texts).collect();
    assert_eq!(columns[0], ["16", "30", "41", "1"]);
    assert_eq!(columns[1], ["false", "false", "∅", "true"]);
    assert_eq!(columns[2], ["3.5"; 4]);
    let none = RowProgram::compile(&schema(), &[]).unwrap();
    assert_eq!(none.evaluate(&flights()).unwrap().len(), 0);
}

#[test]
fn no_rows_give_no_values_and_no_errors() {
    let empty = flights().slice(0, 0);
    let program = compile(&schema(), "minute / dep_delay", "int64").unwrap();
    assert_eq!(program.evaluate(&empty).unwrap()[0].len(), 0);
}

#[test]
fn a_condition_is_false_where_it_is_null_and_yet_not_broken_there() {
    let condition = Condition::compile(&schema(), "dep_delay < 100").unwrap();
    assert_eq!(condition.columns().iter().collect::<Vec<_>>(), ["dep_delay"]);
    let is_true = condition.evaluate(&flights()).unwrap();
    assert_eq!((is_true.null_count(), is_true.true_count()), (0, 2));
    let holds = condition.holds_or_is_null(&flights()).unwrap();
    assert_eq!(
        holds.iter().map(Option::unwrap).collect::<Vec<_>>(),
        [true, true, true, false]
    );
}

#[test]
fn errors_of_rows_name_the_feature_and_the_expression() {
    let errors = [
        ("100 / (minute - 15)", "int64"),
        ("minute % 0", "int64"),
        ("minute * 9000000000000000000", "int64"),
        ("minute + 9223372036854775807", "int64"),
        ("-9223372036854775807 - minute", "int64"),
        ("cast(carrier as bigint)", "int64"),
        ("cast(minute * 10000000000 as int)", "int32"),
        ("time_hour + minute * interval '100000000 minutes'", "timestamp"),
    ]
    .map(|(sql, declared)| evaluate(sql, declared).unwrap_err().to_string());
    insta::assert_snapshot!("row_errors", errors.join("\n"));
}

#[test]
fn batches_of_another_schema_are_refused() {
    let program = compile(&schema(), "minute + 1", "int64").unwrap();
    let missing = one_column("other", Arc::new(Int64Array::from(vec![1])));
    let other = one_column("minute", Arc::new(Int8Array::from(vec![1])));
    let errors = [missing, other].map(|batch| program.evaluate(&batch).unwrap_err().to_string());
    insta::assert_snapshot!("row_batch_errors", errors.join("\n"));
}

#[test]
fn the_deepest_accepted_expression_fits_a_small_stack() {
    let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
    let run = move || {
        for terms in [100, 2_000] {
            let sql = vec!["a"; terms].join("+");
            let program = compile(&schema, &sql, "int64");
            assert_eq!(program.is_ok(), terms == 100, "{terms}: {:?}", program.err());
        }
        let nested = format!("{}a{}", "(".repeat(3_000), ")".repeat(3_000));
        assert!(compile(&schema, &nested, "int64").is_err());
    };
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}
