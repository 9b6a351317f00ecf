//! The rows to materialize in two passes: found first, then read.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use arrow::array::{Int64Array, RecordBatch};
use asof_model::ErrorKind;
use asof_model::definition::TimeColumn;
use asof_offline::{
    KeyFilter, LatestFound, OfflineEngine, OfflineError, OfflineOptions, Progress, ProgressSink, RowReader, RowSet,
    RowsRequest,
};
use asof_testkit::{Table, write_parquet, write_parquet_in_row_groups};
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use xxhash_rust::xxh3::xxh3_64;

use crate::fixture::{Fixture, rows, show_rows};

const X: &str = "features: [{name: x, type: int64}]";

/// An engine that has memory for next to nothing.
fn small(fixture: &Fixture) -> OfflineEngine {
    OfflineEngine::new(OfflineOptions {
        partitions: 3,
        batch_size: 5,
        memory: 1,
        ..OfflineOptions::new(fixture.folder.path())
    })
}

/// Finds rows, keeps them as bytes, and reads them shard by shard.
async fn found(engine: &OfflineEngine, request: &RowsRequest) -> Result<(LatestFound, Vec<String>)> {
    let found = engine.find_latest(request).await?;
    let kept = RowSet::from_bytes(&found.rows.to_bytes())?;
    ensure!(kept == found.rows);
    ensure!(found.report.winners == found.rows.len());
    let reader = engine.row_reader(request).await?;
    let mut read = Vec::new();
    for shard in kept.shards(4) {
        let rows = show_rows(reader.read(&shard)?).await?;
        ensure!(rows.len() as u64 == shard.len());
        read.extend(rows);
    }
    ensure!(read == show_rows(reader.read(&found.rows)?).await?);
    Ok((found, read))
}

/// A row of a file: key, event time, created time, feature.
type Row = (Option<i64>, i64, Option<i64>, i64);

fn table(rows: &[Row], keys: &str) -> RecordBatch {
    let texts: Vec<Option<String>> = rows.iter().map(|row| row.0.map(|key| format!("key {key}"))).collect();
    let table = match keys {
        "int64" => Table::new().int64s("k", rows.iter().map(|row| row.0)),
        _ => Table::new().strings("k", texts.iter().map(Option::as_deref)),
    };
    table
        .times("at", rows.iter().map(|row| row.1))
        .times("written", rows.iter().map(|row| row.2))
        .int64s("x", rows.iter().map(|row| row.3))
        .batch()
}

/// What is asked of some files.
#[derive(Debug, Clone)]
struct Asked {
    files: Vec<Vec<Row>>,
    group_rows: usize,
    is_text: bool,
    is_filtered: bool,
    visible_from_created: bool,
    lag: i64,
    at: i64,
    after: Option<i64>,
    only: Option<usize>,
    memory: u64,
}

fn asked() -> impl Strategy<Value = Asked> {
    let row = (weighted(0.9, 0..25_i64), 0..8_i64, weighted(0.6, 0..10_i64), 0..30_i64);
    let files = vec(vec(row, 1..50), 1..4);
    let settings = (1_usize..12, any::<bool>(), any::<bool>(), any::<bool>());
    let times = (0..3_i64, 2..12_i64, weighted(0.3, 0..5_i64));
    let memory = prop_oneof![5 => Just(1_u64), 1 => 2_000_u64..10_000, 1 => Just(1 << 30)];
    (files, settings, times, weighted(0.3, 0_usize..4), memory).prop_map(|(files, settings, times, only, memory)| {
        let (group_rows, is_text, is_filtered, visible_from_created) = settings;
        let (lag, at, after) = times;
        Asked {
            files,
            group_rows,
            is_text,
            is_filtered,
            visible_from_created,
            lag,
            at,
            after,
            only,
            memory,
        }
    })
}

