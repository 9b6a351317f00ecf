//! Window aggregations in training sets.

use anyhow::Result;
use asof_testkit::Table;

use crate::fixture::{Fixture, rows, show, spine};

/// Cutoffs every 10, windows of 10 and 30.
const COUNTS: &str = "aggregation: {every: 10us, features: [\
    {name: n, type: int64, expr: count(*), window: 30us}, \
    {name: n10, type: int64, expr: count(*), window: 10us}, \
    {name: total, type: int64, expr: sum(x), window: 10us}, \
    {name: last, type: int64, expr: last_value(x), window: 30us}]}";

async fn shown(rest: &str, data: &[(i64, i64, Option<i64>, i64)], times: &[i64]) -> Result<[String; 4]> {
    let fixture = Fixture::simple(&format!("{rest}{COUNTS}"))?.file("data/a.parquet", rows(data))?;
    let out = fixture.join_v(spine(&vec![1; times.len()], times)).await?;
    Ok(["n", "n10", "total", "last"].map(|column| show(&out, column)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_holds_the_events_after_its_start_up_to_its_cutoff() -> Result<()> {
    let data = [(1, 0, None, 1), (1, 1, None, 2), (1, 10, None, 4), (1, 11, None, 8)];
    let [n, n10, total, last] = shown("", &data, &[-1, 0, 9, 10, 19, 20]).await?;
    // At 0: the window (-10, 0] has the event at 0. At 10: (0, 10] has those at 1 and 10, (-20, 10] all three.
    assert_eq!(n, "null 1 1 3 3 4");
    assert_eq!(n10, "null 1 1 2 2 1");
    assert_eq!(total, "null 1 1 6 6 8");
    assert_eq!(last, "null 1 1 4 4 8");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_empty_window_gives_zero_for_counts_and_null_otherwise() -> Result<()> {
    let [n, n10, total, last] = shown("", &[(1, 5, None, 7)], &[10, 20, 30]).await?;
    assert_eq!(n, "1 1 1");
    assert_eq!(n10, "1 0 0");
    assert_eq!(total, "7 null null");
    assert_eq!(last, "7 7 7");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_without_an_event_in_the_longest_window_gets_no_row_so_an_older_cutoff_answers() -> Result<()> {
    // The event at 5 is in the longest windows of the cutoffs 10, 20 and 30; that of 40, (10, 40], is empty.
    let [n, n10, ..] = shown("", &[(1, 5, None, 7)], &[9, 39, 40, 1_000_000]).await?;
    assert_eq!(n, "null 1 1 1");
    assert_eq!(n10, "null 0 0 0");
    // With a ttl the cutoff 30 is too old from 46 on.
    let [n, ..] = shown("ttl: 15us, ", &[(1, 5, None, 7)], &[45, 46]).await?;
    assert_eq!(n, "1 null");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn cutoffs_lie_at_multiples_of_the_interval_before_the_epoch_too() -> Result<()> {
    let data = [(1, -11, None, 1), (1, -10, None, 2), (1, -1, None, 4)];
    let [_, n10, total, _] = shown("", &data, &[-11, -10, -1, 0]).await?;
    assert_eq!(n10, "null 2 2 1");
    assert_eq!(total, "null 3 3 4");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_holds_back_cutoffs_not_the_rows_in_them() -> Result<()> {
    let data = [(1, 10, None, 1), (1, 20, None, 2)];
    let [n, ..] = shown("availability_lag: 4us, ", &data, &[13, 14, 23, 24]).await?;
    assert_eq!(n, "null 1 1 2");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn source_rows_count_once_they_are_written() -> Result<()> {
    let data = [
        (1, 5, Some(12), 1),
        (1, 6, Some(25), 2),
        (1, 7, None, 4),
        (1, 15, Some(90), 8),
    ];
    let times = [10, 12, 19, 20, 25, 29, 89, 90];
    let [n, _, _, last] = shown("visible_from: created_time, ", &data, &times).await?;
    // The cutoff 10 counts one row at 10, two from 12 on, three from 25 on; the event at 15 is known from 90 on, when
    // the cutoff 40 is the last with it.
    assert_eq!(n, "1 2 2 2 3 3 3 1");
    assert_eq!(last, "4 4 4 4 4 4 4 8");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn floats_are_folded_in_the_order_of_rows() -> Result<()> {
    // In this order the sum is 1; in most others it is not. The rows lie in two files, against the order.
    let sum = "aggregation: {every: 10us, features: [{name: s, type: float64, expr: sum(f), window: 10us}]}";
    let file = |rows: &[(i64, f64)]| {
        Table::new()
            .int64s("k", rows.iter().map(|_| 1))
            .times("at", rows.iter().map(|row| row.0))
            .times("written", rows.iter().map(|_| None))
            .floats("f", rows.iter().map(|row| row.1))
            .batch()
    };
    let fixture = Fixture::simple(sum)?
        .file("data/b.parquet", file(&[(5, 1.0), (3, -1e100)]))?
        .file("data/a.parquet", file(&[(3, 1e100), (2, 1.0)]))?;
    assert_eq!(show(&fixture.join_v(spine(&[1], &[10])).await?, "s"), "1.0");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_window_of_the_view_decides_even_when_only_a_shorter_one_is_asked_for() -> Result<()> {
    let fixture = Fixture::simple(COUNTS)?.file("data/a.parquet", rows(&[(1, 5, None, 7)]))?;
    let out = fixture
        .join(&fixture.plan(&["v:n10"])?, spine(&[1; 2], &[30, 99]))
        .await?;
    assert_eq!(show(&out, "n10"), "0 0");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_inside_an_aggregate_sees_the_sources_columns() -> Result<()> {
    let ratio = "aggregation: {every: 10us, features: [{name: r, type: float64, \
        expr: \"cast(count(*) filter (where x > 1) as double) / count(*)\", window: 10us}]}";
    let fixture = Fixture::simple(ratio)?.file("data/a.parquet", rows(&[(1, 1, None, 1), (1, 2, None, 2)]))?;
    assert_eq!(show(&fixture.join_v(spine(&[1], &[10])).await?, "r"), "0.5");
    Ok(())
}
