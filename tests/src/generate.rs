//! Random cases: small pools of keys and times, so that ties, duplicates and edges are the rule.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::case::{Aggregate, Body, COLUMNS, Case, File, Key, Row, RowFeature, SpineRow, View};
use crate::value::{Kind, Value};

/// Whole cases.
pub fn cases() -> impl Strategy<Value = Case> {
    (
        vec(bodies(), 1..4),
        any::<bool>(),
        any::<bool>(),
        vec(spine_rows(), 0..24),
        near_times(),
    )
        .prop_flat_map(|(bodies, alias, on_demand, spine, now)| {
            let views: Vec<_> = bodies
                .into_iter()
                .enumerate()
                .map(|(at, body)| views(format!("v{at}"), body))
                .collect();
            (views, Just((alias, on_demand, spine, now))).prop_map(|(views, (alias, on_demand, spine, now))| Case {
                views,
                alias,
                on_demand,
                spine,
                now,
            })
        })
}

/// Views without a null created time among those that are visible by it are drawn as often as those with.
fn views(name: String, body: Body) -> impl Strategy<Value = View> {
    let keys = prop_oneof![
        Just(vec![]),
        Just(vec![Key::Number]),
        Just(vec![Key::Word]),
        Just(vec![Key::Number, Key::Word]),
        Just(vec![Key::Word, Key::Number]),
    ];
    // Windows end near the ends of time, where a cutoff has no room: their rows stay away from there.
    let far = matches!(body, Body::Rows(_));
    let files = vec(files(far), 1..4);
    (
        keys,
        option::of(spans()),
        option::weighted(0.3, spans()),
        any::<bool>(),
        files,
    )
        .prop_map(move |(keys, ttl, lag, visible_from_created, mut files)| {
            // A column that no file has is none of the source's, and what all files have in few bits has few bits.
            files[0].lacks.clear();
            files[0].is_narrow = false;
            files.iter_mut().for_each(fit);
            View {
                name: name.clone(),
                keys,
                ttl,
                lag,
                visible_from_created,
                body: body.clone(),
                files,
            }
        })
}

fn files(far: bool) -> impl Strategy<Value = File> {
    let lacks = prop_oneof![3 => Just(vec![]), 1 => subsequence((0..COLUMNS.len()).collect::<Vec<_>>(), 1..4)];
    let row_group = prop_oneof![1 => 1_usize..6, 1 => Just(1 << 20)];
    (vec(rows(far), 0..16), lacks, any::<bool>(), row_group).prop_map(|(rows, lacks, is_narrow, row_group)| File {
        rows,
        lacks,
        is_narrow,
        row_group,
    })
}

/// Lets the rows be what the file can hold.
fn fit(file: &mut File) {
    for row in &mut file.rows {
        for lacking in &file.lacks {
            row.columns[*lacking] = Value::Null;
        }
        for value in row.columns.iter_mut().filter(|_| file.is_narrow) {
            match value {
                Value::Int64(wide) => *wide = i64::from(*wide as i32),
                Value::Float64(wide) => *wide = f64::from(f64::from_bits(*wide) as f32).to_bits(),
                _ => {}
            }
        }
    }
}

fn bodies() -> impl Strategy<Value = Body> {
    let features = prop_oneof![
        (0..COLUMNS.len()).prop_map(RowFeature::Column),
        Just(RowFeature::Next),
        Just(RowFeature::Either),
        Just(RowFeature::Loud),
    ];
    let aggregates = select(Aggregate::ALL.to_vec());
    prop_oneof![
        vec(features, 1..5).prop_map(Body::Rows),
        (select(vec![1_i64, 7, 10]), vec((aggregates, 1_i64..4), 1..5)).prop_map(|(every, features)| {
            Body::Windows(
                every,
                features
                    .into_iter()
                    .map(|(aggregate, n)| (aggregate, n * every))
                    .collect(),
            )
        }),
    ]
}

fn spans() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 1_i64..25, 1 => Just(i64::MAX)]
}

/// Times within a few spans of each other.
fn near_times() -> impl Strategy<Value = i64> {
    -40_i64..60
}

fn times(far: bool) -> BoxedStrategy<i64> {
    if far {
        prop_oneof![12 => near_times(), 1 => Just(i64::MIN), 1 => Just(i64::MAX), 1 => Just(-(1 << 61))].boxed()
    } else {
        near_times().boxed()
    }
}

fn rows(far: bool) -> impl Strategy<Value = Row> {
    (
        numbers(),
        words(),
        option::weighted(0.95, times(far)),
        option::of(near_times()),
        columns(),
    )
        .prop_map(|(number, word, event, created, columns)| Row {
            number,
            word,
            event,
            created,
            columns,
        })
}

fn spine_rows() -> impl Strategy<Value = SpineRow> {
    let request = prop_oneof![1 => Just(Value::Null), 4 => (-5_i64..5).prop_map(Value::Int64)];
    (times(true), numbers(), words(), numbers(), request).prop_map(|(at, number, word, other, request)| SpineRow {
        at,
        number,
        word,
        other,
        request,
    })
}

fn numbers() -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 9 => select(vec![1_i64, 11, -1]).prop_map(Value::Int64)]
}

fn words() -> impl Strategy<Value = Value> {
    let pool: Vec<String> = ["", "a", "ab", "1"].map(str::to_owned).to_vec();
    prop_oneof![1 => Just(Value::Null), 9 => select(pool).prop_map(Value::Text)]
}

fn columns() -> impl Strategy<Value = Vec<Value>> {
    COLUMNS.map(|(_, kind)| nullable(kind).boxed()).to_vec()
}

fn nullable(kind: Kind) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 4 => present(kind)]
}

fn present(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Int32 => (-100..100).prop_map(Value::Int32).boxed(),
        Kind::Int64 => prop_oneof![any::<i64>(), Just(i64::MIN), Just(0)]
            .prop_map(Value::Int64)
            .boxed(),
        Kind::Float32 => {
            let odd = select(vec![f32::NAN.to_bits(), 0x7fc0_1234, (-0.0_f32).to_bits()]);
            prop_oneof![3 => any::<f32>().prop_map(f32::to_bits), 1 => odd]
                .prop_map(Value::Float32)
                .boxed()
        }
        Kind::Float64 => {
            let odd = vec![f64::NAN, -0.0, 0.0, f64::INFINITY, 1e300, -1e-300, 0.1, 0.5];
            let odd = select(odd).prop_map(f64::to_bits);
            let payload = Just(0x7ff8_0000_0000_beef_u64);
            prop_oneof![6 => odd, 3 => (-10.0..10.0).prop_map(f64::to_bits), 1 => payload]
                .prop_map(Value::Float64)
                .boxed()
        }
        Kind::Text => {
            let pool: Vec<String> = ["", "a", "ab", "é", "\u{0}"].map(str::to_owned).to_vec();
            select(pool).prop_map(Value::Text).boxed()
        }
        Kind::Bytes => vec(any::<u8>(), 0..3).prop_map(Value::Bytes).boxed(),
        Kind::Time => times(true).prop_map(Value::Time).boxed(),
        Kind::List => vec(option::of(-3_i64..3), 0..3).prop_map(Value::List).boxed(),
    }
}
