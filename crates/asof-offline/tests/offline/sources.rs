//! Sources: which files, which columns, and what is wrong with them.

use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{LargeStringArray, RecordBatch, StringArray, TimestampMillisecondArray};
use asof_model::SourceName;
use asof_model::definition::{Metadata, Source, TimeColumn};
use asof_offline::{OfflineEngine, OfflineOptions};
use asof_storage::StorageOptions;
use asof_testkit::{MotoServer, Table, TempRepository, write_parquet};
use object_store::ObjectStoreExt;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::fixture::{Fixture, show};

fn source(path: &str) -> Source {
    Source {
        name: SourceName::try_new("s").expect("a name"),
        path: path.to_owned(),
        event_time: TimeColumn::Column("at".to_owned()),
        created_time: None,
        filter: None,
        metadata: Metadata::default(),
    }
}

fn ints(values: &[i64]) -> RecordBatch {
    Table::new().int64s("x", values.iter().copied()).batch()
}

struct Sources {
    folder: TempRepository,
    engine: OfflineEngine,
}

impl Sources {
    fn new(files: &[(&str, RecordBatch)]) -> Result<Self> {
        let folder = TempRepository::new(&[])?;
        for (path, rows) in files {
            write_parquet(folder.file(path), std::slice::from_ref(rows))?;
        }
        let engine = OfflineEngine::new(OfflineOptions::new(folder.path()));
        Ok(Self { folder, engine })
    }

    async fn paths(&self, path: &str) -> Result<Vec<String>> {
        let files = self.engine.source_files(&source(path)).await?;
        Ok(files.into_iter().map(|file| file.path).collect())
    }

    async fn columns(&self, path: &str) -> Result<String> {
        let schema = self.engine.source_schema(&source(path)).await?;
        let columns = schema
            .fields()
            .iter()
            .map(|field| format!("{} {}", field.name(), field.data_type()));
        Ok(columns.collect::<Vec<_>>().join(", "))
    }

    /// The refusal, with the temporary folder taken out.
    async fn refusal(&self, path: &str) -> Result<String> {
        let refused = self
            .engine
            .source_schema(&source(path))
            .await
            .err()
            .context("refused")?;
        Ok(refused
            .to_string()
            .replace(&self.folder.path().display().to_string(), "<repo>"))
    }
}

#[tokio::test]
async fn a_path_is_a_file_a_folder_or_a_pattern() -> Result<()> {
    let sources = Sources::new(&[
        ("data/b.parquet", ints(&[1])),
        ("data/a.parquet", ints(&[1, 2])),
        ("data/deep/c.parquet", ints(&[])),
        ("data/_staging/d.parquet", ints(&[])),
        ("data/.hidden.parquet", ints(&[])),
        ("data/e.pq", ints(&[])),
        ("other/a.parquet", ints(&[])),
    ])?;
    sources.folder.write("data/README.md", "not data")?;
    let all = ["data/a.parquet", "data/b.parquet", "data/deep/c.parquet"];
    assert_eq!(sources.paths("data").await?, all);
    assert_eq!(sources.paths("./data/").await?, all);
    assert_eq!(
        sources
            .paths(&sources.folder.path().join("data").display().to_string())
            .await?,
        all
    );
    assert_eq!(sources.paths("data/e.pq").await?, ["data/e.pq"]);
    assert_eq!(
        sources.paths("data/*.parquet").await?,
        ["data/a.parquet", "data/b.parquet"]
    );
    assert_eq!(sources.paths("data/**/*.parquet").await?.len(), 4);
    assert_eq!(
        sources.paths("*/a.parquet").await?,
        ["data/a.parquet", "other/a.parquet"]
    );
    let rows: Vec<u64> = sources
        .engine
        .source_files(&source("data"))
        .await?
        .iter()
        .map(|file| file.rows)
        .collect();
    assert_eq!(rows, [2, 1, 0]);
    Ok(())
}

