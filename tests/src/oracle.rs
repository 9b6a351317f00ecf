//! The answers, by brute force: every row is tried for every question, as the contract words it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::case::{Aggregate, Body, Case, Key, Row, RowFeature, SpineRow, View};
use crate::value::Value;

/// What is known of one view for one question.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// No row could be seen.
    NotFound,
    /// The winner, of this event time, is older than the ttl allows.
    OutsideMaxAge(i64),
    /// The winner's event time and features.
    Row(i64, Vec<Value>),
}

/// The training row of `spine`: features of every view, of the alias, and of the on-demand view.
pub fn training_row(case: &Case, spine: &SpineRow) -> Vec<Value> {
    let mut row = Vec::new();
    for view in &case.views {
        row.extend(values(
            view,
            &answer(view, &key_of(view, spine, &spine.number), spine.at),
        ));
    }
    if let Some(view) = case.aliased() {
        row.extend(values(
            view,
            &answer(view, &key_of(view, spine, &spine.other), spine.at),
        ));
    }
    if case.on_demand {
        let view = &case.views[0];
        let inputs = values(view, &answer(view, &key_of(view, spine, &spine.number), spine.at));
        row.extend(on_demand(&inputs[0], &spine.request, spine.at));
    }
    row
}

/// The on-demand features: `input is null`, `request + 1`, `as_of()`.
pub fn on_demand(input: &Value, request: &Value, at: i64) -> [Value; 3] {
    let next = match request {
        Value::Int64(number) => Value::Int64(number + 1),
        _ => Value::Null,
    };
    [Value::Bool(*input == Value::Null), next, Value::Time(at)]
}

/// The features of an answer; all null where there is no row to show.
pub fn values(view: &View, answer: &Answer) -> Vec<Value> {
    match answer {
        Answer::Row(_, values) => values.clone(),
        Answer::NotFound | Answer::OutsideMaxAge(_) => vec![Value::Null; view.features().len()],
    }
}

/// The key of a question to `view`, with `number` from the column that holds it.
pub fn key_of(view: &View, spine: &SpineRow, number: &Value) -> Vec<Value> {
    view.keys
        .iter()
        .map(|key| {
            if *key == Key::Number {
                number.clone()
            } else {
                spine.word.clone()
            }
        })
        .collect()
}

/// What `view` answers for `key` at time `t`.
pub fn answer(view: &View, key: &[Value], t: i64) -> Answer {
    if key.contains(&Value::Null) {
        return Answer::NotFound;
    }
    let lag = i128::from(view.lag.unwrap_or(0));
    let t_wide = i128::from(t);
    // Rows of this entity in their total order: event time, created time (null lowest), file, row number.
    let mut rows: Vec<(i64, Option<i64>, usize, usize, &Row)> = Vec::new();
    for (file, of_file) in view.files.iter().enumerate() {
        for (number, row) in of_file.rows.iter().enumerate() {
            let row_key = row_key(view, row);
            if let Some(event) = row.event
                && row_key == key
                && !row_key.contains(&Value::Null)
                && (!view.visible_from_created || row.created.is_none_or(|created| created <= t))
            {
                rows.push((event, row.created, file, number, row));
            }
        }
    }
    rows.sort_by_key(|(event, created, file, number, _)| (*event, *created, *file, *number));
    let winner = match &view.body {
        Body::Rows(features) => rows
            .iter()
            .rev()
            .find(|(event, ..)| i128::from(*event) + lag <= t_wide)
            .map(|(event, _, _, _, row)| (*event, features.iter().map(|feature| of_row(*feature, row)).collect())),
        Body::Windows(every, features) => {
            let longest = features.iter().map(|(_, window)| *window).max().unwrap_or(0);
            last_cutoff(&rows, *every, longest, t_wide - lag).map(|cutoff| {
                let of_window = |(aggregate, window): &(Aggregate, i64)| {
                    let inside: Vec<&Row> = rows
                        .iter()
                        .filter(|(event, ..)| {
                            let event = i128::from(*event);
                            cutoff - i128::from(*window) < event && event <= cutoff
                        })
                        .map(|(.., row)| *row)
                        .collect();
                    of_rows(*aggregate, &inside)
                };
                (
                    i64::try_from(cutoff).expect("cutoffs of cases fit"),
                    features.iter().map(of_window).collect(),
                )
            })
        }
    };
    match winner {
        None => Answer::NotFound,
        Some((event, _)) if view.ttl.is_some_and(|ttl| i128::from(event) < t_wide - i128::from(ttl)) => {
            Answer::OutsideMaxAge(event)
        }
        Some((event, values)) => Answer::Row(event, values),
    }
}

