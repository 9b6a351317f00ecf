//! The oracle itself, against answers worked out by hand: one test per sentence of the contract.

use asof_tests::case::{Aggregate, Body, COLUMNS, File, Key, Row, RowFeature, View};
use asof_tests::oracle::{Answer, answer};
use asof_tests::value::Value;

/// A row of entity 1 that says `n`.
fn row(event: i64, created: Option<i64>, n: i64) -> Row {
    let mut columns = vec![Value::Null; COLUMNS.len()];
    columns[2] = Value::Int64(n);
    Row {
        number: Value::Int64(1),
        word: Value::Text("w".to_owned()),
        event: Some(event),
        created,
        columns,
    }
}

fn view(files: Vec<Vec<Row>>) -> View {
    View {
        name: "v".to_owned(),
        keys: vec![Key::Number],
        ttl: None,
        lag: None,
        visible_from_created: false,
        body: Body::Rows(vec![RowFeature::Column(2)]),
        files: files.into_iter().map(File::plain).collect(),
    }
}

fn ask(view: &View, t: i64) -> Answer {
    answer(view, &[Value::Int64(1)], t)
}

fn says(event: i64, n: i64) -> Answer {
    Answer::Row(event, vec![Value::Int64(n)])
}

#[test]
fn the_last_row_at_or_before_the_time_answers() {
    let view = view(vec![vec![row(10, None, 1), row(20, None, 2)]]);
    assert_eq!(ask(&view, 9), Answer::NotFound);
    assert_eq!(ask(&view, 10), says(10, 1));
    assert_eq!(ask(&view, 20), says(20, 2));
}

#[test]
fn ties_go_to_created_time_then_path_then_row_number() {
    let created = view(vec![vec![row(10, Some(5), 1), row(10, None, 2)]]);
    assert_eq!(ask(&created, 10), says(10, 1));
    let path = view(vec![vec![row(10, None, 1)], vec![row(10, None, 2)]]);
    assert_eq!(ask(&path, 10), says(10, 2));
    let number = view(vec![vec![row(10, None, 1), row(10, None, 2)]]);
    assert_eq!(ask(&number, 10), says(10, 2));
}

#[test]
fn both_ends_of_ttl_and_lag_are_inclusive() {
    let view = View {
        ttl: Some(5),
        lag: Some(2),
        ..view(vec![vec![row(10, None, 1)]])
    };
    assert_eq!(ask(&view, 11), Answer::NotFound);
    assert_eq!(ask(&view, 12), says(10, 1));
    assert_eq!(ask(&view, 15), says(10, 1));
    assert_eq!(ask(&view, 16), Answer::OutsideMaxAge(10));
}

#[test]
fn a_row_not_yet_written_is_not_seen_where_that_is_asked() {
    let view = View {
        visible_from_created: true,
        ..view(vec![vec![row(5, Some(5), 1), row(10, Some(20), 2)]])
    };
    assert_eq!(ask(&view, 19), says(5, 1));
    assert_eq!(ask(&view, 20), says(10, 2));
}

#[test]
fn a_null_in_the_winner_stays_and_a_null_key_matches_nothing() {
    let mut null = row(10, None, 0);
    null.columns[2] = Value::Null;
    let view = view(vec![vec![row(5, None, 1), null]]);
    assert_eq!(ask(&view, 10), Answer::Row(10, vec![Value::Null]));
    assert_eq!(answer(&view, &[Value::Null], 10), Answer::NotFound);
}

#[test]
fn windows_are_open_at_their_start_and_closed_at_their_end() {
    // Cutoffs at multiples of 10; counts over 10 and 20 before them; events at 10 and 15.
    let counts = Body::Windows(10, vec![(Aggregate::Count, 10), (Aggregate::Count, 20)]);
    let view = View {
        body: counts,
        ..view(vec![vec![row(10, None, 1), row(15, None, 2)]])
    };
    let counts = |event, short, long| Answer::Row(event, vec![Value::Int64(short), Value::Int64(long)]);
    assert_eq!(ask(&view, 9), Answer::NotFound);
    // Cutoff 10: the event at 10 itself.
    assert_eq!(ask(&view, 19), counts(10, 1, 1));
    // Cutoff 20: (10, 20] has 15, (0, 20] has both.
    assert_eq!(ask(&view, 20), counts(20, 1, 2));
    // Cutoff 30: (20, 30] is empty, (10, 30] has 15.
    assert_eq!(ask(&view, 39), counts(30, 0, 1));
    // Cutoff 40: (20, 40] is empty, so there is no row, and 30 is the last.
    assert_eq!(ask(&view, 1000), counts(30, 0, 1));
}
