//! Folds over windows, against a reference that is written the plain way.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use asof_transform::{AggregateProgram, EvaluationError, Folder, RowRef};
use proptest::prelude::*;

use crate::splits::bits;
use crate::support::{flights, schema, texts, window_feature};

/// The rows of `batches`, in order.
fn refs(batches: &[RecordBatch]) -> Vec<RowRef> {
    let rows = batches.iter().enumerate().flat_map(|(batch, rows)| {
        let batch = u32::try_from(batch).unwrap();
        (0..u32::try_from(rows.num_rows()).unwrap()).map(move |row| RowRef { batch, row })
    });
    rows.collect()
}

/// One feature over all rows of [`flights`], and over none.
fn over_flights(sql: &str, declared: &str) -> Result<[String; 2], EvaluationError> {
    let feature = window_feature("w", declared, sql, "1h");
    let program = AggregateProgram::compile(&schema(), &[feature]).unwrap_or_else(|error| panic!("{error}"));
    let inputs = [program.inputs(&flights())?];
    let mut folder = Folder::try_new(&program, &inputs)?;
    folder.push(&refs(&inputs), &[0])?;
    folder.push(&[], &[0])?;
    let texts = texts(&folder.finish()?[0]);
    Ok([texts[0].clone(), texts[1].clone()])
}

#[test]
fn each_function_has_its_value_and_its_value_over_nothing() {
    // dep_delay: 2, -4, null, 120; wind_gust: 26.5, -0.0, NaN, null; late: f, f, null, t.
    for (sql, declared, all, none) in [
        ("count(*)", "int64", "4", "0"),
        ("COUNT(dep_delay)", "int64", "3", "0"),
        ("count(distinct dep_delay)", "int64", "3", "0"),
        ("count(distinct late)", "int64", "2", "0"),
        ("count(distinct carrier)", "int64", "3", "0"),
        ("count(stops)", "int64", "3", "0"),
        ("count(*) filter (where dep_delay > 1)", "int64", "2", "0"),
        ("count(*) filter (where late)", "int64", "1", "0"),
        ("sum(dep_delay)", "int64", "118", "∅"),
        ("sum(minute / 60.0)", "float64", "1.4", "∅"),
        ("avg(dep_delay)", "float64", "39.333333333333336", "∅"),
        ("mean(dep_delay)", "float64", "39.333333333333336", "∅"),
        ("avg(wind_gust)", "float64", "NaN", "∅"),
        ("min(dep_delay)", "int64", "-4", "∅"),
        ("max(dep_delay)", "int64", "120", "∅"),
        ("min(wind_gust)", "float64", "-0.0", "∅"),
        ("max(wind_gust)", "float64", "NaN", "∅"),
        ("max(carrier)", "string", "UA", "∅"),
        ("min(carrier)", "string", "", "∅"),
        ("max(late)", "bool", "true", "∅"),
        ("max(time_hour)", "timestamp", "2013-01-01T12:00:00Z", "∅"),
        ("first_value(dep_delay)", "int64", "2", "∅"),
        ("last_value(wind_gust)", "float64", "∅", "∅"),
        ("last_value(wind_gust) ignore nulls", "float64", "NaN", "∅"),
        ("first_value(stops)", "array<int64>", "[1, 2]", "∅"),
        ("last_value(dep_delay) filter (where not late)", "int64", "-4", "∅"),
        ("bool_and(late)", "bool", "false", "∅"),
        ("bool_or(late)", "bool", "true", "∅"),
        ("var(minute)", "float64", "300.6666666666667", "∅"),
        ("var_pop(minute)", "float64", "225.5", "∅"),
        ("stddev_samp(minute)", "float64", "17.339742404853272", "∅"),
        ("stddev_pop(minute)", "float64", "15.016657417681207", "∅"),
        ("var_samp(dep_delay) filter (where late)", "float64", "∅", "∅"),
        ("var_pop(dep_delay) filter (where late)", "float64", "0.0", "∅"),
        ("sum(dep_delay) / count(*)", "int64", "29", "∅"),
        (
            "count(*) filter (where dep_delay > 1) / cast(nullif(count(*), 0) as double)",
            "float64",
            "0.5",
            "∅",
        ),
        ("coalesce(max(dep_delay), 0) + 1", "int64", "121", "1"),
        ("max(dep_delay) - min(dep_delay) > 100", "bool", "true", "∅"),
        ("avg(case when late then 1.0 else 0.0 end)", "float64", "0.25", "∅"),
    ] {
        let [found, empty] = over_flights(sql, declared).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((found.as_str(), empty.as_str()), (all, none), "{sql}");
    }
}

