//! Folds over windows, against a reference that is written the plain way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use asof_transform::{AggregateProgram, EvaluationError, Groups};
use proptest::prelude::*;

use crate::splits::bits;
use crate::support::{flights, schema, texts, window_feature};

/// One feature over all rows of [`flights`], and over none.
fn over_flights(sql: &str, declared: &str) -> Result<[String; 2], EvaluationError> {
    let feature = window_feature("w", declared, sql, "1h");
    let program = AggregateProgram::compile(&schema(), &[feature]).unwrap_or_else(|error| panic!("{error}"));
    let inputs = program.inputs(&flights())?;
    let mut groups = Groups::new(1);
    groups.push(&[0], 4);
    groups.push(&[4], 4);
    let texts = texts(&program.fold(&inputs, &groups)?[0]);
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
        ("approx_distinct(carrier)", "int64", "3", "0"),
        ("approx_count_distinct(wind_gust)", "int64", "3", "0"),
        ("approx_median(dep_delay)", "float64", "2.0", "∅"),
        ("approx_percentile_cont(minute, 0.5)", "float64", "22.0", "∅"),
        ("approx_percentile_cont(minute, 1)", "float64", "40.0", "∅"),
        ("approx_percentile_cont(wind_gust, 0)", "float64", "0.0", "∅"),
        ("top_k(late, 1)", "array<bool>", "[false]", "∅"),
        ("top_k(minute, 2)", "array<int64>", "[0, 15]", "∅"),
        ("top_k(carrier, 9)", "array<string>", "[, B6, UA]", "∅"),
        ("top_k(dep_delay, 2) filter (where late)", "array<int64>", "[120]", "∅"),
        ("cast(array_length(top_k(minute, 3)) as bigint)", "int64", "3", "∅"),
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
fn a_count_reads_which_values_are_missing_from_the_values_if_another_call_has_them() {
    let feature = |name, declared, sql| window_feature(name, declared, sql, "1h");
    let features = [
        feature("a", "int64", "count(dep_delay)"),
        feature("b", "int64", "count(carrier) filter (where late)"),
        feature("c", "int64", "max(dep_delay) filter (where late)"),
        feature("d", "int64", "count(minute)"),
    ];
    let program = AggregateProgram::compile(&schema(), &features).unwrap();
    let types: Vec<_> = program
        .input_schema()
        .fields()
        .iter()
        .map(|field| field.data_type().to_string())
        .collect();
    // Whether there is a carrier, the filter, dep_delay, and whether there is a minute.
    assert_eq!(types, ["Boolean", "Boolean", "Int64", "Boolean"]);
    let mut groups = Groups::new(1);
    groups.push(&[0], 4);
    let columns = program.fold(&program.inputs(&flights()).unwrap(), &groups).unwrap();
    let found: Vec<String> = columns.iter().flat_map(texts).collect();
    assert_eq!(found, ["3", "1", "120", "4"]);
}

#[test]
fn inputs_of_another_program_are_refused() {
    let program = AggregateProgram::compile(&schema(), &[window_feature("w", "int64", "sum(minute)", "1h")]).unwrap();
    let error = program.fold(&flights(), &Groups::new(1)).unwrap_err();
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
    Text(Option<String>),
    Truth(Option<bool>),
}

type Reference = fn(&[Row]) -> Value;

fn floats(rows: &[Row]) -> Vec<f64> {
    rows.iter().filter_map(|row| row.2).collect()
}

fn whole(rows: &[Row]) -> Vec<i64> {
    rows.iter().filter_map(|row| row.1).collect()
}

/// Of several NaNs, the first one stays: the folds' own tests show it. What the plain code here keeps is up to the
/// compiler.
fn bits_of(value: Option<f64>) -> Value {
    Value::Bits(value.map(|value| {
        if value.is_nan() {
            f64::NAN.to_bits()
        } else {
            value.to_bits()
        }
    }))
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

const FEATURES: [(&str, &str, Reference); 24] = [
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
        Value::Text(rows.iter().filter_map(|row| row.3).min().map(str::to_owned))
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
    ("bool_or(b)", "bool", |rows| {
        let values: Vec<bool> = rows.iter().filter_map(|row| row.4).collect();
        Value::Truth((!values.is_empty()).then(|| values.contains(&true)))
    }),
    ("approx_distinct(s)", "int64", |rows| {
        // Of a few values, none shares a register.
        let texts: BTreeSet<_> = rows.iter().filter_map(|row| row.3).collect();
        Value::Int(Some(texts.len() as i64))
    }),
    ("approx_percentile_cont(n % 100, 0.25)", "float64", |rows| {
        // Small whole numbers stand for themselves.
        let mut values: Vec<f64> = whole(rows).into_iter().map(|value| (value % 100) as f64).collect();
        values.sort_unstable_by(f64::total_cmp);
        let rank = 0.25 * (values.len().max(1) - 1) as f64;
        let at = |rank: f64| values.get(rank as usize).map_or(0.0, |value| value + 0.0);
        let (low, high, share) = (at(rank.floor()), at(rank.ceil()), rank.fract());
        let between = if low == high {
            low
        } else {
            low * (1.0 - share) + high * share
        };
        bits_of((!values.is_empty()).then_some(between))
    }),
    ("array_to_string(top_k(n, 2), ' ')", "string", |rows| {
        let mut counts = BTreeMap::new();
        for value in whole(rows) {
            *counts.entry(value).or_insert(0) += 1;
        }
        let mut counts: Vec<(i64, i32)> = counts.into_iter().collect();
        counts.sort_by_key(|(value, count)| (-count, *value));
        let texts: Vec<String> = counts.into_iter().take(2).map(|(value, _)| value.to_string()).collect();
        Value::Text((!texts.is_empty()).then(|| texts.join(" ")))
    }),
    ("top_k(s, 1)[1]", "string", |rows| {
        let count = |text: &str| rows.iter().filter(|row| row.3 == Some(text)).count();
        let best = ["", "a", "b", "é"].into_iter().rev().max_by_key(|text| count(text));
        Value::Text(best.filter(|text| count(text) > 0).map(str::to_owned))
    }),
    ("min(n)", "int64", |rows| Value::Int(whole(rows).into_iter().min())),
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
        DataType::Float64 => bits_of(valid.then(|| array.as_primitive::<Float64Type>().value(row))),
        DataType::Boolean => Value::Truth(valid.then(|| array.as_boolean().value(row))),
        _ => Value::Text(valid.then(|| array.as_string::<i32>().value(row).to_owned())),
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
    let inputs = concat_batches(program.input_schema(), &inputs).unwrap();
    let mut groups = Groups::new(program.windows().len());
    for cutoff in 0..32 {
        let behind = |time: i64| u32::try_from(rows.partition_point(|row| row.0 <= time)).unwrap();
        let starts = program.windows().iter().map(|window| behind(cutoff - window.micros()));
        groups.push(&starts.collect::<Vec<_>>(), behind(cutoff));
    }
    program.fold(&inputs, &groups).unwrap()
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
