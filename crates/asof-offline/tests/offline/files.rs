//! Files as they are in the wild: of other writers, damaged, changed while they are read, and on web servers.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray, StructArray};
use arrow::datatypes::Int64Type;
use asof_offline::{OfflineEngine, OfflineError, OfflineOptions, TrainingSetOutput};
use asof_storage::StorageOptions;
use asof_testkit::{MotoServer, Table, TempRepository, write_parquet, write_parquet_in_row_groups};
use object_store::ObjectStoreExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, GzipLevel};
use parquet::data_type::{Int64Type as PhysicalInt64, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::fixture::{Fixture, batches, rows, show, spine};
use crate::web::{Ranges, WebServer};

/// A view `v` of the key `k`, over a source at `path` with the event time `at`.
fn yaml(path: &str, features: &str) -> String {
    format!(
        "
entities: [{{name: e, join_keys: [{{name: k, type: int64}}]}}]
sources: [{{name: s, parquet: {{path: '{path}'}}, event_time: at}}]
feature_views: [{{name: v, entities: [e], source: s, features: [{features}]}}]
"
    )
}

const X: &str = "{name: x, type: int64}";

fn data() -> RecordBatch {
    rows(&[(1, 5, None, 10), (2, 6, None, 20), (1, 7, None, 30), (2, 8, None, 40)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_on_a_web_server_is_a_source() -> Result<()> {
    let folder = TempRepository::new(&[])?;
    write_parquet_in_row_groups(folder.file("a b.parquet"), &[data()], 3)?;
    let server = WebServer::start(folder.path().to_owned(), Ranges::Given).await?;
    let out = Fixture::new(&yaml(&server.url("a%20b.parquet"), X))?
        .join_v(spine(&[1, 2], &[7, 7]))
        .await?;
    assert_eq!(show(&out, "x"), "30 20");
    let deaf = WebServer::start(folder.path().to_owned(), Ranges::Ignored).await?;
    let mut refusals = Vec::new();
    for url in [
        server.url("b.parquet"),
        server.url(""),
        server.url("x/*.parquet"),
        deaf.url("a%20b.parquet"),
    ] {
        let refusal = Fixture::new(&yaml(&url, X))?
            .refusal(batches(spine(&[1], &[7])))
            .await?;
        let (server, deaf) = (server.url(""), deaf.url(""));
        refusals.push(
            refusal
                .to_string()
                .replace(&server, "http://web/")
                .replace(&deaf, "http://deaf/"),
        );
    }
    insta::assert_snapshot!(refusals.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_is_read_is_noticed() -> Result<()> {
    let fixture = Fixture::new(&yaml("data", X))?.file("data/a.parquet", data())?;
    let engine = fixture.engine(2, 10);
    let path = fixture.folder.file("data/a.parquet");
    let training_set = engine
        .training_set(&fixture.plan(&["v"])?, batches(spine(&[1], &[7])), "t")
        .await?;
    // Other data of another length, in the place of what was opened.
    write_parquet(&path, &[data(), data()])?;
    let changed = training_set.collect().await.err().context("the file changed")?;
    assert!(
        matches!(&changed, OfflineError::FileChanged { file, .. } if file == "data/a.parquet"),
        "{changed}"
    );
    let training_set = engine
        .training_set(&fixture.plan(&["v"])?, batches(spine(&[1], &[7])), "t")
        .await?;
    fs_err::remove_file(&path)?;
    let gone = training_set.collect().await.err().context("the file is gone")?;
    assert!(
        gone.to_string()
            .starts_with("`data/a.parquet` changed while it was read: it is gone"),
        "{gone}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changes_while_it_is_read_is_noticed() -> Result<()> {
    let Some(server) = MotoServer::start()? else {
        eprintln!("skipped: no moto_server on the PATH, and ASOF_TEST_MOTO_SERVER is not set");
        return Ok(());
    };
    let folder = TempRepository::new(&[])?;
    let storage = StorageOptions::from([("s3://".to_owned(), server.options().into_iter().collect())]);
    let bucket = asof_storage::resolve(&server.url(""), folder.path(), &storage)?;
    let put = async |x: i64| -> Result<()> {
        write_parquet(folder.file("upload.parquet"), &[rows(&[(1, 5, None, x)])])?;
        let bytes = fs_err::read(folder.file("upload.parquet"))?;
        bucket.store.put(&"data/a.parquet".into(), bytes.into()).await?;
        Ok(())
    };
    put(10).await?;
    let engine = OfflineEngine::new(OfflineOptions {
        storage,
        ..OfflineOptions::new(folder.path())
    });
    let plan = Fixture::new(&yaml(&server.url("data"), X))?.plan(&["v"])?;
    let unchanged = engine.training_set(&plan, batches(spine(&[1], &[7])), "t").await?;
    assert_eq!(show(&unchanged.collect().await?[0], "x"), "10");
    let training_set = engine.training_set(&plan, batches(spine(&[1], &[7])), "t").await?;
    // Of the same length, so that only the tag tells.
    put(11).await?;
    let changed = training_set.collect().await.err().context("the object changed")?;
    assert!(matches!(changed, OfflineError::FileChanged { .. }), "{changed}");
    Ok(())
}

/// Where the column chunk of a column of the first row group lies.
fn chunk(path: &Path, column: usize) -> Result<std::ops::Range<usize>> {
    let reader = SerializedFileReader::new(fs_err::File::open(path)?.into_file())?;
    let (start, length) = reader.metadata().row_group(0).column(column).byte_range();
    Ok(start as usize..(start + length) as usize)
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_pages_are_named_by_file_row_group_and_column() -> Result<()> {
    let mut refusals = Vec::new();
    for (column, name) in ["k", "at", "written", "x"].into_iter().enumerate() {
        let fixture = Fixture::simple(&format!("features: [{X}]"))?.file("data/a.parquet", data())?;
        let path = fixture.folder.file("data/a.parquet");
        let mut bytes = fs_err::read(&path)?;
        bytes[chunk(&path, column)?].fill(0xff);
        fs_err::write(&path, bytes)?;
        let refusal = fixture.refusal(batches(spine(&[1, 2], &[9, 9]))).await?.to_string();
        let said = refusal.split(": ").next().unwrap_or_default();
        refusals.push(format!("{name}: {said}"));
    }
    insta::assert_snapshot!(refusals.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_damage_makes_it_panic() -> Result<()> {
    let fixture = Fixture::simple(&format!("features: [{X}]"))?.file("data/a.parquet", data())?;
    let path = fixture.folder.file("data/a.parquet");
    let whole = fs_err::read(&path)?;
    let mut refused = 0;
    // All over the file, and where decoders have panicked: in a page's header, the number of rows, a type.
    for at in (0..whole.len()).step_by(4).chain([207, 1234, 2051]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs_err::write(&path, bytes)?;
        let engine = fixture.engine(1, 10);
        let plan = fixture.plan(&["v"])?;
        let ended = match engine.training_set(&plan, batches(spine(&[1, 2], &[9, 9])), "t").await {
            Ok(training_set) => training_set.collect().await.err(),
            Err(error) => Some(error),
        };
        if let Some(error) = ended {
            refused += 1;
            let text = error.to_string();
            assert!(text.contains("data/a.parquet"), "byte {at}: {text}");
            assert!(!text.contains("panic"), "byte {at}: {text}");
        }
    }
    assert!(refused > 10, "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn times_of_96_bits_reach_as_far_as_ours() -> Result<()> {
    let folder = TempRepository::new(&[])?;
    let schema = parse_message_type("message m { required int64 k; optional int96 at; required int64 x; }")?;
    let file = fs_err::File::create(folder.file("a.parquet"))?;
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(WriterProperties::default()))?;
    let mut group = writer.next_row_group()?;
    let ints = |values: &[i64]| values.to_vec();
    // Days since -4713 and nanoseconds of the day: half a microsecond before 1970, and a time in the year 9999.
    let time = |day: u32, nanos: u64| {
        let mut time = Int96::new();
        time.set_data(nanos as u32, (nanos >> 32) as u32, day);
        time
    };
    let day = 86_400_000_000_000_u64;
    let times = [time(2_440_587, day - 500), time(5_373_484, 1_500)];
    let mut column = group.next_column()?.context("k")?;
    column
        .typed::<PhysicalInt64>()
        .write_batch(&ints(&[1, 2, 3]), None, None)?;
    column.close()?;
    let mut column = group.next_column()?.context("at")?;
    column
        .typed::<Int96Type>()
        .write_batch(&times, Some(&[1, 1, 0]), None)?;
    column.close()?;
    let mut column = group.next_column()?.context("x")?;
    column
        .typed::<PhysicalInt64>()
        .write_batch(&ints(&[10, 20, 30]), None, None)?;
    column.close()?;
    group.close()?;
    writer.close()?;
    let fixture = Fixture::new(&yaml(&folder.file("a.parquet").display().to_string(), X))?;
    let far = 253_402_300_800_000_000 - 86_400_000_000 + 1;
    let out = fixture
        .join_v(spine(&[1, 1, 2, 2, 3], &[-1, -2, far, far - 1, far]))
        .await?;
    assert_eq!(show(&out, "x"), "10 null 20 null null");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_columns_pass_and_their_fields_are_features() -> Result<()> {
    let nested = StructArray::try_from(vec![
        ("a", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef),
        ("b", Arc::new(StringArray::from(vec!["p", "q"])) as ArrayRef),
    ])?;
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]);
    let file = || {
        Table::new()
            .int64s("k", [1, 2])
            .times("at", [5, 5])
            .column("s", Arc::new(nested.clone()))
            .column("l", Arc::new(lists.clone()))
            .batch()
    };
    let features = "
      {name: a, type: int64, expr: 's.a + 1'}, {name: b, type: string, expr: 's.b'}, {name: l, type: array<int64>}";
    let fixture = Fixture::new(&yaml("d", features))?.file("d/a.parquet", file())?;
    let out = fixture.join_v(spine(&[1, 2], &[9, 9])).await?;
    assert_eq!(
        (show(&out, "a"), show(&out, "b")),
        ("2 null".to_owned(), "p q".to_owned())
    );
    assert_eq!(show(&out, "l"), "[1, null] null");
    let fixture = Fixture::new(&yaml("d", "{name: s, type: string}"))?.file("d/a.parquet", file())?;
    let refusal = fixture.refusal(batches(spine(&[1], &[9]))).await?;
    insta::assert_snapshot!(refusal);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_usual_compression_is_read() -> Result<()> {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ] {
        let fixture = Fixture::simple(&format!("features: [{X}]"))?;
        fs_err::create_dir_all(fixture.folder.file("data"))?;
        let properties = WriterProperties::builder().set_compression(compression).build();
        let file = fs_err::File::create(fixture.folder.file("data/a.parquet"))?;
        let mut writer = ArrowWriter::try_new(file, data().schema(), Some(properties))?;
        writer.write(&data())?;
        writer.close()?;
        let out = fixture.join_v(spine(&[1, 2], &[7, 7])).await?;
        assert_eq!(show(&out, "x"), "30 20", "{compression}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spine_of_few_keys_reads_only_where_they_can_be() -> Result<()> {
    let sorted: Vec<_> = (0..90).map(|n| (n, 5, Some(n), n * 10)).collect();
    // Ten row groups of three times three rows each; see `Fixture::file`.
    let fixture = Fixture::simple(&format!("features: [{X}]"))?.file("data/a.parquet", rows(&sorted))?;
    let out = fixture.folder.file("out.parquet");
    write_parquet(
        fixture.folder.file("spine.parquet"),
        &[spine(&[4, 50, 1000], &[9, 9, 9])],
    )?;
    let spine = asof_offline::Spine::file(fixture.folder.file("spine.parquet"));
    let plan = fixture.plan(&["v"])?;
    let labels = crate::output::labels();
    let engine = fixture.engine(2, 10);
    let summary = engine
        .write_training_set(&plan, spine, "t", TrainingSetOutput::from(&out), &labels)
        .await?;
    let view = &summary.report.views[0];
    assert_eq!(
        (view.row_groups, view.row_groups_read, view.row_groups_pruned_by_key),
        (30, 2, 28)
    );
    assert_eq!((view.rows_probed, view.winners, view.lookups[0].matched), (6, 2, 2));
    Ok(())
}

/// A table written by delta-rs: partitioned, a row deleted, a checkpoint, and a commit after it. The files that no longer
/// belong to it lie in its folder still.
fn delta_table() -> Result<TempRepository> {
    let folder = TempRepository::new(&[])?;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/delta");
    let mut folders = vec![fixture.clone()];
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let to = folder.file("table").join(path.strip_prefix(&fixture)?);
            fs_err::create_dir_all(to.parent().context("in a folder")?)?;
            fs_err::copy(&path, to)?;
        }
    }
    Ok(folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_table_is_read_as_its_log_says() -> Result<()> {
    let folder = delta_table()?;
    let features = "{name: x, type: int64}, {name: shop, type: string}, {name: d, type: int64, expr: 'day(day)'}";
    let path = folder.file("table").display().to_string();
    let fixture = Fixture::new(&yaml(&path, &features.replace("day(day)", "date_part(''day'', day)")))?;
    let late = 1_800_000_000_000_000;
    let out = fixture.join_v(spine(&[1, 2, 3, 4], &[late; 4])).await?;
    assert_eq!(show(&out, "x"), "null 20 30 40");
    assert_eq!(show(&out, "shop"), "null a b a b a b");
    assert_eq!(show(&out, "d"), "null 1 2 2");
    // Its files by a pattern are just files, with the row that was deleted.
    let fixture = Fixture::new(&yaml(&format!("{path}/day=*/*/*.parquet"), X))?;
    let out = fixture.join_v(spine(&[1], &[late])).await?;
    assert_eq!(show(&out, "x"), "10");
    // Without the commit that it rests on, there is no telling.
    fs_err::remove_file(folder.file("table/_delta_log/00000000000000000002.checkpoint.parquet"))?;
    fs_err::remove_file(folder.file("table/_delta_log/00000000000000000001.json"))?;
    let refusal = Fixture::new(&yaml(&path, X))?
        .refusal(batches(spine(&[1], &[late])))
        .await?;
    assert!(
        refusal.to_string().ends_with("cannot be read: its log lacks version 1"),
        "{refusal}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_other_formats_are_refused() -> Result<()> {
    let mut refusals = Vec::new();
    for file in [
        "t/metadata/v1.metadata.json",
        "t/.hoodie/hoodie.properties",
        "t/x/_delta_log/00000000000000000000.json",
    ] {
        let fixture = Fixture::new(&yaml("t", X))?.file("t/data/a.parquet", data())?;
        fixture.folder.write(file, "{}")?;
        refusals.push(fixture.refusal(batches(spine(&[1], &[9]))).await?.to_string());
    }
    insta::assert_snapshot!(refusals.join("\n"));
    Ok(())
}
