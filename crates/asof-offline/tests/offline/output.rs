//! The file of a training set, and its bytes under awkward settings.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use asof_offline::{
    OfflineEngine, OfflineError, OfflineOptions, ParquetCompression, ParquetOptions, Spine, TrainingSetLabels,
    TrainingSetOutput, TrainingSetSelection, TrainingSetSummary,
};
use asof_testkit::{Table, read_parquet, write_parquet};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::fixture::Fixture;

const YAML: &str = "
entities: [{name: e, join_keys: [{name: k, type: int64}]}]
sources: [{name: s, parquet: {path: data}, event_time: at, created_time: written}]
feature_views:
  - {name: v, entities: [e], source: s, ttl: 40us, features: [{name: x, type: float64}, {name: word, type: string, expr: \"concat('w', word)\"}]}
  - name: w
    entities: [e]
    source: s
    visible_from: created_time
    aggregation:
      every: 5us
      features:
        - {name: total, type: float64, expr: sum(x), window: 20us}
        - {name: kinds, type: int64, expr: count(distinct word), window: 10us}
on_demand_feature_views:
  - {name: d, inputs: [v, w], features: [{name: share, type: float64, expr: v.x / w.total}]}
feature_services:
  - {name: all, features: [v, w, d]}
";

/// A generator of numbers that is the same everywhere.
fn number(seed: i64) -> i64 {
    let mixed = (seed as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) as i64
}

fn data(seed: i64, rows: i64) -> RecordBatch {
    let row = move |part: i64| move |at: i64| number(seed * 1_000_003 + at * 5 + part);
    let words = ["a", "b", "c", "", "é"];
    Table::new()
        .int64s("k", (0..rows).map(row(0)).map(|n| n % 5))
        .times("at", (0..rows).map(row(1)).map(|n| n % 100 - 20))
        .times("written", (0..rows).map(row(2)).map(|n| (n % 4 > 0).then_some(n % 100)))
        .floats(
            "x",
            (0..rows).map(row(3)).map(|n| (n % 9 > 0).then_some(n as f64 / 7.0)),
        )
        .strings("word", (0..rows).map(row(4)).map(|n| words[n as usize % 5]))
        .batch()
}

fn fixture() -> Result<Fixture> {
    let fixture = Fixture::new(YAML)?
        .file("data/b.parquet", data(1, 61))?
        .file("data/a.parquet", data(2, 40))?
        .file("data/c.parquet", data(3, 7))?;
    let rows = 120_i64;
    let spine = Table::new()
        .int64s("k", (0..rows).map(|at| (at % 11 > 0).then_some(number(at) % 6)))
        .times("t", (0..rows).map(|at| number(at + 7) % 120 - 20))
        .strings("label", (0..rows).map(|at| ["x", "y"][at as usize % 2]))
        .batch();
    write_parquet(fixture.folder.file("spine.parquet"), &[spine])?;
    Ok(fixture)
}

pub(crate) fn labels() -> TrainingSetLabels {
    TrainingSetLabels {
        project: "test".to_owned(),
        registry_version: Some(3),
        selection: TrainingSetSelection::Service("all".to_owned()),
        manifest: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_and_batch_sizes_do_not_change_a_byte() -> Result<()> {
    let fixture = fixture()?;
    let plan = fixture.service("all")?;
    let mut outputs: BTreeSet<Vec<u8>> = BTreeSet::new();
    for partitions in 1..=8 {
        for batch_size in [1, 2, 7, 49, 8192] {
            let out = fixture.folder.file("out.parquet");
            let spine = Spine::file(fixture.folder.file("spine.parquet"));
            let engine = fixture.engine(partitions, batch_size);
            let summary = engine.write_training_set(&plan, spine, "t", &out, &labels()).await?;
            assert_eq!(
                (summary.rows, summary.spine_columns, summary.feature_columns),
                (120, 3, 5)
            );
            outputs.insert(fs_err::read(&out)?);
        }
    }
    assert_eq!(outputs.len(), 1);
    let rows = read_parquet(fixture.folder.file("out.parquet"))?;
    let nulls: Vec<usize> = rows[0].columns().iter().map(|column| column.null_count()).collect();
    // Something was found and something was not, everywhere.
    assert!(nulls[3..].iter().all(|nulls| (1..120).contains(nulls)), "{nulls:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_says_where_it_comes_from() -> Result<()> {
    let fixture = fixture()?;
    let out = fixture.folder.file("out.parquet");
    let write = async |features: &[&str], labels: TrainingSetLabels| {
        let spine = Spine::file(fixture.folder.file("spine.parquet"));
        let engine = fixture.engine(2, 100);
        anyhow::Ok(
            engine
                .write_training_set(&fixture.plan(features)?, spine, "t", &out, &labels)
                .await?,
        )
    };
    let summary = write(&["v"], labels()).await?;
    let hash = metadata(&out, "asof.inputs_hash")?;
    assert_eq!(hash.as_deref(), Some(summary.inputs_hash.as_str()));
    assert_eq!(summary.bytes, fs_err::metadata(&out)?.len());
    for (key, value) in [
        ("format", "1"),
        ("project", "test"),
        ("registry_version", "3"),
        ("service", "all"),
    ] {
        assert_eq!(metadata(&out, &format!("asof.{key}"))?.as_deref(), Some(value), "{key}");
    }
    let never_applied = TrainingSetLabels {
        registry_version: None,
        selection: TrainingSetSelection::Features(vec!["v:x".to_owned(), "w".to_owned()]),
        ..labels()
    };
    write(&["v:x", "w"], never_applied).await?;
    assert_eq!(metadata(&out, "asof.features")?.as_deref(), Some("v:x,w"));
    assert_eq!(metadata(&out, "asof.registry_version")?, None);
    assert_eq!(metadata(&out, "asof.inputs_hash")?, hash);
    // Other data, another hash.
    let fixture_file = fixture.folder.file("data/c.parquet");
    write_parquet(&fixture_file, &[data(4, 8)])?;
    write(&["v"], labels()).await?;
    assert_ne!(metadata(&out, "asof.inputs_hash")?, hash);
    Ok(())
}

fn metadata(file: &Path, key: &str) -> Result<Option<String>> {
    let reader = SerializedFileReader::new(fs_err::File::open(file)?.into_file())?;
    let metadata = reader
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .context("metadata")?;
    Ok(metadata
        .iter()
        .find(|entry| entry.key == key)
        .and_then(|entry| entry.value.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_leaves_nothing_and_keeps_what_was_there() -> Result<()> {
    let fixture = fixture()?;
    // The footer is whole, the data is not.
    let file = fixture.folder.file("data/b.parquet");
    let mut bytes = fs_err::read(&file)?;
    bytes[4..200].fill(0xff);
    fs_err::write(&file, bytes)?;
    fixture.folder.write("out/kept.parquet", "what was there")?;
    let engine = fixture.engine(2, 7);
    let outputs = ["kept.parquet", "new.parquet"].map(|name| {
        let out = fixture.folder.file("out").join(name);
        TrainingSetOutput::from(&out)
    });
    for out in outputs.into_iter().chain([folder_of(&fixture, "out/parts", 7)]) {
        let spine = Spine::file(fixture.folder.file("spine.parquet"));
        let refused = engine
            .write_training_set(&fixture.service("all")?, spine, "t", out, &labels())
            .await;
        let message = refused.err().context("the data cannot be read")?.to_string();
        assert!(
            message.starts_with("row group 0 of `data/b.parquet`, column `k`, cannot be decoded"),
            "{message}"
        );
    }
    let left: Vec<_> = fs_err::read_dir(fixture.folder.file("out"))?.collect::<std::io::Result<Vec<_>>>()?;
    assert_eq!(left.len(), 1);
    assert_eq!(
        fs_err::read_to_string(fixture.folder.file("out/kept.parquet"))?,
        "what was there"
    );
    Ok(())
}

fn folder_of(fixture: &Fixture, path: &str, partition_rows: u64) -> TrainingSetOutput {
    TrainingSetOutput {
        partition_rows: Some(partition_rows),
        ..TrainingSetOutput::from(&fixture.folder.file(path))
    }
}

async fn write(fixture: &Fixture, output: TrainingSetOutput) -> Result<TrainingSetSummary, OfflineError> {
    let plan = fixture.service("all").expect("the service is there");
    let spine = Spine::file(fixture.folder.file("spine.parquet"));
    let engine = fixture.engine(2, 49);
    engine.write_training_set(&plan, spine, "t", output, &labels()).await
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs_err::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    let mut names: Vec<_> = entries
        .iter()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_the_same_rows_in_files_of_a_fixed_length() -> Result<()> {
    let fixture = fixture()?;
    let whole = fixture.folder.file("out.parquet");
    write(&fixture, TrainingSetOutput::from(&whole)).await?;
    let whole = read_parquet(&whole)?.remove(0);
    for (partition_rows, parts) in [(50, 3), (60, 2), (120, 1), (1_000, 1)] {
        // Each replaces the one before.
        let summary = write(&fixture, folder_of(&fixture, "parts", partition_rows)).await?;
        let folder = fixture.folder.file("parts");
        let expected: Vec<_> = (0..parts).map(|part| format!("part-{part:05}.parquet")).collect();
        assert_eq!(names(&folder)?, expected);
        assert_eq!(summary.rows, 120);
        let (mut at, mut bytes) = (0, 0);
        for part in expected {
            let rows = read_parquet(folder.join(&part))?.remove(0);
            assert_eq!(rows, whole.slice(at, rows.num_rows()));
            at += rows.num_rows();
            bytes += fs_err::metadata(folder.join(&part))?.len();
            assert_eq!(metadata(&folder.join(&part), "asof.service")?.as_deref(), Some("all"));
        }
        assert_eq!((at, summary.bytes), (120, bytes));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_anything_else_in_it_is_not_replaced() -> Result<()> {
    let fixture = fixture()?;
    let other = Table::new().int64s("a", [1]).batch();
    write_parquet(fixture.folder.file("foreign/part-00000.parquet"), &[other])?;
    write(&fixture, folder_of(&fixture, "mixed", 50)).await?;
    fixture.folder.write("mixed/notes.txt", "what is not ours")?;
    for (folder, entry) in [("foreign", "part-00000.parquet"), ("mixed", "notes.txt")] {
        let before = names(&fixture.folder.file(folder))?;
        let error = write(&fixture, folder_of(&fixture, folder, 50))
            .await
            .err()
            .context("a refusal")?;
        let expected = format!(
            "cannot be written: the folder has `{entry}` in it, which is no part of a training set, and would be lost; \
             name a folder that is empty or new"
        );
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert_eq!(names(&fixture.folder.file(folder))?, before);
    }
    fs_err::create_dir(fixture.folder.file("empty"))?;
    write(&fixture, folder_of(&fixture, "empty", 1_000)).await?;
    assert_eq!(names(&fixture.folder.file("empty"))?, ["part-00000.parquet"]);
    let left: Vec<_> = names(fixture.folder.path())?
        .into_iter()
        .filter(|name| name.starts_with(".asof"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn row_groups_and_compression_are_as_asked() -> Result<()> {
    let fixture = fixture()?;
    for (compression, expected) in [
        (ParquetCompression::None, Compression::UNCOMPRESSED),
        (ParquetCompression::Snappy, Compression::SNAPPY),
        (ParquetCompression::Lz4, Compression::LZ4_RAW),
        (ParquetCompression::Zstd(3), Compression::ZSTD(ZstdLevel::default())),
    ] {
        let out = fixture.folder.file("out.parquet");
        let parquet = ParquetOptions {
            compression,
            row_group_rows: 50,
        };
        let output = TrainingSetOutput {
            parquet,
            ..TrainingSetOutput::from(&out)
        };
        write(&fixture, output).await?;
        let reader = SerializedFileReader::new(fs_err::File::open(&out)?.into_file())?;
        let groups = reader.metadata().row_groups();
        let rows: Vec<_> = groups.iter().map(RowGroupMetaData::num_rows).collect();
        assert_eq!(rows, [50, 50, 20]);
        let mut columns = groups.iter().flat_map(RowGroupMetaData::columns);
        // A reader does not know the level.
        assert!(columns.all(|column| column.compression() == expected));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_can_be_shown() -> Result<()> {
    let fixture = fixture()?;
    let spine = Spine::file(fixture.folder.file("spine.parquet"));
    let training_set = fixture
        .engine(2, 100)
        .training_set(&fixture.service("all")?, spine, "t")
        .await?;
    insta::assert_snapshot!(training_set.explain(), @r"
    AsofJoinExec: as_of=t, on=[(k), (k)]
      SpineExec: rows=120
      FeatureScanExec: views=[v], files=3, row_groups=38 of 38, columns=[k, at, written]
      FeatureScanExec: views=[w], files=3, row_groups=38 of 38, columns=[k, at, written, x, word]
    ");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_counted_over_all_passes() -> Result<()> {
    let fixture = fixture()?;
    let plan = fixture.plan(&["v:x"])?;
    let mut counted = Vec::new();
    // The spine has 120 rows; with no memory to speak of, a pass has as many rows as a batch.
    for (memory, batch_size, passes) in [(1 << 30, 40, 1), (1, 40, 3)] {
        let engine = OfflineEngine::new(OfflineOptions {
            batch_size,
            memory,
            ..OfflineOptions::new(fixture.folder.path())
        });
        let spine = Spine::file(fixture.folder.file("spine.parquet"));
        let out = fixture.folder.file("counted.parquet");
        let summary = engine.write_training_set(&plan, spine, "t", &out, &labels()).await?;
        assert_eq!(summary.report.passes, passes);
        let view = &summary.report.views[0];
        let matched = view.lookups[0].matched;
        counted.push((matched, view.rows_probed, view.row_groups_read, view.files_read));
    }
    let [once, thrice] = counted[..] else {
        anyhow::bail!("two runs were counted");
    };
    // Each pass reads what has its keys and times, which here is everything; what there is to read stays the same.
    assert_eq!(thrice, (once.0, 3 * once.1, once.2, once.3));
    Ok(())
}
