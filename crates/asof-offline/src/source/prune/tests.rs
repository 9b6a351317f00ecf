//! Pruning leaves out nothing that is asked for, and much of what is not.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use asof_model::definition::{Metadata, Source, TimeColumn};
use asof_model::{ScalarType, SourceName};
use asof_storage::StorageOptions;
use asof_testkit::Table;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use proptest::prelude::*;

use super::*;
use crate::source::table::SourceTable;

/// Rows of a row group, and of a page.
const GROUP: usize = 32;
const PAGE: usize = 4;

#[derive(Debug, Clone)]
struct Row {
    at: i64,
    written: Option<i64>,
    k: Option<i64>,
}

fn batch(rows: &[Row]) -> RecordBatch {
    Table::new()
        .times("at", rows.iter().map(|row| row.at))
        .times("written", rows.iter().map(|row| row.written))
        .int64s("k", rows.iter().map(|row| row.k))
        .column(
            "narrow",
            Arc::new(rows.iter().map(|row| row.k.map(|k| k as i32)).collect::<Int32Array>()),
        )
        .column(
            "text",
            Arc::new(rows.iter().map(|row| row.k.map(text)).collect::<StringArray>()),
        )
        .batch()
}

/// A text whose order is not that of the numbers, too long for statistics to hold whole.
fn text(k: i64) -> String {
    format!("{}{}", "é".repeat(40), k % 10 * 1000 + k)
}