impl Asked {
    fn keys(&self) -> &'static str {
        if self.is_text { "string" } else { "int64" }
    }

    fn fixture(&self) -> Result<Fixture> {
        let lag = format!("availability_lag: {}us, ", self.lag);
        let settings = [
            (self.is_filtered, "filter: x % 3 > 0, "),
            (self.visible_from_created, "visible_from: created_time, "),
            (self.lag > 0, &lag),
        ];
        let settings: String = settings
            .iter()
            .filter(|(is_set, _)| *is_set)
            .map(|(_, text)| *text)
            .collect();
        let fixture = Fixture::new(&format!(
            "
entities:
  - {{name: e, join_keys: [{{name: k, type: {}}}]}}
sources:
  - {{name: s, parquet: {{path: data}}, event_time: at, created_time: written}}
feature_views:
  - {{name: v, entities: [e], source: s, ttl: 1us, {settings}features: [{{name: x, type: int64, expr: x + 1}}]}}
",
            self.keys()
        ))?;
        for (at, rows) in self.files.iter().enumerate() {
            let path = fixture.folder.file(&format!("data/{at}.parquet"));
            write_parquet_in_row_groups(path, &[table(rows, self.keys())], self.group_rows)?;
        }
        Ok(fixture)
    }

    /// The last row of every entity by going through all rows, in the order of the source.
    fn expected(&self) -> Vec<String> {
        let mut best: BTreeMap<i64, (i64, Option<i64>, usize, usize)> = BTreeMap::new();
        for (file, rows) in self.files.iter().enumerate() {
            for (row, (key, at, written, x)) in rows.iter().enumerate() {
                let counts = self.only.is_none_or(|only| only == file)
                    && (!self.is_filtered || x % 3 > 0)
                    && at + self.lag <= self.at
                    && self.after.is_none_or(|after| *at > after)
                    && (!self.visible_from_created || written.is_none_or(|written| written <= self.at));
                if let (Some(key), true) = (key, counts) {
                    let order = (*at, *written, file, row);
                    let best = best.entry(*key).or_insert(order);
                    *best = order.max(*best);
                }
            }
        }
        let mut places: Vec<(usize, usize)> = best.values().map(|(_, _, file, row)| (*file, *row)).collect();
        places.sort_unstable();
        let shown = places.into_iter().filter_map(|(file, row)| {
            let (key, at, written, x) = self.files[file][row];
            let key = if self.is_text {
                format!("key {}", key?)
            } else {
                key?.to_string()
            };
            let written = written.map_or("null".to_owned(), |written| written.to_string());
            Some(format!("{key} @{at}/{written}: {}", x + 1))
        });
        shown.collect()
    }
}

