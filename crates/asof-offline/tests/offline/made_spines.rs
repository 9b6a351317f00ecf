//! Spines without a file: from a query over the sources, and from the entities that a view knows.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use asof_model::Timestamp;
use asof_offline::{EntitySpine, OfflineError, Spine};
use asof_testkit::Table;

use crate::fixture::{Fixture, show};

const YAML: &str = "
entities:
  - {name: e, join_keys: [{name: k, type: int64}]}
  - {name: pair, join_keys: [{name: k, type: int64}, {name: Word, type: string}]}
sources:
  - {name: s, parquet: {path: data}, event_time: at, filter: x < 100}
  - {name: labels, parquet: {path: labels}, event_time: at}
feature_views:
  - {name: v, entities: [e], source: s, features: [{name: x, type: int64}]}
  - {name: p, entities: [pair], source: s, filter: x > 10, features: [{name: x, type: int64}]}
  - {name: all, source: s, features: [{name: x, type: int64}]}
";

fn fixture() -> Result<Fixture> {
    // Partitioned by day, in small row groups; a null key, a null time, and a row that the source leaves out.
    let day = |keys: [Option<i64>; 4], times: [Option<i64>; 4], x: [i64; 4]| {
        let words = keys.map(|key| key.map(|key| format!("w{key}")));
        Table::new()
            .int64s("k", keys)
            .times("at", times)
            .int64s("x", x)
            .strings("Word", words.iter().map(Option::as_deref))
            .batch()
    };
    let first = day(
        [Some(2), Some(1), None, Some(1)],
        [Some(5), Some(10), Some(6), None],
        [10, 20, 30, 40],
    );
    let second = day(
        [Some(1), Some(3), Some(1), Some(2)],
        [Some(10), Some(12), Some(20), Some(15)],
        [21, 50, 60, 100],
    );
    let labels = Table::new()
        .int64s("k", [1, 2, 9])
        .times("at", [11, 16, 30])
        .strings("label", ["a", "b", "c"])
        .batch();
    Fixture::new(YAML)?
        .file("data/day=1/a.parquet", first)?
        .file("data/day=2/b.parquet", second)?
        .file("labels/a.parquet", labels)
}

async fn made(fixture: &Fixture, view: &str, spine: Spine) -> Result<RecordBatch, OfflineError> {
    let plan = fixture.plan(&[view]).expect("the view is there");
    let training_set = fixture.engine(3, 2).training_set(&plan, spine, "t").await?;
    let schema = Arc::clone(training_set.schema());
    Ok(concat_batches(&schema, &training_set.collect().await?)?)
}