#[test]
fn errors_of_folds_name_the_feature_and_the_expression() {
    let errors = [
        ("sum(minute * 200000000000000000)", "int64"),
        ("sum(minute * 4000000000000000000)", "int64"),
        ("count(*) / count(*)", "int64"),
        ("avg(1 / (minute - 15))", "float64"),
    ]
    .map(|(sql, declared)| over_flights(sql, declared).unwrap_err().to_string());
    insta::assert_snapshot!("fold_errors", errors.join("\n"));
}

#[test]
fn equal_calls_and_arguments_are_computed_once() {
    let feature = |name, sql, window| window_feature(name, "float64", sql, window);
    let features = [
        feature("a", "avg(dep_delay)", "1h"),
        feature("b", "AVG( dep_delay ) + sum(dep_delay * 1.0)", "1h"),
        feature("c", "avg(\"dep_delay\") filter (where late)", "6h"),
        feature("d", "avg(dep_delay) filter (where late) + 1", "1d"),
    ];
    let program = AggregateProgram::compile(&schema(), &features).unwrap();
    let windows: Vec<_> = program.windows().iter().map(ToString::to_string).collect();
    assert_eq!(windows, ["1h", "6h", "1d"]);
    assert_eq!(program.columns().iter().collect::<Vec<_>>(), ["dep_delay", "late"]);
    // dep_delay as int64, dep_delay * 1.0, and the filter.
    assert_eq!(program.input_schema().fields().len(), 3);
}

#[test]
fn inputs_of_another_program_are_refused() {
    let program = AggregateProgram::compile(&schema(), &[window_feature("w", "int64", "sum(minute)", "1h")]).unwrap();
    let error = Folder::try_new(&program, &[flights()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`w` (`sum(minute)`): the inputs are not those of this program"
    );
}

/// One row of the random tests: a time, a whole number, a float, a text, a truth value.
type Row = (i64, Option<i64>, Option<f64>, Option<&'static str>, Option<bool>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let float = prop_oneof![
        prop::sample::select(vec![0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, 1e300, 1.0, 1e-17]),
        -1e3..1e3_f64,
    ];
    let row = (
        0_i64..30,
        prop::option::weighted(0.8, prop_oneof![-5_i64..5, any::<i32>().prop_map(i64::from)]),
        prop::option::weighted(0.8, float),
        prop::option::weighted(0.8, prop::sample::select(vec!["", "a", "b", "é"])),
        any::<Option<bool>>(),
    );
    prop::collection::vec(row, 0..40).prop_map(|mut rows| {
        rows.sort_by_key(|row| row.0);
        rows
    })
}

fn batch(rows: &[Row]) -> RecordBatch {
    let column = |array: ArrayRef| array;
    RecordBatch::try_from_iter_with_nullable([
        (
            "n",
            column(Arc::new(rows.iter().map(|r| r.1).collect::<Int64Array>())),
            true,
        ),
        (
            "f",
            column(Arc::new(rows.iter().map(|r| r.2).collect::<Float64Array>())),
            true,
        ),
        (
            "s",
            column(Arc::new(rows.iter().map(|r| r.3).collect::<StringArray>())),
            true,
        ),
        (
            "b",
            column(Arc::new(rows.iter().map(|r| r.4).collect::<BooleanArray>())),
            true,
        ),
    ])
    .unwrap()
}