#[tokio::test]
async fn partition_folders_are_columns() -> Result<()> {
    let sources = Sources::new(&[
        ("d/year=2013/city=New%20York/a.parquet", ints(&[1])),
        ("d/year=__HIVE_DEFAULT_PARTITION__/city=7/b.parquet", ints(&[2])),
    ])?;
    assert_eq!(sources.columns("d").await?, "x Int64, year Int64, city Utf8");
    assert_eq!(
        sources.columns("d/year=2013/city=*/*.parquet").await?,
        "x Int64, city Utf8"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_columns_can_be_keys_times_and_features() -> Result<()> {
    let yaml = "
entities: [{name: e, join_keys: [{name: k, type: int64}]}]
sources: [{name: s, parquet: {path: d}, event_time: {expr: cast(day as timestamp)}}]
feature_views:
  - {name: v, entities: [e], source: s, features: [{name: x, type: int64}, {name: city, type: string, expr: upper(city)}]}
";
    let fixture = Fixture::new(yaml)?
        .file("d/day=1970-01-01/k=1/city=a/f.parquet", ints(&[1, 2]))?
        .file(
            "d/day=1970-01-02/k=1/city=__HIVE_DEFAULT_PARTITION__/f.parquet",
            ints(&[3]),
        )?
        .file("d/day=1970-01-01/k=2/city=b%2Fc/f.parquet", ints(&[4]))?;
    let day = 86_400_000_000;
    let spine = Table::new().int64s("k", [1, 1, 2]).times("t", [0, day, day]).batch();
    let out = fixture.join_v(spine).await?;
    assert_eq!(show(&out, "x"), "2 3 4");
    assert_eq!(show(&out, "city"), "A null B/C");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_may_hold_one_column_in_several_forms() -> Result<()> {
    let file = |k: i64, text: arrow::array::ArrayRef, at: arrow::array::ArrayRef, x: arrow::array::ArrayRef| {
        Table::new()
            .column("x", x)
            .column("text", text)
            .int64s("k", [k])
            .column("at", at)
            .batch()
    };
    let yaml = "
entities: [{name: e, join_keys: [{name: k, type: int64}]}]
sources: [{name: s, parquet: {path: d}, event_time: at}]
feature_views:
  - {name: v, entities: [e], source: s, features: [{name: x, type: int64}, {name: text, type: string}]}
";
    let micros = Table::new().times("at", [5]).batch().column(0).clone();
    let fixture = Fixture::new(yaml)?
        .file(
            "d/a.parquet",
            file(
                1,
                Arc::new(StringArray::from(vec!["a"])),
                micros,
                ints(&[1]).column(0).clone(),
            ),
        )?
        .file(
            "d/b.parquet",
            file(
                2,
                Arc::new(LargeStringArray::from(vec!["b"])),
                Arc::new(TimestampMillisecondArray::from(vec![1])),
                Table::new().int32s("x", [2]).batch().column(0).clone(),
            ),
        )?;
    let out = fixture
        .join_v(Table::new().int64s("k", [1, 2]).times("t", [1000, 1000]).batch())
        .await?;
    assert_eq!(
        (show(&out, "x"), show(&out, "text")),
        ("1 2".to_owned(), "a b".to_owned())
    );
    Ok(())
}

#[tokio::test]
async fn every_refusal_names_the_file() -> Result<()> {
    let sources = Sources::new(&[
        ("case/a.parquet", ints(&[1])),
        ("case/b.parquet", Table::new().int64s("X", [1]).batch()),
        ("partitions/k=1/a.parquet", ints(&[1])),
        ("partitions/b.parquet", ints(&[1])),
        ("clash/x=1/a.parquet", ints(&[1])),
        ("cut/a.parquet", ints(&[1])),
        ("middle/a.parquet", ints(&[1])),
    ])?;
    let whole = fs_err::read(sources.folder.file("cut/a.parquet"))?;
    fs_err::write(sources.folder.file("cut/a.parquet"), &whole[..whole.len() - 7])?;
    let mut encrypted = whole.clone();
    *encrypted.last_mut().expect("a file has bytes") = b'E';
    let footer = whole.len() - 8;
    let mut long = whole.clone();
    long[footer..footer + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut noise = whole.clone();
    noise[footer - 100..footer].fill(0xff);
    for (path, bytes) in [
        ("encrypted/a.parquet", &encrypted[..]),
        ("long/a.parquet", &long[..]),
        ("noise/a.parquet", &noise[..]),
        ("short/a.parquet", b"PAR1"),
        ("empty/a.parquet", b""),
        ("middle/a.parquet", &[&whole[..4], &whole[footer / 2..]].concat()),
        ("text/a.parquet", b"this is no parquet file"),
        ("none/README.md", b""),
    ] {
        let path = sources.folder.file(path);
        fs_err::create_dir_all(path.parent().context("in a folder")?)?;
        fs_err::write(path, bytes)?;
    }
    let mut refusals = Vec::new();
    for path in [
        "case",
        "partitions",
        "clash",
        "cut",
        "encrypted",
        "long",
        "noise",
        "short",
        "empty",
        "middle",
        "text",
        "none",
        "nowhere",
        "none/*.parquet",
        "ftp://x/y",
        "data/[",
    ] {
        refusals.push(format!("{path}: {}", sources.refusal(path).await?));
    }
    insta::assert_snapshot!(refusals.join("\n"));
    Ok(())
}

/// A view `v` of two files of the source `s`, whose features are all columns of both but key and time.
fn two_files(features: &str, a: Table, b: Table) -> Result<Fixture> {
    let yaml = format!(
        "
entities: [{{name: e, join_keys: [{{name: k, type: int64}}]}}]
sources: [{{name: s, parquet: {{path: d}}, event_time: at}}]
feature_views: [{{name: v, entities: [e], source: s, features: [{features}]}}]
"
    );
    Fixture::new(&yaml)?
        .file("d/a.parquet", a.batch())?
        .file("d/b.parquet", b.batch())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_a_file_lacks_is_null_there_and_widths_may_differ() -> Result<()> {
    let fixture = two_files(
        "{name: x, type: int64}, {name: y, type: float64}, {name: old, type: string}, {name: new, type: int64, expr: 'coalesce(new, -1)'}",
        Table::new()
            .int32s("k", [1])
            .times("at", [5])
            .int32s("x", [7])
            .floats("y", [0.5])
            .strings("old", ["o"]),
        Table::new()
            .times("at", [5])
            .int64s("x", [1 << 40])
            .int64s("k", [2])
            .int64s("new", [3])
            .column("y", Arc::new(arrow::array::Float32Array::from(vec![1.5_f32]))),
    )?;
    let out = fixture
        .join_v(Table::new().int64s("k", [1, 2]).times("t", [9, 9]).batch())
        .await?;
    assert_eq!(show(&out, "x"), "7 1099511627776");
    assert_eq!(show(&out, "y"), "0.5 1.5");
    assert_eq!(show(&out, "old"), "o null");
    assert_eq!(show(&out, "new"), "-1 3");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_do_not_fit_together_are_refused_when_the_column_is_used() -> Result<()> {
    let file = || Table::new().int64s("k", [1]).times("at", [5]).int64s("y", [1]);
    let spine = || crate::fixture::batches(Table::new().int64s("k", [1]).times("t", [9]).batch());
    let unused = two_files(
        "{name: y, type: int64}",
        file().int64s("x", [1]),
        file().strings("x", ["a"]),
    )?;
    let out = unused
        .join_v(Table::new().int64s("k", [1]).times("t", [9]).batch())
        .await?;
    assert_eq!(show(&out, "y"), "1");
    let mut refusals = Vec::new();
    for fixture in [
        two_files(
            "{name: x, type: int64}",
            file().int64s("x", [1]),
            file().strings("x", ["a"]),
        )?,
        two_files(
            "{name: y, type: int64, expr: y + length(x)}",
            file().int64s("x", [1]),
            file().strings("x", ["a"]),
        )?,
        two_files(
            "{name: y, type: int64}",
            file(),
            Table::new().int64s("k", [1]).int64s("y", [1]),
        )?,
        two_files(
            "{name: y, type: int64}",
            Table::new().times("at", [1]).int64s("y", [1]),
            file(),
        )?,
    ] {
        refusals.push(fixture.refusal(spine()).await?.to_string());
    }
    insta::assert_snapshot!(refusals.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn row_groups_without_an_event_time_in_reach_are_not_read() -> Result<()> {
    let data = Table::new()
        .int64s("k", [1; 6])
        .times("at", [0, 1, 2, 100, 101, 102])
        .times("written", [None; 6])
        .int64s("x", [1, 2, 3, 4, 5, 6])
        .batch();
    let fixture = Fixture::simple("ttl: 50us, features: [{name: x, type: int64}]")?.file("data/a.parquet", data)?;
    let path = fixture.folder.file("data/a.parquet");
    let mut bytes = fs_err::read(&path)?;
    let reader = SerializedFileReader::new(fs_err::File::open(&path)?.into_file())?;
    let (start, length) = reader.metadata().row_group(0).column(3).byte_range();
    bytes[start as usize..(start + length) as usize].fill(0xff);
    fs_err::write(&path, bytes)?;
    let spine = |t: i64| Table::new().int64s("k", [1]).times("t", [t]).batch();
    assert_eq!(show(&fixture.join_v(spine(103)).await?, "x"), "6");
    assert!(fixture.join_v(spine(50)).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_may_lie_in_an_object_store() -> Result<()> {
    let Some(server) = MotoServer::start()? else {
        eprintln!("skipped: no moto_server on the PATH, and ASOF_TEST_MOTO_SERVER is not set");
        return Ok(());
    };
    let folder = TempRepository::new(&[])?;
    let mut storage = StorageOptions::new();
    storage.insert("s3://".to_owned(), server.options().into_iter().collect());
    let bucket = asof_storage::resolve(&server.url("lake"), folder.path(), &storage)?;
    for (path, k, x) in [
        ("day=1/a.parquet", 1, 10),
        ("day=2/b.parquet", 1, 20),
        ("day=1/_c.parquet", 1, 30),
    ] {
        let rows = Table::new().int64s("k", [k]).times("at", [5]).int64s("x", [x]).batch();
        write_parquet(folder.file("upload.parquet"), &[rows])?;
        let bytes = fs_err::read(folder.file("upload.parquet"))?;
        bucket.store.put(&format!("lake/{path}").into(), bytes.into()).await?;
    }
    let options = OfflineOptions {
        storage,
        ..OfflineOptions::new(folder.path())
    };
    let engine = OfflineEngine::new(options);
    let files = engine.source_files(&source(&server.url("lake/"))).await?;
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [server.url("lake/day=1/a.parquet"), server.url("lake/day=2/b.parquet")]
    );
    assert!(files.iter().all(|file| file.e_tag.is_some() && file.rows == 1));
    assert_eq!(engine.source_files(&source(&server.url("lake/*/a*"))).await?.len(), 1);
    let yaml = format!(
        "
entities: [{{name: e, join_keys: [{{name: k, type: int64}}]}}]
sources: [{{name: s, parquet: {{path: '{}'}}, event_time: at}}]
feature_views:
  - {{name: v, entities: [e], source: s, features: [{{name: x, type: int64}}, {{name: day, type: int64}}]}}
",
        server.url("lake")
    );
    let plan = Fixture::new(&yaml)?.plan(&["v"])?;
    let spine = crate::fixture::batches(Table::new().int64s("k", [1, 2]).times("t", [5, 5]).batch());
    let out = engine.training_set(&plan, spine, "t").await?.collect().await?;
    assert_eq!(
        (show(&out[0], "x"), show(&out[0], "day")),
        ("20 null".to_owned(), "2 null".to_owned())
    );
    Ok(())
}