fn query(fixture: &Fixture, sql: &str) -> Spine {
    Spine::Query {
        sql: sql.to_owned(),
        sources: fixture.sources(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_over_the_sources_makes_a_spine() -> Result<()> {
    let fixture = fixture()?;
    let out = made(
        &fixture,
        "v",
        query(&fixture, "SELECT k, at AS t, label FROM labels ORDER BY at DESC"),
    )
    .await?;
    assert_eq!(show(&out, "k"), "9 2 1");
    assert_eq!(show(&out, "label"), "c b a");
    assert_eq!(show(&out, "x"), "null 10 21");
    // Sources as views see them: partition columns are there, and the source's filter holds. Rows come in the order of
    // the source.
    let out = made(
        &fixture,
        "v",
        query(&fixture, "SELECT k, at AS t, day FROM s WHERE at IS NOT NULL"),
    )
    .await?;
    assert_eq!(
        (show(&out, "k"), show(&out, "day")),
        ("2 1 null 1 3 1".to_owned(), "1 1 1 2 2 2".to_owned())
    );
    let joined = "SELECT count(*) AS n, labels.k AS k, max(labels.at) AS t
        FROM labels JOIN s ON s.k = labels.k GROUP BY labels.k ORDER BY labels.k";
    let out = made(&fixture, "v", query(&fixture, joined)).await?;
    assert_eq!((show(&out, "k"), show(&out, "n")), ("1 2".to_owned(), "4 1".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_none_is_refused() -> Result<()> {
    let fixture = fixture()?;
    let mut refusals = Vec::new();
    for sql in [
        "DROP TABLE s",
        "INSERT INTO s VALUES (1)",
        "SET datafusion.execution.batch_size = 1",
        "COPY s TO 'x.parquet'",
        "CREATE TABLE x AS SELECT * FROM s",
        "SELECT k, at AS t FROM trips",
        "SELECT nothing FROM labels",
        "SELECT k, now() AS t FROM labels",
        "SELECT k, at AS t FROM labels WHERE random() < 0.5",
        "SELECT k FROM labels",
        "SELECT k, k AS t FROM labels",
        "SELECT 1 / 0 AS k, at AS t FROM labels",
        "SELECT",
    ] {
        let refused = made(&fixture, "v", query(&fixture, sql)).await;
        let error = refused.err().map(|error| error.to_string()).unwrap_or_default();
        refusals.push(format!("{sql}: {}", error.lines().next().unwrap_or_default()));
    }
    insta::assert_snapshot!(refusals.join("\n"));
    Ok(())
}

fn entities(fixture: &Fixture, view: &str, columns: &[&str], times: (i64, i64), every: Option<&str>) -> Result<Spine> {
    let request = fixture.request(view, 0, None);
    Ok(Spine::Entities(EntitySpine {
        view: request.view,
        source: request.source,
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        from: Timestamp::from_micros(times.0),
        to: Timestamp::from_micros(times.1),
        every: every.map(str::parse).transpose()?,
    }))
}

/// The rows of a spine, as `key,key@micros`.
fn rows(out: &RecordBatch, keys: &[&str]) -> Vec<String> {
    let columns: Vec<Vec<String>> = keys
        .iter()
        .map(|key| show(out, key).split(' ').map(str::to_owned).collect())
        .collect();
    let times = out.column_by_name("t").expect("the as-of times").to_data();
    let times = &times.buffer::<i64>(0)[..out.num_rows()];
    let row = |row: usize| {
        let keys: Vec<_> = columns.iter().map(|column| column[row].clone()).collect();
        format!("{}@{}", keys.join(","), times[row])
    };
    (0..out.num_rows()).map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_are_asked_about_at_their_own_times_once_each() -> Result<()> {
    let fixture = fixture()?;
    let out = made(&fixture, "v", entities(&fixture, "v", &["k"], (5, 20), None)?).await?;
    // (1, 10) is there twice in the source; the end is outside; x = 100 is left out by the source.
    assert_eq!(rows(&out, &["k"]), ["2@5", "1@10", "3@12"]);
    assert_eq!(show(&out, "x"), "10 21 50");
    let out = made(&fixture, "p", entities(&fixture, "p", &["k", "Word"], (0, 21), None)?).await?;
    assert_eq!(rows(&out, &["k", "Word"]), ["1,w1@10", "3,w3@12", "1,w1@20"]);
    let out = made(&fixture, "all", entities(&fixture, "all", &[], (0, 13), None)?).await?;
    // The row without a key counts for a view without one.
    assert_eq!(rows(&out, &[]), ["@5", "@6", "@10", "@12"]);
    let none = made(&fixture, "v", entities(&fixture, "v", &["k"], (100, 200), None)?).await?;
    assert_eq!(none.num_rows(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grid_has_every_known_entity_at_every_time() -> Result<()> {
    let fixture = fixture()?;
    // The entity 3 is not known before 12; the end is outside.
    let out = made(&fixture, "v", entities(&fixture, "v", &["k"], (2, 12), Some("5us"))?).await?;
    assert_eq!(rows(&out, &["k"]), ["1@2", "2@2", "1@7", "2@7"]);
    assert_eq!(show(&out, "x"), "null null null 10");
    let out = made(&fixture, "v", entities(&fixture, "v", &["k"], (10, 16), Some("5us"))?).await?;
    assert_eq!(rows(&out, &["k"]), ["1@10", "2@10", "3@10", "1@15", "2@15", "3@15"]);
    let out = made(&fixture, "all", entities(&fixture, "all", &[], (0, 12), Some("6us"))?).await?;
    assert_eq!(rows(&out, &[]), ["@0", "@6"]);
    let refused = made(
        &fixture,
        "v",
        entities(&fixture, "v", &["k"], (0, i64::MAX), Some("1us"))?,
    )
    .await;
    let error = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("more than 4 billion; split it"), "{error}");
    Ok(())
}
