//! Writes never replace a row that is later in the order.

use futures::future::join_all;

use super::sample::{self, Row, bytes, read, summary, write};
use super::{Violation, expect};
use crate::{OnlineError, OnlineStore};

/// Writes rows of one key, one write each, and expects one of them to be stored in the end.
async fn in_turn(
    store: &dyn OnlineStore,
    rule: &'static str,
    view: &str,
    writes: &[Row<'_>],
    last: Row<'_>,
) -> Result<(), Violation> {
    let keyspace = sample::empty(store, view).await?;
    for row in writes {
        write(store, &keyspace, &[*row]).await?;
    }
    let found = read(store, &keyspace, &[Some(last.0)]).await?;
    expect(rule, found, vec![Some(bytes(last))])
}

/// A row with an earlier event time does not replace the stored one, whatever its created time.
///
/// # Errors
/// When the store does otherwise.
pub async fn an_earlier_row_is_passed_over(store: &dyn OnlineStore) -> Result<(), Violation> {
    let rule = "an earlier row is passed over";
    let (earlier, later) = (("a", -5, Some(9), "earlier"), ("a", 1, Some(2), "later"));
    in_turn(store, rule, "earlier", &[earlier, later, earlier], later).await?;
    let keyspace = sample::named("earlier", 2);
    let both = [("a", 0, None, "passed over"), ("b", -9, None, "new")];
    expect(rule, write(store, &keyspace, &both).await?, summary(1, 1))?;
    let found = read(store, &keyspace, &[Some("a"), Some("b")]).await?;
    expect(rule, found, vec![Some(bytes(later)), Some(bytes(both[1]))])
}

/// A row with equal times replaces the stored one.
///
/// # Errors
/// When the store does otherwise.
pub async fn an_equal_row_replaces(store: &dyn OnlineStore) -> Result<(), Violation> {
    let rule = "an equal row replaces";
    let (first, second) = (("a", 1, Some(2), "first"), ("a", 1, Some(2), "second"));
    in_turn(store, rule, "equal", &[second, first, second], second).await?;
    let (first, second) = (("a", 1, None, "first"), ("a", 1, None, "second"));
    in_turn(store, rule, "equal", &[first, second], second).await?;
    let replay = write(store, &sample::named("equal", 2), &[second]).await?;
    expect("a replay counts as written", replay, summary(1, 0))
}

/// Among rows of one event time the created time decides.
///
/// # Errors
/// When the store does otherwise.
pub async fn created_time_breaks_ties(store: &dyn OnlineStore) -> Result<(), Violation> {
    let rule = "created time breaks ties";
    let (earlier, later) = (("a", 1, Some(-3), "earlier"), ("a", 1, Some(4), "later"));
    in_turn(store, rule, "created", &[earlier, later], later).await?;
    in_turn(store, rule, "created", &[later, earlier], later).await
}

/// A row without created time is earlier than any row of the same event time that has one.
///
/// # Errors
/// When the store does otherwise.
pub async fn a_missing_created_time_is_lowest(store: &dyn OnlineStore) -> Result<(), Violation> {
    let rule = "a missing created time is lowest";
    let (without, with) = (("a", 1, None, "without"), ("a", 1, Some(i64::MIN), "with"));
    in_turn(store, rule, "uncreated", &[without, with], with).await?;
    in_turn(store, rule, "uncreated", &[with, without], with).await?;
    let next = ("a", 2, None, "next");
    in_turn(store, rule, "uncreated", &[with, next], next).await
}

/// Among rows of one key in one write the last in the order is stored, in whatever order they come; among equal
/// ones the one that comes last.
///
/// # Errors
/// When the store does otherwise.
pub async fn the_last_row_of_one_write_wins_wherever_it_stands(store: &dyn OnlineStore) -> Result<(), Violation> {
    let rule = "the last row of one write wins wherever it stands";
    let (low, middle, high) = (
        ("a", 1, Some(5), "low"),
        ("a", 2, None, "middle"),
        ("a", 2, Some(1), "high"),
    );
    let other = ("b", 0, None, "other");
    let orders = [
        [low, middle, high],
        [low, high, middle],
        [middle, low, high],
        [middle, high, low],
        [high, low, middle],
        [high, middle, low],
    ];
    for [first, second, third] in orders {
        let keyspace = sample::empty(store, "one_write").await?;
        let written = write(store, &keyspace, &[first, second, other, third]).await?;
        expect(rule, written, summary(2, 2))?;
        let found = read(store, &keyspace, &[Some("a"), Some("b")]).await?;
        expect(rule, found, vec![Some(bytes(high)), Some(bytes(other))])?;
    }
    let keyspace = sample::empty(store, "one_write").await?;
    let equal = ["first", "second", "third"].map(|value| ("a", 7, Some(7), value));
    expect(rule, write(store, &keyspace, &equal).await?, summary(1, 2))?;
    let found = read(store, &keyspace, &[Some("a")]).await?;
    expect(
        "of equal rows of one write the last stays",
        found,
        vec![Some(bytes(equal[2]))],
    )
}

/// Writers at the same time, with their rows in different orders, end with the last row of each key.
///
/// # Errors
/// When the store does otherwise.
pub async fn concurrent_writers_end_with_the_last_row(store: &dyn OnlineStore) -> Result<(), Violation> {
    const WRITERS: i64 = 6;
    const WRITES: i64 = 8;
    let keyspace = sample::empty(store, "concurrent").await?;
    let values: Vec<_> = (0..WRITERS * WRITES).map(|time| time.to_string()).collect();
    let row = |key, time: i64| (key, time, None, values[time as usize].as_str());
    let writers = (0..WRITERS).map(|writer| {
        let keyspace = &keyspace;
        async move {
            for number in 0..WRITES {
                // Some writers go up in time and some go down; every time is written by one of them.
                let step = if writer % 2 == 0 { number } else { WRITES - 1 - number };
                let time = step * WRITERS + writer;
                write(
                    store,
                    keyspace,
                    &[row("a", time), row("b", WRITERS * WRITES - 1 - time)],
                )
                .await?;
            }
            Ok::<_, OnlineError>(())
        }
    });
    for outcome in join_all(writers).await {
        outcome?;
    }
    let found = read(store, &keyspace, &[Some("a"), Some("b")]).await?;
    let last = WRITERS * WRITES - 1;
    let expected = vec![Some(bytes(row("a", last))), Some(bytes(row("b", last)))];
    expect("concurrent writers end with the last row", found, expected)
}