#[test]
fn the_rows_found_are_the_last_ones_by_brute_force_in_any_memory() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build()?;
    let spilled = Cell::new((0, 0));
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(80)
    });
    runner.run(&asked(), |asked| {
        let checked = runtime.block_on(async {
            let fixture = asked.fixture()?;
            let mut request = fixture.request("v", asked.at, asked.after);
            request.files = asked.only.map(|only| [format!("data/{only}.parquet")].into());
            let engine = OfflineEngine::new(OfflineOptions {
                partitions: 3,
                batch_size: 7,
                memory: asked.memory,
                ..OfflineOptions::new(fixture.folder.path())
            });
            let (found, mut read) = found(&engine, &request).await?;
            ensure!(read == asked.expected(), "{read:#?}\n{:#?}", asked.expected());
            let mut latest = fixture.latest(&request).await?;
            latest.sort_unstable();
            read.sort_unstable();
            ensure!(read == latest);
            // So many keys do not lie in one partition.
            ensure!(asked.memory > 1 || read.len() < 10 || found.report.spilled_bytes > 0);
            Ok(found.report)
        });
        let report = checked.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let (some, all) = spilled.get();
        spilled.set((some + u32::from(report.spilled_bytes > 0), all + 1));
        Ok(())
    })?;
    let (some, all) = spilled.get();
    assert!(some * 4 > all, "{some} of {all} went to temporary files");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_of_keys_and_views_without_an_entity_are_found_too() -> Result<()> {
    let data: Vec<_> = (0..40).map(|at| (at % 13, at, None, at)).collect();
    let fixture = Fixture::simple(X)?.file("data/a.parquet", rows(&data))?;
    let mut request = fixture.request("v", 100, None);
    let mut parts = Vec::new();
    for index in 0..3 {
        request.keys = Some(KeyFilter::Shard { index, of: 3 });
        let (_, rows) = found(&small(&fixture), &request).await?;
        let mut latest = fixture.latest(&request).await?;
        latest.sort_unstable_by_key(|row| {
            row.split('@')
                .nth(1)
                .and_then(|rest| rest.split('/').next()?.parse::<i64>().ok())
        });
        assert_eq!(rows, latest);
        parts.extend(rows);
    }
    assert_eq!(parts.len(), 13);

    let yaml = "
sources: [{name: s, parquet: {path: data}, event_time: at}]
feature_views:
  - {name: v, source: s, features: [{name: x, type: int64}]}
";
    let fixture = Fixture::new(yaml)?.file("data/a.parquet", rows(&[(1, 2, Some(7), 1), (2, 1, None, 2)]))?;
    let request = fixture.request("v", 9, None);
    let (_, rows) = found(&small(&fixture), &request).await?;
    assert_eq!(rows, [" @2/null: 1"]);
    let (found, rows) = found(&small(&fixture), &fixture.request("v", 0, None)).await?;
    assert!(rows.is_empty() && found.rows.is_empty() && found.rows.shards(1).is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn composite_keys_partition_columns_and_expressions_come_along() -> Result<()> {
    let yaml = "
entities:
  - {name: e, join_keys: [{name: a, type: int64}, {name: day, type: int64}]}
sources:
  - {name: s, parquet: {path: data}, event_time: {expr: \"to_timestamp_micros(t)\"}, filter: kept}
feature_views:
  - {name: v, entities: [e], source: s, features: [{name: y, type: int64, expr: a * 10 + t}]}
";
    let file = |rows: &[(i64, i64, bool)]| {
        Table::new()
            .int64s("a", rows.iter().map(|row| row.0))
            .int64s("t", rows.iter().map(|row| row.1))
            .bools("kept", rows.iter().map(|row| row.2))
            .batch()
    };
    let fixture = Fixture::new(yaml)?
        .file(
            "data/day=11/a.parquet",
            file(&[(1, 5, true), (2, 3, true), (1, 6, false)]),
        )?
        .file("data/day=12/a.parquet", file(&[(1, 4, true), (1, 3, true)]))?;
    let (_, rows) = found(&small(&fixture), &fixture.request("v", 9, None)).await?;
    assert_eq!(rows, ["1,11 @5/null: 15", "2,11 @3/null: 23", "1,12 @4/null: 14"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_with_winners_are_read() -> Result<()> {
    // Four rows win, so most pages of the features are never looked at.
    let count = 200_000;
    let wide: Int64Array = (0..count).map(|row| Some(row * 1_000_003)).collect();
    let data = Table::new()
        .int64s("k", (0..count).map(|row| row / 50_000))
        .times("at", 0..count)
        .times("written", (0..count).map(|_| None))
        .column("x", Arc::new(wide))
        .batch();
    let fixture = Fixture::simple(X)?;
    fs_err::create_dir(fixture.folder.file("data"))?;
    let file = fs_err::File::create(fixture.folder.file("data/a.parquet"))?;
    // Every page might need a dictionary.
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut writer = ArrowWriter::try_new(file, data.schema(), Some(properties))?;
    writer.write(&data)?;
    writer.close()?;
    let request = fixture.request("v", count, None);
    let bytes = Arc::new(AtomicU64::new(0));
    let fetched = Arc::clone(&bytes);
    let engine = OfflineEngine::new(OfflineOptions {
        progress: Some(ProgressSink::new(move |progress| {
            if let Progress::Fetched { bytes, .. } = progress {
                fetched.fetch_add(bytes, Ordering::Relaxed);
            }
        })),
        ..OfflineOptions::new(fixture.folder.path())
    });
    let found = engine.find_latest(&request).await?;
    assert_eq!(
        (found.report.rows, found.report.row_groups, found.report.files),
        (count as u64, 1, 1)
    );
    let rows = show_rows(engine.row_reader(&request).await?.read(&found.rows)?).await?;
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[3], "3 @199999/null: 199999599997");
    let (read, file) = (
        bytes.load(Ordering::Relaxed),
        fs_err::metadata(fixture.folder.file("data/a.parquet"))?.len(),
    );
    assert!(read * 2 < file, "{read} of {file} bytes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_have_the_size_asked_for_however_many_rows_win() -> Result<()> {
    let data: Vec<_> = (0..3000).map(|at| (at % 1500, at, None, at)).collect();
    let fixture = Fixture::simple(X)?;
    write_parquet(fixture.folder.file("data/a.parquet"), &[rows(&data)])?;
    let engine = fixture.engine(2, 256);
    let request = fixture.request("v", 5000, None);
    let found = engine.find_latest(&request).await?;
    let batches = engine.row_reader(&request).await?.read(&found.rows)?;
    let sizes: Vec<usize> = batches.map_ok(|batch| batch.rows()).try_collect().await?;
    assert_eq!(sizes, [256, 256, 256, 256, 256, 220]);
    Ok(())
}

async fn refused(reader: Result<RowReader, OfflineError>, rows: &RowSet) -> Result<OfflineError> {
    let refused = match reader {
        Err(error) => Some(error),
        Ok(reader) => match reader.read(rows) {
            Err(error) => Some(error),
            Ok(rows) => rows.try_collect::<Vec<_>>().await.err(),
        },
    };
    refused.context("a refusal was expected")
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_changed_since_rows_were_found_are_named() -> Result<()> {
    let fixture = Fixture::simple(X)?
        .file("data/a.parquet", rows(&[(1, 1, None, 1), (2, 1, None, 2)]))?
        .file("data/b.parquet", rows(&[(3, 1, None, 3), (2, 0, None, 0)]))?
        .file("data/c.parquet", rows(&[(4, 1, None, 4)]))?;
    let engine = fixture.engine(2, 2);
    let request = fixture.request("v", 9, None);
    let found = engine.find_latest(&request).await?;
    assert_eq!(found.rows.files().map(|file| file.rows).collect::<Vec<_>>(), [2, 2, 1]);
    let early = engine.row_reader(&request).await?;
    let fixture = fixture.file(
        "data/b.parquet",
        rows(&[(3, 1, None, 3), (2, 5, None, 5), (9, 1, None, 9)]),
    )?;
    fs_err::remove_file(fixture.folder.file("data/c.parquet"))?;

    let shards = found.rows.shards(1);
    assert_eq!(shards.len(), 3);
    let reader = engine.row_reader(&request).await;
    let read = reader.as_ref().ok().context("the source is there")?.read(&shards[0])?;
    assert_eq!(show_rows(read).await?, ["1 @1/null: 1", "2 @1/null: 2"]);
    let changed = refused(reader, &shards[1]).await?;
    assert_eq!(changed.kind(), ErrorKind::Conflict);
    let gone = refused(engine.row_reader(&request).await, &shards[2]).await?;
    // Whoever opened the source before notices, too.
    let early_changed = refused(Ok(early.clone()), &shards[1]).await?;
    let early_gone = refused(Ok(early), &shards[2]).await?;
    let said = [changed, gone, early_changed, early_gone].map(|error| error.to_string());
    insta::with_settings!({filters => vec![(r"\d+ bytes and has \d+", "[n] bytes and has [m]")]}, {
        insta::assert_snapshot!(said.join("\n"), @r"
        `data/b.parquet` changed since its rows were chosen: it had [n] bytes and has [m]; choose them anew
        `data/c.parquet` changed since its rows were chosen: it is gone; choose them anew
        `data/b.parquet` changed while it was read: it had [n] bytes and has [m]; run again when nothing writes to it
        `data/c.parquet` changed while it was read: it is gone; run again when nothing writes to it
        ");
    });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn views_of_windows_and_rows_of_another_source_are_refused() -> Result<()> {
    let count = "aggregation: {every: 10us, features: [{name: n, type: int64, expr: count(*), window: 20us}]}";
    let data = rows(&[(1, 1, None, 1), (2, 1, None, 2)]);
    let windows = Fixture::simple(count)?.file("data/a.parquet", data.clone())?;
    let request = windows.request("v", 9, None);
    let engine = windows.engine(1, 2);
    let find = engine.find_latest(&request).await.err().context("it is aggregated")?;

    let fixture = Fixture::simple(X)?.file("data/a.parquet", data.clone())?;
    let request_rows = fixture.request("v", 9, None);
    let found = fixture.engine(1, 2).find_latest(&request_rows).await?;
    let read = refused(engine.row_reader(&request).await, &found.rows).await?;
    // The same file, but rows that do not count for a source with other times.
    let mut request = request_rows.clone();
    Arc::make_mut(&mut request.source).event_time = TimeColumn::Column("written".to_owned());
    let timeless = refused(fixture.engine(1, 2).row_reader(&request).await, &found.rows).await?;
    // A row that the file does not have: its number stands before the hash.
    let mut bytes = found.rows.to_bytes();
    let end = bytes.len() - size_of::<u64>();
    bytes[end - 2..end].fill(9);
    let hash = xxh3_64(&bytes[..end]);
    bytes[end..].copy_from_slice(&hash.to_le_bytes());
    let reader = fixture.engine(1, 2).row_reader(&request_rows).await;
    let beyond = refused(reader, &RowSet::from_bytes(&bytes)?).await?;
    // A file of the same name and length.
    let other = Fixture::simple(X)?.file("data/a.parquet", data)?;
    let reader = other.engine(1, 2).row_reader(&other.request("v", 9, None)).await;
    let unlike = refused(reader, &found.rows).await?;
    let said = [find, read, timeless, beyond, unlike].map(|error| error.to_string());
    insta::with_settings!({filters => vec![(r"tag was .* and is [^;]*", "tag was [a] and is [b]")]}, {
        insta::assert_snapshot!(said.join("\n"), @r"
        view `v` aggregates over windows, so none of its rows is a row of its source; ask for its latest rows
        view `v` aggregates over windows, so none of its rows is a row of its source; ask for its latest rows
        `data/a.parquet` changed since its rows were chosen: a chosen row has no key or no event time; choose them anew
        `data/a.parquet` changed since its rows were chosen: it has not all the rows that were chosen; choose them anew
        `data/a.parquet` changed since its rows were chosen: its entity tag was [a] and is [b]; choose them anew
        ");
    });
    Ok(())
}