/// The greatest multiple of `every` up to `limit` with a row in the longest window before it.
///
/// A cutoff with a row in its window lies less than a window after that row, so each row is asked for its last one.
fn last_cutoff(rows: &[(i64, Option<i64>, usize, usize, &Row)], every: i64, longest: i64, limit: i128) -> Option<i128> {
    let every = i128::from(every);
    rows.iter()
        .filter_map(|(event, ..)| {
            let event = i128::from(*event);
            let last = (event + i128::from(longest) - 1).min(limit);
            let cutoff = last.div_euclid(every) * every;
            (event <= cutoff).then_some(cutoff)
        })
        .max()
}

fn row_key(view: &View, row: &Row) -> Vec<Value> {
    view.keys
        .iter()
        .map(|key| {
            if *key == Key::Number {
                row.number.clone()
            } else {
                row.word.clone()
            }
        })
        .collect()
}

fn of_row(feature: RowFeature, row: &Row) -> Value {
    let [b, i, _, _, f, s, ..] = row.columns.as_slice() else {
        unreachable!("a row has all columns")
    };
    match feature {
        RowFeature::Column(at) => row.columns[at].clone(),
        RowFeature::Next => Value::Int64(if let Value::Int32(i) = i { i64::from(*i) + 1 } else { 8 }),
        RowFeature::Either => {
            // SQL's or: true if either is, else null if either is null.
            // NaN is above every number in the order that SQL comparisons use here.
            let above = match f {
                Value::Float64(bits) => Some(f64::from_bits(*bits).total_cmp(&0.5).is_gt()),
                _ => None,
            };
            let flag = if let Value::Bool(flag) = b { Some(*flag) } else { None };
            match (above, flag) {
                (Some(true), _) | (_, Some(true)) => Value::Bool(true),
                (Some(false), Some(false)) => Value::Bool(false),
                _ => Value::Null,
            }
        }
        RowFeature::Loud => {
            if let Value::Text(text) = s {
                Value::Text(format!("{text}!"))
            } else {
                Value::Null
            }
        }
    }
}

