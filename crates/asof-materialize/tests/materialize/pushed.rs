//! `push`: rows of a caller, straight to the online store.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Int32Array, RecordBatch, TimestampSecondArray};
use asof_materialize::{MaterializeError, PushSummary, push};
use asof_model::{ErrorKind, Timestamp};
use asof_testkit::Table;

use crate::world::{VIEW, World, row, row_view, rows_batch, span, stored, text, window_view};

/// When rows are pushed: three seconds after the epoch.
const NOW: Timestamp = Timestamp::from_micros(3_000_000);

async fn push_to(world: &World, batches: &[RecordBatch]) -> Result<PushSummary, MaterializeError> {
    push(&world.definitions, world.store.as_ref(), VIEW, batches, NOW).await
}

#[tokio::test]
async fn pushed_rows_meet_materialized_ones_under_the_same_guard() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("1.parquet", &[row("a", 10, 1), row("b", 10, 1), row("c", 10, 1)])?;
    world.incremental(20).await?;
    let rows = [row("a", 9, 2), row("b", 10, 2), row("c", 11, 2), row("d", 1, 2)];
    let summary = push_to(&world, &[rows_batch(&rows[..2]), rows_batch(&rows[2..])]).await?;
    assert_eq!((summary.written, summary.kept), (3, 1));
    let expected = [
        stored("a", 10, 1),
        stored("b", 10, 2),
        stored("c", 11, 2),
        stored("d", 1, 2),
    ];
    assert_eq!(world.stored().await?, expected);
    Ok(())
}

#[tokio::test]
async fn columns_conform_and_the_event_time_may_have_its_common_name() -> Result<()> {
    let world = World::new(row_view())?;
    let batch = Table::new()
        .column("x", Arc::new(Int32Array::from(vec![7])))
        .column("event_timestamp", Arc::new(TimestampSecondArray::from(vec![2])))
        .strings("k", ["a"])
        .bools("ignored", [true])
        .batch();
    push_to(&world, &[batch]).await?;
    assert_eq!(world.stored().await?, [stored("a", 2_000_000, 7)]);
    Ok(())
}

#[tokio::test]
async fn bad_rows_are_refused_by_name_and_number_before_any_is_written() -> Result<()> {
    let world = World::new(row_view())?;
    let good = || rows_batch(&[row("a", 1, 1), row("b", 1, 1)]);
    let refused = async |batch: RecordBatch| text(push_to(&world, &[good(), batch]).await);
    assert_eq!(
        refused(rows_batch(&[row("c", 1, 1), (None, 1, None, None)])).await,
        "pushed rows of feature view `readings`: row 4 has no `k`; every row needs one"
    );
    let no_time = Table::new()
        .strings("k", ["a"])
        .times("event", [None])
        .int64s("x", [1_i64])
        .batch();
    assert_eq!(
        refused(no_time).await,
        "pushed rows of feature view `readings`: row 3 has no `event`; every row needs one"
    );
    let no_column = Table::new().strings("k", ["a"]).int64s("x", [1_i64]).batch();
    assert_eq!(
        refused(no_column).await,
        "pushed rows of feature view `readings` lack the event time `event` or `event_timestamp`; they have `k`, `x`"
    );
    let no_feature = Table::new().strings("k", ["a"]).times("event", [1_i64]).batch();
    assert_eq!(
        refused(no_feature).await,
        "pushed rows of feature view `readings` lack the feature `x`; they have `k`, `event`"
    );
    let text_feature = Table::new()
        .strings("k", ["a"])
        .times("event", [1_i64])
        .strings("x", ["1"])
        .batch();
    let error = refused(text_feature).await;
    assert!(error.contains("column `x`") && error.contains("int64"), "{error}");
    assert_eq!(world.stored().await?, []);
    Ok(())
}

#[tokio::test]
async fn windows_and_views_that_are_not_online_take_no_rows() -> Result<()> {
    let mut world = World::new(window_view(10, 10))?;
    let batch = rows_batch(&[row("a", 10, 1)]);
    assert_eq!(
        text(push_to(&world, std::slice::from_ref(&batch)).await),
        "feature view `readings` aggregates source rows, so its feature rows cannot be pushed; \
         add the source rows to `rows` and materialize"
    );
    world.view_mut().online = false;
    assert_eq!(
        push_to(&world, &[batch]).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    let unknown = push(&world.definitions, world.store.as_ref(), "reading", &[], NOW).await;
    assert_eq!(
        text(unknown),
        "feature view `reading` is not defined; did you mean `readings`?"
    );
    Ok(())
}

#[tokio::test]
async fn a_row_that_is_not_visible_yet_does_not_hide_one_that_is() -> Result<()> {
    let now = NOW.micros();
    let mut world = World::new(row_view())?;
    let pushed = push_to(
        &world,
        &[rows_batch(&[row("a", now, 1)]), rows_batch(&[row("b", now + 1, 1)])],
    )
    .await;
    assert_eq!(
        text(pushed),
        "pushed rows of feature view `readings`: row 2 of 1970-01-01T00:00:03.000001Z is not visible at \
         1970-01-01T00:00:03Z; push it when it is"
    );
    world.view_mut().admission.availability_lag = Some(span(10));
    let lagging = push_to(&world, &[rows_batch(&[row("a", now - 9, 1)])]).await;
    assert_eq!(lagging.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(world.stored().await?, []);
    push_to(&world, &[rows_batch(&[row("a", now - 10, 1)])]).await?;
    assert_eq!(world.stored().await?, [stored("a", now - 10, 1)]);
    Ok(())
}