fn write(path: &Path, rows: &RecordBatch, statistics: EnabledStatistics) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(GROUP))
        .set_data_page_row_count_limit(PAGE)
        .set_write_batch_size(PAGE)
        .set_statistics_enabled(statistics)
        .set_bloom_filter_enabled(true)
        .build();
    let mut writer =
        ArrowWriter::try_new(fs_err::File::create(path).unwrap(), rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

async fn open(folder: &Path, event_time: TimeColumn) -> Arc<SourceTable> {
    let source = Source {
        name: SourceName::try_new("s").unwrap(),
        path: ".".to_owned(),
        event_time,
        created_time: None,
        filter: None,
        metadata: Metadata::default(),
    };
    Arc::new(
        SourceTable::open(&source, folder, &StorageOptions::new(), None)
            .await
            .unwrap(),
    )
}

fn at() -> TimeColumn {
    TimeColumn::Column("at".to_owned())
}

/// A probe of the column that holds the values `k` in a form of its own.
fn probe(column: &str, values: &[i64]) -> KeyProbe {
    let (key, array): (ScalarType, ArrayRef) = match column {
        "text" => (
            ScalarType::String,
            Arc::new(StringArray::from_iter_values(values.iter().map(|k| text(*k)))),
        ),
        _ => (ScalarType::Int64, Arc::new(Int64Array::from(values.to_vec()))),
    };
    KeyProbe::new(column, key, &array).unwrap()
}

fn selected(narrowed: &PartRows, rows: usize) -> Vec<bool> {
    match narrowed {
        PartRows::All => vec![true; rows],
        PartRows::None | PartRows::Filtered => vec![false; rows],
        PartRows::Some(selection) => {
            let rows = selection
                .iter()
                .flat_map(|run| std::iter::repeat_n(!run.skip, run.row_count));
            rows.collect()
        }
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        0..100_i64,
        proptest::option::of(0..100_i64),
        proptest::option::weighted(0.9, 0..200_i64),
    );
    let row = row.prop_map(|(at, written, k)| Row { at, written, k });
    // In order of time or key, as real files are, so that pages differ.
    (proptest::collection::vec(row, 0..150), 0..3).prop_map(|(mut rows, order)| {
        match order {
            0 => rows.sort_by_key(|row| row.at),
            1 => rows.sort_by_key(|row| row.k),
            _ => {}
        }
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn nothing_that_is_asked_for_is_left_out(
        rows in rows(),
        first in 0..100_i64,
        length in 0..60_i64,
        until in proptest::option::of(0..100_i64),
        keys in proptest::collection::vec(0..200_i64, 0..6),
        statistics in prop_oneof![Just(EnabledStatistics::Page), Just(EnabledStatistics::Chunk), Just(EnabledStatistics::None)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("a.parquet"), &batch(&rows), statistics);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let table = runtime.block_on(open(folder.path(), at()));
        for column in ["k", "narrow", "text"] {
            let bounds = TimeBounds { first, last: first + length };
            let wanted = Wanted { bounds, created_until: until, keys: vec![probe(column, &keys)] };
            let pruner = Pruner::new(&table, Some("at"), Some("written"), wanted);
            for part in 0..table.parts.len() as u32 {
                let read = pruner.verdict(part) == Verdict::Read;
                let place = table.parts[part as usize];
                let narrowed = runtime.block_on(pruner.narrow(part)).unwrap();
                let selected = selected(&narrowed.rows, place.rows as usize);
                prop_assert_eq!(selected.len(), place.rows as usize);
                for (row, selected) in rows[place.first_row as usize..].iter().zip(selected) {
                    let in_time = (first..=first + length).contains(&row.at);
                    let seen = until.is_none_or(|until| row.written.is_none_or(|written| written <= until));
                    if in_time && seen && row.k.is_some_and(|k| keys.contains(&k)) {
                        prop_assert!(read && selected, "{row:?} by {column}");
                    }
                }
            }
        }
    }
}

/// 128 rows: four row groups of eight pages, with rising times and keys, 0 to 127.
fn rising() -> RecordBatch {
    let rows: Vec<Row> = (0..128)
        .map(|n| Row {
            at: n,
            written: Some(n + 1),
            k: Some(n * 2),
        })
        .collect();
    batch(&rows)
}

async fn outcome(bounds: (i64, i64), created_until: Option<i64>, keys: Vec<KeyProbe>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.parquet"), &rising(), EnabledStatistics::Page);
    let table = open(folder.path(), at()).await;
    let bounds = TimeBounds {
        first: bounds.0,
        last: bounds.1,
    };
    let pruner = Pruner::new(
        &table,
        Some("at"),
        Some("written"),
        Wanted {
            bounds,
            created_until,
            keys,
        },
    );
    let mut parts = Vec::new();
    for part in 0..4 {
        let verdict = pruner.verdict(part);
        if verdict != Verdict::Read {
            parts.push(format!("{verdict:?}"));
            continue;
        }
        let narrowed = pruner.narrow(part).await.unwrap();
        let rows = selected(&narrowed.rows, GROUP)
            .iter()
            .filter(|selected| **selected)
            .count();
        parts.push(format!(
            "{rows} rows, {} of {} pages skipped",
            narrowed.pages_skipped, narrowed.pages
        ));
    }
    parts
}

#[tokio::test]
async fn row_groups_and_pages_out_of_time_are_left_out() {
    let cut = outcome((33, 70), None, Vec::new()).await;
    assert_eq!(
        cut,
        [
            "NotItsTime",
            "32 rows, 0 of 8 pages skipped",
            "8 rows, 6 of 8 pages skipped",
            "NotItsTime"
        ]
    );
    let whole = outcome((i64::MIN, i64::MAX), None, Vec::new()).await;
    assert_eq!(whole, ["32 rows, 0 of 0 pages skipped"; 4]);
    let unseen = outcome((i64::MIN, i64::MAX), Some(64), Vec::new()).await;
    assert_eq!(
        unseen[1..],
        ["32 rows, 0 of 0 pages skipped", "NotItsTime", "NotItsTime"]
    );
    assert_eq!(outcome((5, 4), None, Vec::new()).await, ["NotItsTime"; 4]);
}

#[tokio::test]
async fn row_groups_and_pages_without_the_keys_are_left_out() {
    for column in ["k", "narrow"] {
        // 66 and 73 lie in the range of the second row group, but 73 is no key; 300 is beyond all.
        let found = outcome((i64::MIN, i64::MAX), None, vec![probe(column, &[66, 300])]).await;
        assert_eq!(found[0], "NotItsKeys", "{column}");
        assert_eq!(found[2..], ["NotItsKeys", "NotItsKeys"], "{column}");
        let filtered = outcome((i64::MIN, i64::MAX), None, vec![probe(column, &[73])]).await;
        assert_eq!(filtered[1], "0 rows, 0 of 0 pages skipped", "{column}");
    }
    let none = outcome((i64::MIN, i64::MAX), None, vec![probe("k", &[])]).await;
    assert_eq!(none, ["NotItsKeys"; 4]);
    // Long texts are cut in statistics; the filter still knows them.
    let text = outcome((i64::MIN, i64::MAX), None, vec![probe("text", &[1])]).await;
    assert!(
        text.iter().all(|part| part.starts_with('0') || part == "NotItsKeys"),
        "{text:?}"
    );
}

#[tokio::test]
async fn files_out_of_time_or_key_by_their_folders_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        "day=1970-01-01/shop=1",
        "day=1970-01-02/shop=2",
        "day=__HIVE_DEFAULT_PARTITION__/shop=1",
    ] {
        fs_err::create_dir_all(folder.path().join(path)).unwrap();
        write(
            &folder.path().join(path).join("a.parquet"),
            &rising().slice(0, 8),
            EnabledStatistics::Page,
        );
    }
    let day = 86_400_000_000;
    let table = open(
        folder.path(),
        TimeColumn::Expression("cast(day as timestamp)".to_owned()),
    )
    .await;
    let verdicts = |first, last, keys| {
        let bounds = TimeBounds { first, last };
        let pruner = Pruner::new(
            &table,
            None,
            None,
            Wanted {
                bounds,
                created_until: None,
                keys,
            },
        );
        [0, 1, 2].map(|part| pruner.verdict(part))
    };
    use Verdict::{NotItsKeys, NotItsTime, Read};
    assert_eq!(verdicts(0, day - 1, Vec::new()), [Read, NotItsTime, NotItsTime]);
    assert_eq!(verdicts(1, day, Vec::new()), [NotItsTime, Read, NotItsTime]);
    assert_eq!(
        verdicts(0, day, vec![probe("shop", &[2, 5])]),
        [NotItsKeys, Read, NotItsTime]
    );
    let mixed = open(
        folder.path(),
        TimeColumn::Expression("cast(day as timestamp) + at".to_owned()),
    )
    .await;
    assert_eq!(mixed.partition_times, None);
}