/// What a feature gives over rows, the plain way. Floats are compared by their bits.
#[derive(Debug, PartialEq)]
enum Value {
    Int(Option<i64>),
    Bits(Option<u64>),
    Text(Option<&'static str>),
    Truth(Option<bool>),
}

type Reference = fn(&[Row]) -> Value;

fn floats(rows: &[Row]) -> Vec<f64> {
    rows.iter().filter_map(|row| row.2).collect()
}

fn whole(rows: &[Row]) -> Vec<i64> {
    rows.iter().filter_map(|row| row.1).collect()
}

fn bits_of(value: Option<f64>) -> Value {
    Value::Bits(value.map(f64::to_bits))
}

/// A number that orders floats as IEEE 754 totalOrder does.
fn rank(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    if bits < 0 { i64::MIN + !bits } else { bits }
}

fn variance(values: &[f64], ddof: usize) -> Option<f64> {
    let (mut mean, mut squares) = (0.0, 0.0);
    for (number, value) in values.iter().enumerate() {
        let before = value - mean;
        mean += before / (number + 1) as f64;
        squares += before * (value - mean);
    }
    (values.len() > ddof).then(|| squares / (values.len() - ddof) as f64)
}

const FEATURES: [(&str, &str, Reference); 18] = [
    ("count(*)", "int64", |rows| Value::Int(Some(rows.len() as i64))),
    ("count(s)", "int64", |rows| {
        Value::Int(Some(rows.iter().filter(|row| row.3.is_some()).count() as i64))
    }),
    ("count(distinct f)", "int64", |rows| {
        let bits: BTreeSet<u64> = floats(rows).into_iter().map(f64::to_bits).collect();
        Value::Int(Some(bits.len() as i64))
    }),
    ("count(distinct s)", "int64", |rows| {
        let texts: BTreeSet<_> = rows.iter().filter_map(|row| row.3).collect();
        Value::Int(Some(texts.len() as i64))
    }),
    ("sum(n)", "int64", |rows| {
        let values = whole(rows);
        Value::Int((!values.is_empty()).then(|| values.iter().sum()))
    }),
    ("sum(f)", "float64", |rows| {
        bits_of(floats(rows).into_iter().reduce(|a, b| a + b))
    }),
    ("avg(f)", "float64", |rows| {
        let values = floats(rows);
        let count = values.len() as f64;
        bits_of(values.into_iter().reduce(|a, b| a + b).map(|sum| sum / count))
    }),
    ("avg(n)", "float64", |rows| {
        let values = whole(rows);
        let count = values.len() as f64;
        bits_of((!values.is_empty()).then(|| values.iter().sum::<i64>() as f64 / count))
    }),
    ("min(f)", "float64", |rows| {
        bits_of(floats(rows).into_iter().min_by_key(|value| rank(*value)))
    }),
    ("max(f)", "float64", |rows| {
        bits_of(floats(rows).into_iter().max_by_key(|value| rank(*value)))
    }),
    ("min(s)", "string", |rows| {
        Value::Text(rows.iter().filter_map(|row| row.3).min())
    }),
    ("first_value(f)", "float64", |rows| {
        bits_of(rows.first().and_then(|row| row.2))
    }),
    ("last_value(f) ignore nulls", "float64", |rows| {
        bits_of(floats(rows).last().copied())
    }),
    ("bool_and(b)", "bool", |rows| {
        let values: Vec<bool> = rows.iter().filter_map(|row| row.4).collect();
        Value::Truth((!values.is_empty()).then(|| values.iter().all(|value| *value)))
    }),
    ("stddev(n)", "float64", |rows| {
        let values: Vec<f64> = whole(rows).into_iter().map(|value| value as f64).collect();
        bits_of(variance(&values, 1).map(f64::sqrt))
    }),
    ("var_pop(f)", "float64", |rows| bits_of(variance(&floats(rows), 0))),
    ("sum(n) filter (where b)", "int64", |rows| {
        let values: Vec<i64> = rows
            .iter()
            .filter(|row| row.4 == Some(true))
            .filter_map(|row| row.1)
            .collect();
        Value::Int((!values.is_empty()).then(|| values.iter().sum()))
    }),
    ("sum(f) / count(*)", "float64", |rows| {
        let sum = floats(rows).into_iter().reduce(|a, b| a + b);
        bits_of(sum.map(|sum| sum / rows.len() as f64))
    }),
];

fn value(array: &ArrayRef, row: usize) -> Value {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{DataType, Float64Type, Int64Type};
    let valid = array.is_valid(row);
    match array.data_type() {
        DataType::Int64 => Value::Int(valid.then(|| array.as_primitive::<Int64Type>().value(row))),
        DataType::Float64 => Value::Bits(valid.then(|| array.as_primitive::<Float64Type>().value(row).to_bits())),
        DataType::Boolean => Value::Truth(valid.then(|| array.as_boolean().value(row))),
        _ => Value::Text(valid.then(|| {
            let text = array.as_string::<i32>().value(row);
            *["", "a", "b", "é"].iter().find(|known| **known == text).unwrap()
        })),
    }
}

/// Folds every feature over the windows `(cutoff - window, cutoff]` of each cutoff; rows are in batches cut at `cuts`.
fn fold(rows: &[Row], cuts: &[prop::sample::Index]) -> Vec<ArrayRef> {
    let windows = ["3us", "7us", "40us"];
    let features = FEATURES.iter().enumerate().map(|(number, (sql, declared, _))| {
        window_feature(&format!("w{number}"), declared, sql, windows[number % windows.len()])
    });
    let features: Vec<_> = features.collect();
    let all = batch(rows);
    let program = AggregateProgram::compile(&all.schema(), &features).unwrap();
    let mut at: Vec<usize> = cuts
        .iter()
        .map(|cut| cut.index(rows.len() + 1))
        .chain([0, rows.len()])
        .collect();
    at.sort_unstable();
    let pieces = at
        .windows(2)
        .map(|pair| program.inputs(&all.slice(pair[0], pair[1] - pair[0])).unwrap());
    let inputs: Vec<RecordBatch> = pieces.collect();
    let refs = refs(&inputs);
    let mut folder = Folder::try_new(&program, &inputs).unwrap();
    for cutoff in 0..32 {
        let end = rows.partition_point(|row| row.0 <= cutoff);
        let start = |window: i64| rows.partition_point(|row| row.0 <= cutoff - window);
        let longest = start(40);
        let starts = program.windows().iter().map(|window| start(window.micros()) - longest);
        folder.push(&refs[longest..end], &starts.collect::<Vec<_>>()).unwrap();
    }
    folder.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn folds_equal_the_reference_bit_for_bit_in_any_split(rows in rows(), cuts: [prop::sample::Index; 4]) {
        let columns = fold(&rows, &cuts);
        for (number, ((sql, _, reference), column)) in FEATURES.iter().zip(&columns).enumerate() {
            let window = [3, 7, 40][number % 3];
            for cutoff in 0..32_i64 {
                let inside: Vec<Row> =
                    rows.iter().filter(|row| cutoff - window < row.0 && row.0 <= cutoff).copied().collect();
                let expected = reference(&inside);
                let found = value(column, usize::try_from(cutoff).unwrap());
                prop_assert_eq!(found, expected, "{} at {}", sql, cutoff);
            }
        }
        let whole = fold(&rows, &[]);
        prop_assert!(columns.iter().zip(&whole).all(|(a, b)| bits(a) == bits(b)));
    }
}
