//! Spines: CSV and Parquet, and what is refused before anything is read.

use anyhow::Result;
use arrow::array::RecordBatch;
use asof_offline::Spine;
use asof_testkit::{Table, write_parquet};

use crate::fixture::{Fixture, batches, show};

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
    Ok(training_set.collect().await?.remove(0))
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

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_what_to_do() -> Result<()> {
    let fixture = fixture()?;
    let csv = |name: &str, text: &str| {
        fixture.folder.write(name, text)?;
        anyhow::Ok(Spine::Csv(fixture.folder.file(name)))
    };
    let table = Table::new;
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
