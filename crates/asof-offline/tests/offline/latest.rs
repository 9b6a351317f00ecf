//! The rows to materialize.

use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, Int64Array};
use asof_model::ScalarType;
use asof_model::key::KeyCodec;
use asof_offline::{KeyFilter, KeySet};
use asof_testkit::Table;

use crate::fixture::{Fixture, rows, show};

const X: &str = "features: [{name: x, type: int64}]";
const COUNT: &str = "aggregation: {every: 10us, features: [{name: n, type: int64, expr: count(*), window: 20us}]}";

#[tokio::test(flavor = "multi_thread")]
async fn the_last_visible_row_of_every_entity_comes_with_its_times() -> Result<()> {
    let data = rows(&[
        (2, 10, Some(11), 1),
        (1, 10, None, 2),
        (1, 12, Some(40), 3),
        (3, 21, None, 4),
        (2, 20, None, 5),
        (4, 5, None, 6),
    ]);
    let fixture = Fixture::simple(&format!("ttl: 1us, {X}"))?.file("data/a.parquet", data)?;
    // The ttl is not applied; A is left out, B is included.
    let rows = fixture.latest(&fixture.request("v", 20, None)).await?;
    assert_eq!(rows, ["1 @12/40: 3", "2 @20/null: 5", "4 @5/null: 6"]);
    let rows = fixture.latest(&fixture.request("v", 20, Some(10))).await?;
    assert_eq!(rows, ["1 @12/40: 3", "2 @20/null: 5"]);
    assert_eq!(fixture.latest(&fixture.request("v", 20, Some(20))).await?, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_and_created_time_hold_rows_back() -> Result<()> {
    let rest = format!("availability_lag: 2us, visible_from: created_time, {X}");
    let data = rows(&[(1, 10, Some(30), 1), (1, 8, None, 2), (1, 9, None, 3)]);
    let fixture = Fixture::simple(&rest)?.file("data/a.parquet", data)?;
    assert_eq!(fixture.latest(&fixture.request("v", 10, None)).await?, ["1 @8/null: 2"]);
    assert_eq!(fixture.latest(&fixture.request("v", 29, None)).await?, ["1 @9/null: 3"]);
    assert_eq!(fixture.latest(&fixture.request("v", 30, None)).await?, ["1 @10/30: 1"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregated_view_brings_its_last_cutoff_after_a_up_to_b() -> Result<()> {
    let data = rows(&[(1, 5, None, 1), (1, 15, None, 1), (2, 5, None, 1), (3, 30, None, 1)]);
    let fixture = Fixture::simple(COUNT)?.file("data/a.parquet", data)?;
    let latest = async |at, after| fixture.latest(&fixture.request("v", at, after)).await;
    // At 29 the cutoff 20 is the last; its window (0, 20] has both rows of 1.
    assert_eq!(latest(29, None).await?, ["1 @20/null: 2", "2 @20/null: 1"]);
    // The rows of 2 end with the cutoff 20, those of 1 with 30; the event at 30 is on its cutoff.
    assert_eq!(
        latest(50, None).await?,
        ["1 @30/null: 1", "2 @20/null: 1", "3 @40/null: 1"]
    );
    assert_eq!(latest(50, Some(20)).await?, ["1 @30/null: 1", "3 @40/null: 1"]);
    assert_eq!(latest(50, Some(40)).await?, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_out_of_reach_of_the_last_window_are_forgotten_and_the_rest_stays_right() -> Result<()> {
    const SUM: &str = "aggregation: {every: 10us, features: [\
        {name: n, type: int64, expr: count(*), window: 10us}, {name: s, type: int64, expr: sum(x), window: 20us}]}";
    // Far more rows than are kept; those of the second file come before those of the first, and must not count.
    let many: i64 = 90_000;
    let history = |from: i64| {
        let table = Table::new()
            .int64s("k", (0..many).map(|at| at % 3))
            .times("at", from..from + many)
            .times("written", (0..many).map(|_| None));
        table
            .column("x", Arc::new(Int64Array::from_iter_values(from..from + many)))
            .batch()
    };
    for (body, expected) in [
        // The windows end at 90,000: (89,980, 90,000] has six or seven rows of each entity.
        (COUNT, ["0 @90000/null: 6", "1 @90000/null: 6", "2 @90000/null: 7"]),
        (
            SUM,
            [
                "0 @90000/null: 3,539937",
                "1 @90000/null: 3,539943",
                "2 @90000/null: 3,629930",
            ],
        ),
    ] {
        let fixture = Fixture::simple(body)?;
        for (file, from) in [("a", 0), ("b", -many)] {
            let path = fixture.folder.file(&format!("data/{file}.parquet"));
            asof_testkit::write_parquet(path, &[history(from)])?;
        }
        assert_eq!(fixture.latest(&fixture.request("v", many, None)).await?, expected);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_are_parts_of_the_whole_and_key_sets_choose_entities() -> Result<()> {
    let data: Vec<_> = (0..40).map(|at| (at % 13, at, None, at)).collect();
    for rest in [X, COUNT] {
        let fixture = Fixture::simple(rest)?.file("data/a.parquet", rows(&data))?;
        let mut request = fixture.request("v", 100, None);
        let whole = fixture.latest(&request).await?;
        assert_eq!(whole.len(), 13);
        let mut parts = Vec::new();
        for index in 0..3 {
            request.keys = Some(KeyFilter::Shard { index, of: 3 });
            parts.extend(fixture.latest(&request).await?);
        }
        parts.sort_unstable();
        let mut sorted = whole.clone();
        sorted.sort_unstable();
        assert_eq!(parts, sorted);

        let mut keys = KeySet::default();
        for k in [4, 11, 99] {
            let column: ArrayRef = Arc::new(Int64Array::from(vec![k]));
            let encoded = KeyCodec::new(&[ScalarType::Int64]).encode(&[column], 1)?;
            keys.insert(encoded.get(0).context("no null")?);
        }
        request.keys = Some(KeyFilter::Only(Arc::new(keys)));
        let some = fixture.latest(&request).await?;
        assert_eq!(some.len(), 2);
        assert!(some.iter().all(|row| whole.contains(row)));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn single_files_can_be_read_alone() -> Result<()> {
    let fixture = Fixture::simple(X)?
        .file("data/a.parquet", rows(&[(1, 1, None, 1), (2, 1, None, 2)]))?
        .file("data/b.parquet", rows(&[(1, 1, None, 3), (3, 1, None, 4)]))?;
    let mut request = fixture.request("v", 9, None);
    assert_eq!(
        fixture.latest(&request).await?,
        ["1 @1/null: 3", "2 @1/null: 2", "3 @1/null: 4"]
    );
    request.files = Some(["data/b.parquet".to_owned()].into());
    assert_eq!(fixture.latest(&request).await?, ["1 @1/null: 3", "3 @1/null: 4"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_materialized_at_a_time_is_what_a_training_set_has_at_it() -> Result<()> {
    let data: Vec<_> = (0..60)
        .map(|at| (at % 4, at * 7 % 45, (at % 3 > 0).then_some(at), at))
        .collect();
    let yaml = format!("availability_lag: 3us, visible_from: created_time, {COUNT}");
    let fixture = Fixture::simple(&yaml)?.file("data/a.parquet", rows(&data))?;
    for t in [-5, 0, 9, 13, 30, 44, 60, 61] {
        let spine = Table::new().int64s("k", [0, 1, 2, 3]).times("t", [t; 4]).batch();
        let trained = show(&fixture.join_v(spine).await?, "n");
        let rows = fixture.latest(&fixture.request("v", t, None)).await?;
        let online = (0..4).map(|k| {
            let row = rows.iter().find(|row| row.starts_with(&format!("{k} ")));
            row.and_then(|row| row.split(": ").nth(1)).unwrap_or("null").to_owned()
        });
        assert_eq!(online.collect::<Vec<_>>().join(" "), trained, "at {t}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_without_an_entity_has_one_row() -> Result<()> {
    let yaml = "
sources: [{name: s, parquet: {path: data}, event_time: at, created_time: written}]
feature_views:
  - {name: v, source: s, features: [{name: x, type: int64}]}
";
    let fixture = Fixture::new(yaml)?.file("data/a.parquet", rows(&[(1, 1, None, 1), (2, 2, None, 2)]))?;
    assert_eq!(fixture.latest(&fixture.request("v", 9, None)).await?, [" @2/null: 2"]);
    Ok(())
}
