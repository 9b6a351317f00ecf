//! Spines: CSV and Parquet, and what is refused before anything is read.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::types::IntervalDayTime;
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, Date32Array, Decimal128Array, DictionaryArray,
    DurationSecondArray, FixedSizeBinaryArray, Float16Array, Int16Array, Int32Array, IntervalDayTimeArray,
    LargeStringArray, ListArray, NullArray, RecordBatch, StructArray, Time64NanosecondArray, TimestampNanosecondArray,
    UInt64Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Float16Type, Int8Type, Int32Type, Int64Type};
use asof_offline::{OfflineEngine, OfflineOptions, Spine};
use asof_storage::StorageOptions;
use asof_testkit::{MotoServer, Table, read_parquet, write_parquet};
use object_store::ObjectStoreExt;

use crate::fixture::{Fixture, batches, show};
use crate::output::labels;

fn fixture() -> Result<Fixture> {
    let data = Table::new()
        .int64s("k", [1, 2])
        .times("at", [0, 0])
        .times("written", [None, None])
        .int64s("x", [10, 20])
        .batch();
    Fixture::simple("features: [{name: x, type: int64}]")?.file("data/a.parquet", data)
}

async fn joined(fixture: &Fixture, spine: Spine) -> Result<RecordBatch> {
    let training_set = fixture
        .engine(2, 100)
        .training_set(&fixture.plan(&["v"])?, spine, "t")
        .await?;
    let schema = Arc::clone(training_set.schema());
    Ok(concat_batches(&schema, &training_set.collect().await?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_spine_has_its_declared_types_and_infers_the_others() -> Result<()> {
    let fixture = fixture()?;
    let csv =
        "note,k,t,score,empty\n\"a, b\",1,2013-01-01,1.5,\n,2,2013-01-01 10:00:00,,\nc,,2013-01-01T00:00:00+02:00,3,\n";
    fixture.folder.write("spine.csv", csv)?;
    let out = joined(&fixture, Spine::file(fixture.folder.file("spine.csv"))).await?;
    let types: Vec<_> = out
        .schema()
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), field.data_type()))
        .collect();
    assert_eq!(
        types,
        [
            "note Utf8",
            "k Int64",
            "t Timestamp(µs, \"UTC\")",
            "score Float64",
            "empty Utf8",
            "x Int64"
        ]
    );
    assert_eq!(show(&out, "x"), "10 20 null");
    assert_eq!(show(&out, "k"), "1 2 null");
    assert_eq!(show(&out, "score"), "1.5 null 3.0");
    assert_eq!(show(&out, "note"), "a, b null c");
    assert_eq!(show(&out, "empty"), "null null null");
    assert_eq!(
        show(&out, "t"),
        "2013-01-01T00:00:00Z 2013-01-01T10:00:00Z 2012-12-31T22:00:00Z"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_key_of_digits_stays_text_when_the_key_is_text() -> Result<()> {
    let yaml = "
entities: [{name: e, join_keys: [{name: k, type: string}]}]
sources: [{name: s, parquet: {path: data}, event_time: at}]
feature_views:
  - {name: v, entities: [e], source: s, features: [{name: x, type: int64}]}
";
    let data = Table::new()
        .strings("k", ["007"])
        .times("at", [0])
        .int64s("x", [1])
        .batch();
    let fixture = Fixture::new(yaml)?.file("data/a.parquet", data)?;
    fixture
        .folder
        .write("spine.csv", "k,t\n007,2013-01-01\n7,2013-01-01\n")?;
    let out = joined(&fixture, Spine::file(fixture.folder.file("spine.csv"))).await?;
    assert_eq!(
        (show(&out, "k"), show(&out, "x")),
        ("007 7".to_owned(), "1 null".to_owned())
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_column_of_codes_stays_text() -> Result<()> {
    let fixture = fixture()?;
    let csv = "zip,k,t,part,share,sum\n07030,1,2013-01-01,,0.50,0\n10001,2,2013-01-01,-012,0,-10\n";
    fixture.folder.write("spine.csv", csv)?;
    let out = joined(&fixture, Spine::file(fixture.folder.file("spine.csv"))).await?;
    assert_eq!(show(&out, "zip"), "07030 10001");
    assert_eq!(show(&out, "part"), "null -012");
    assert_eq!(show(&out, "share"), "0.5 0.0");
    assert_eq!(show(&out, "sum"), "0 -10");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_spine_is_read_whole() -> Result<()> {
    let fixture = fixture()?;
    let spine = Table::new().int64s("k", [2, 1]).times("t", [0, -1]).batch();
    write_parquet(fixture.folder.file("spine.parquet"), &[spine])?;
    let out = joined(&fixture, Spine::file(fixture.folder.file("spine.parquet"))).await?;
    assert_eq!(show(&out, "x"), "20 null");
    Ok(())
}

/// Rows of a spine: keys, a time for all, and a note.
fn noted(keys: &[i64], note: &str) -> RecordBatch {
    Table::new()
        .int64s("k", keys.iter().copied())
        .times("t", keys.iter().map(|_| 0))
        .strings("note", keys.iter().map(|_| note))
        .batch()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_a_pattern_and_a_url_are_one_spine_in_the_order_of_paths() -> Result<()> {
    let fixture = fixture()?;
    let place = |path: &str| fixture.folder.file(path).display().to_string();
    write_parquet(place("spine/b.parquet"), &[noted(&[1, 7], "b")])?;
    // Narrower keys, and another order of columns.
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![2]));
    let first = Table::new()
        .strings("note", ["a"])
        .column("k", narrow)
        .times("t", [0])
        .batch();
    write_parquet(place("spine/a.parquet"), &[first])?;
    write_parquet(place("spine/_aside.parquet"), &[noted(&[9], "aside")])?;
    fixture.folder.write("spine.csv", "k,t,note\n2,1970-01-01,csv\n")?;
    for (location, notes) in [
        (place("spine"), "a b b"),
        (place("spine/*b.parquet"), "b b"),
        (format!("file://{}", place("spine/b.parquet")), "b b"),
        (place("spine/b.parquet"), "b b"),
        (place("spine.csv"), "csv"),
        (format!("file://{}", place("spine.csv")), "csv"),
    ] {
        let out = joined(&fixture, Spine::Location(location.clone())).await?;
        assert_eq!(show(&out, "note"), notes, "{location}");
    }
    let out = joined(&fixture, Spine::Location(place("spine"))).await?;
    assert_eq!(
        (show(&out, "k"), show(&out, "x")),
        ("2 1 7".to_owned(), "20 10 null".to_owned())
    );
    let names: Vec<_> = out.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["note", "k", "t", "x"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_a_spine_that_are_named_key_value_become_columns() -> Result<()> {
    let fixture = fixture()?;
    for (folder, note) in [("k=1/fold=a", "one"), ("k=2/fold=b", "two")] {
        let rows = Table::new().times("t", [0]).strings("note", [note]).batch();
        write_parquet(fixture.folder.file(&format!("spine/{folder}/x.parquet")), &[rows])?;
    }
    let location = fixture.folder.file("spine").display().to_string();
    let out = joined(&fixture, Spine::Location(location)).await?;
    assert_eq!(
        (show(&out, "k"), show(&out, "fold")),
        ("1 2".to_owned(), "a b".to_owned())
    );
    assert_eq!(
        (show(&out, "note"), show(&out, "x")),
        ("one two".to_owned(), "10 20".to_owned())
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spine_may_lie_in_an_object_store() -> Result<()> {
    let Some(server) = MotoServer::start()? else {
        eprintln!("skipped: no moto_server on the PATH, and ASOF_TEST_MOTO_SERVER is not set");
        return Ok(());
    };
    let fixture = fixture()?;
    let mut storage = StorageOptions::new();
    storage.insert("s3://".to_owned(), server.options().into_iter().collect());
    let bucket = asof_storage::resolve(&server.url("lake"), fixture.folder.path(), &storage)?;
    for (path, keys) in [("2.parquet", [1, 2]), ("1.parquet", [2, 3])] {
        write_parquet(fixture.folder.file(path), &[noted(&keys, path)])?;
        let bytes = fs_err::read(fixture.folder.file(path))?;
        bucket.store.put(&format!("lake/{path}").into(), bytes.into()).await?;
    }
    bucket
        .store
        .put(&"lake/s.csv".into(), "k,t\n2,1970-01-01\n".into())
        .await?;
    let engine = OfflineEngine::new(OfflineOptions {
        storage,
        ..OfflineOptions::new(fixture.folder.path())
    });
    for (path, expected) in [
        ("lake/", "20 null 10 20"),
        ("lake/2.parquet", "10 20"),
        ("lake/s.csv", "20"),
    ] {
        let spine = Spine::Location(server.url(path));
        let training_set = engine.training_set(&fixture.plan(&["v"])?, spine, "t").await?;
        let schema = Arc::clone(training_set.schema());
        let out = concat_batches(&schema, &training_set.collect().await?)?;
        assert_eq!(show(&out, "x"), expected, "{path}");
    }
    Ok(())
}

/// Columns of every kind that has nothing to do with features, of two rows each.
fn of_every_kind() -> RecordBatch {
    let dictionary: DictionaryArray<Int32Type> = [Some("x"), None].into_iter().collect();
    let decimals = Decimal128Array::from(vec![Some(12_345), None]).with_precision_and_scale(12, 2);
    let inner = Arc::new(Field::new("n", DataType::Int16, true));
    let numbers: ArrayRef = Arc::new(Int16Array::from(vec![Some(-3), None]));
    let structs = StructArray::from(vec![(inner, numbers)]);
    let lists = ListArray::from_iter_primitive::<Int8Type, _, _>([Some(vec![Some(1), None]), None]);
    let views = BinaryViewArray::from_iter([Some(b"a value that is too long to be stored inline".as_slice()), None]);
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some([1_u8, 2]), None].into_iter(), 2);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("dictionary", Arc::new(dictionary)),
        (
            "decimal",
            Arc::new(decimals.expect("five digits are fewer than twelve")),
        ),
        ("struct", Arc::new(structs)),
        ("list", Arc::new(lists)),
        ("date", Arc::new(Date32Array::from(vec![Some(15_706), None]))),
        ("time", Arc::new(Time64NanosecondArray::from(vec![Some(1), None]))),
        (
            "stamp",
            Arc::new(TimestampNanosecondArray::from(vec![Some(1), None]).with_timezone("+02:00")),
        ),
        (
            "interval",
            Arc::new(IntervalDayTimeArray::from(vec![Some(IntervalDayTime::new(1, 2)), None])),
        ),
        ("duration", Arc::new(DurationSecondArray::from(vec![Some(7), None]))),
        ("binary_view", Arc::new(views)),
        ("fixed", Arc::new(fixed.expect("two bytes each"))),
        ("large_text", Arc::new(LargeStringArray::from(vec![Some("text"), None]))),
        ("unsigned", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        (
            "half",
            Arc::new(
                [Some(<Float16Type as ArrowPrimitiveType>::Native::ONE), None]
                    .into_iter()
                    .collect::<Float16Array>(),
            ),
        ),
        ("null", Arc::new(NullArray::new(2))),
    ];
    let columns = columns
        .into_iter()
        .fold(Table::new(), |table, (name, array)| table.column(name, array));
    columns.int64s("k", [1, 2]).times("t", [0, 0]).batch()
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_every_type_pass_through_files_as_they_are() -> Result<()> {
    let fixture = fixture()?;
    let rows = of_every_kind();
    let expected = rows.columns().to_vec();
    let file = fixture.folder.file("spine.parquet");
    write_parquet(&file, std::slice::from_ref(&rows))?;
    let out = fixture.folder.file("out.parquet");
    for spine in [batches(rows), Spine::file(file)] {
        let joined = joined(&fixture, spine.clone()).await?;
        let engine = fixture.engine(2, 100);
        engine
            .write_training_set(&fixture.plan(&["v"])?, spine, "t", &out, &labels())
            .await?;
        let written = read_parquet(&out)?.remove(0);
        for (column, expected) in expected.iter().enumerate() {
            assert_eq!(joined.column(column), expected);
            assert_eq!(written.column(column), expected);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_spine_that_is_too_long_for_memory_is_kept_in_a_file() -> Result<()> {
    let fixture = fixture()?;
    let mut csv = "k,t,n,note\n".to_owned();
    let rows = 40_000;
    for row in 0..rows {
        let note = "x".repeat(200 + row % 100);
        writeln!(csv, "{},1970-01-01,{row},{note}", row % 3)?;
    }
    fixture.folder.write("spine.csv", &csv)?;
    let out = joined(&fixture, Spine::file(fixture.folder.file("spine.csv"))).await?;
    assert_eq!(out.num_rows(), rows);
    let numbers = out.column_by_name("n").context("a column")?.as_primitive::<Int64Type>();
    assert!(numbers.values().iter().copied().eq(0..rows as i64));
    let notes = out.column_by_name("note").context("a column")?.as_string::<i32>();
    assert!(
        notes
            .iter()
            .enumerate()
            .all(|(row, note)| note.is_some_and(|note| note.len() == 200 + row % 100))
    );
    let x = out.column_by_name("x").context("a column")?;
    assert_eq!(x.null_count(), rows.div_ceil(3), "the key 0 is unknown");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_what_to_do() -> Result<()> {
    let fixture = fixture()?;
    let csv = |name: &str, text: &str| {
        fixture.folder.write(name, text)?;
        anyhow::Ok(Spine::Csv(fixture.folder.file(name)))
    };
    let table = Table::new;
    let differing = |name: &str, second: Table| {
        write_parquet(fixture.folder.file(&format!("{name}/1.parquet")), &[noted(&[1], "a")])?;
        write_parquet(fixture.folder.file(&format!("{name}/2.parquet")), &[second.batch()])?;
        anyhow::Ok(Spine::Location(fixture.folder.file(name).display().to_string()))
    };
    fixture.folder.write("no.parquet", "text")?;
    let spines = [
        ("all missing", batches(table().int64s("a", [1]).batch())),
        ("key type", batches(table().strings("k", ["1"]).times("t", [1]).batch())),
        ("float key", batches(table().floats("k", [1.0]).times("t", [1]).batch())),
        (
            "time type",
            batches(table().int64s("k", [1]).strings("t", ["2013-01-01"]).batch()),
        ),
        (
            "null time",
            batches(table().int64s("k", [1, 1]).times("t", [Some(1), None]).batch()),
        ),
        (
            "clash",
            batches(table().int64s("k", [1]).times("t", [1]).bools("x", [true]).batch()),
        ),
        (
            "twice",
            batches(table().int64s("k", [1]).int64s("k", [1]).times("t", [1]).batch()),
        ),
        ("cell", csv("cell.csv", "k,t\n1,2013-01-01\nx1,2013-01-01\n")?),
        ("csv time", csv("time.csv", "k,t\n1,yesterday\n")?),
        ("csv null time", csv("null.csv", "k,t\n1,2013-01-01\n1,\n")?),
        ("ragged", csv("ragged.csv", "k,t\n1,2013-01-01,3\n")?),
        (
            "no files",
            Spine::Location(fixture.folder.file("data/*.orc").display().to_string()),
        ),
        ("no store", Spine::Location("ftp://host/spine.parquet".to_owned())),
        (
            "files differ",
            differing("differ", table().int64s("k", [1]).times("t", [1]))?,
        ),
        (
            "types differ",
            differing(
                "types",
                table().strings("k", ["1"]).times("t", [1]).strings("note", [""]),
            )?,
        ),
        ("no file", Spine::file(fixture.folder.file("nowhere.parquet"))),
        ("no parquet", Spine::file(fixture.folder.file("no.parquet"))),
    ];
    let mut refusals = Vec::new();
    for (name, spine) in spines {
        let refusal = fixture.refusal(spine).await?.to_string();
        let folder = fixture.folder.path().display().to_string();
        refusals.push(format!("{name}: {}", refusal.replace(&folder, "<repo>")));
    }
    insta::assert_snapshot!(refusals.join("\n"));
    Ok(())
}