fn of_rows(aggregate: Aggregate, rows: &[&Row]) -> Value {
    let column = |at: usize| rows.iter().map(move |row| row.columns[at].clone());
    let floats = || {
        column(4).filter_map(|v| {
            if let Value::Float64(bits) = v {
                Some(f64::from_bits(bits))
            } else {
                None
            }
        })
    };
    let ints = || column(1).filter_map(|v| if let Value::Int32(i) = v { Some(i) } else { None });
    let count = |n: usize| Value::Int64(i64::try_from(n).expect("few rows"));
    match aggregate {
        Aggregate::Count => count(rows.len()),
        Aggregate::CountOf => count(column(2).filter(|v| *v != Value::Null).count()),
        Aggregate::CountTrue => count(column(0).filter(|v| *v == Value::Bool(true)).count()),
        Aggregate::SumInt => ints()
            .map(i64::from)
            .reduce(|a, b| a + b)
            .map_or(Value::Null, Value::Int64),
        Aggregate::MaxInt => ints().max().map_or(Value::Null, Value::Int32),
        Aggregate::SumFloat => fold(floats()).map_or(Value::Null, |(sum, _)| Value::Float64(sum.to_bits())),
        Aggregate::Mean => fold(floats()).map_or(Value::Null, |(sum, n)| Value::Float64((sum / n).to_bits())),
        Aggregate::MinText => column(5).filter(|v| *v != Value::Null).min().unwrap_or(Value::Null),
        Aggregate::Last => column(4).next_back().unwrap_or(Value::Null),
        Aggregate::First => column(5).next().unwrap_or(Value::Null),
        Aggregate::LastPresent => floats().next_back().map_or(Value::Null, float),
        Aggregate::Distinct => {
            let mut texts: Vec<Value> = column(5).filter(|v| *v != Value::Null).collect();
            texts.sort();
            texts.dedup();
            count(texts.len())
        }
        // In the total order of floats: from -NaN over -0.0 and 0.0 to NaN.
        Aggregate::MinFloat => floats().min_by(f64::total_cmp).map_or(Value::Null, float),
        Aggregate::MaxFloat => floats().max_by(f64::total_cmp).map_or(Value::Null, float),
        Aggregate::MeanInt => {
            let sum = ints().map(i64::from).reduce(|a, b| a + b);
            sum.map_or(Value::Null, |sum| float(sum as f64 / ints().count() as f64))
        }
        Aggregate::Variance => match squares(ints().map(f64::from)) {
            (0.0, _) => Value::Null,
            (n, squares) => float(squares / n),
        },
        Aggregate::Deviation => match squares(floats()) {
            (n, _) if n < 2.0 => Value::Null,
            (n, squares) => float((squares / (n - 1.0)).sqrt()),
        },
        Aggregate::AnyTrue => column(0).filter(|v| *v != Value::Null).max().unwrap_or(Value::Null),
        Aggregate::AllTrue => rows
            .iter()
            .filter(|row| matches!(row.columns[1], Value::Int32(i) if i > 0))
            .map(|row| row.columns[0].clone())
            .filter(|v| *v != Value::Null)
            .min()
            .unwrap_or(Value::Null),
        Aggregate::Top => most_frequent(column(2), 2),
    }
}

fn float(value: f64) -> Value {
    Value::Float64(value.to_bits())
}

/// The `k` most frequent values, the lesser one of two that are as frequent; null without values.
fn most_frequent(values: impl Iterator<Item = Value>, k: usize) -> Value {
    let mut counts = BTreeMap::<i64, usize>::new();
    for value in values {
        if let Value::Int64(value) = value {
            *counts.entry(value).or_default() += 1;
        }
    }
    let mut best: Vec<(i64, usize)> = counts.into_iter().collect();
    best.sort_by_key(|(value, count)| (Reverse(*count), *value));
    best.truncate(k);
    if best.is_empty() {
        return Value::Null;
    }
    Value::List(best.into_iter().map(|(value, _)| Some(value)).collect())
}

/// The count and the sum of squared distances from the mean, by Welford's recurrence in the order of rows.
fn squares(values: impl Iterator<Item = f64>) -> (f64, f64) {
    // Of two that are not a number an operation gives the left one, as processors do.
    let of = |a: f64, b: f64, result: f64| match (a.is_nan(), b.is_nan()) {
        (true, _) => a,
        (false, true) => b,
        (false, false) => result,
    };
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        n += 1.0;
        let before = of(value, mean, value - mean);
        mean = of(mean, before, mean + before / n);
        let after = of(value, mean, value - mean);
        let square = of(before, after, before * after);
        squares = of(squares, square, squares + square);
    }
    (n, squares)
}

/// The sum in the order of rows, begun with the first value, and the count; `None` without values.
fn fold(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |state, value| match state {
        None => Some((value, 1.0)),
        Some((sum, n)) => Some((sum + value, n + 1.0)),
    })
}
