//! Manifests: their format, what they say of a training set, and that no output has the manifest of another.

use std::path::Path;

use anyhow::{Context, Result};
use asof_offline::{
    ContentRecord, DefinitionRecord, Manifest, ManifestLabels, Spine, TrainingSetLabels, TrainingSetSelection,
    TrainingSetSummary, hash_file, manifest_path,
};
use asof_testkit::write_parquet;

use crate::fixture::{Fixture, rows, spine};

const V1: &str = include_str!("../fixtures/manifest/v1.json");

#[test]
fn a_manifest_of_the_first_format_is_read_and_written() -> Result<()> {
    let manifest = Manifest::decode("v1.json", V1)?;
    assert_eq!(manifest.encode(), V1);
    assert_eq!(manifest.registry_version, Some(3));
    assert_eq!(
        manifest.request,
        TrainingSetSelection::Service("delay_model".to_owned())
    );
    assert_eq!(manifest.spine.last, Some("2013-07-04T12:00:00.000001Z".parse()?));
    let content = ContentRecord {
        size: 2000,
        e_tag: None,
        footer_hash: Some("303132333435363738393a3b3c3d3e3f".to_owned()),
        modified: None,
    };
    assert_eq!(manifest.sources[1].files[0].content, content);
    assert_eq!(manifest.sources[1].files[0].row_groups_with_values, [2]);
    Ok(())
}

#[test]
fn other_files_are_no_manifests() {
    let refused = |text: &str| {
        let refused = Manifest::decode("m.json", text).map(|_| String::new());
        refused.unwrap_or_else(|error| error.to_string())
    };
    let said = [
        refused("PAR1"),
        refused("{}"),
        refused(&V1.replace("asof-training-set", "asof-registry-version")),
        refused(&V1.replace("\"format_version\": 1", "\"format_version\": 2")),
        refused(&V1.replace("\"as_of\"", "\"at\"")),
    ];
    insta::assert_snapshot!(said.join("\n"), @r"
    `m.json` cannot be read as the manifest of a training set: expected value at line 1 column 1
    `m.json` cannot be read as the manifest of a training set: missing field `format` at line 1 column 2
    `m.json` cannot be read as the manifest of a training set: its format is `asof-registry-version`, not `asof-training-set`
    `m.json` cannot be read as the manifest of a training set: it has format version 2, of a later Asof; this one reads up to 1
    `m.json` cannot be read as the manifest of a training set: missing field `as_of` at line 102 column 1
    ");
}

fn labels() -> TrainingSetLabels {
    TrainingSetLabels {
        project: "test".to_owned(),
        registry_version: Some(3),
        selection: TrainingSetSelection::Features(vec!["v".to_owned()]),
        manifest: Some(ManifestLabels {
            asof_version: "0.1.0".to_owned(),
            command: vec!["get-historical-features".to_owned()],
            definitions: vec![DefinitionRecord {
                kind: "source".to_owned(),
                name: "s".to_owned(),
                hash: "00".to_owned(),
            }],
            spine: "spine.parquet".to_owned(),
        }),
    }
}

fn fixture() -> Result<Fixture> {
    let fixture = Fixture::simple("features: [{name: x, type: int64}]")?
        .file("data/a.parquet", rows(&[(1, 10, None, 1), (2, 20, None, 2)]))?
        .file("data/b.parquet", rows(&[(1, 30, None, 3)]))?;
    write_parquet(
        fixture.folder.file("spine.parquet"),
        &[spine(&[1, 2, 3], &[35, 35, 35])],
    )?;
    Ok(fixture)
}

async fn write(fixture: &Fixture, out: &Path, labels: &TrainingSetLabels) -> Result<TrainingSetSummary> {
    let spine = Spine::file(fixture.folder.file("spine.parquet"));
    let (engine, plan) = (fixture.engine(3, 2), fixture.plan(&["v"])?);
    Ok(engine.write_training_set(&plan, spine, "t", out, labels).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_says_what_was_read_and_what_came_out() -> Result<()> {
    let fixture = fixture()?;
    let out = fixture.folder.file("out.parquet");
    let summary = write(&fixture, &out, &labels()).await?;
    let place = manifest_path(&out, false);
    assert_eq!(place.file_name().context("a name")?, "out.parquet.manifest.json");
    let text = fs_err::read_to_string(&place)?;
    let manifest = Manifest::decode("out", &text)?;
    assert_eq!(summary.manifest.as_ref(), Some(&manifest));
    assert_eq!(manifest.as_of, "t");
    assert_eq!(manifest.definitions, labels().manifest.context("labels")?.definitions);
    assert_eq!(
        (manifest.spine.rows, manifest.output.rows, manifest.output.columns),
        (3, 3, 3)
    );
    assert_eq!(manifest.spine.first, manifest.spine.last);
    let [source] = &manifest.sources[..] else {
        anyhow::bail!("one source was read");
    };
    let files: Vec<_> = source
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.rows))
        .collect();
    assert_eq!(files, [("data/a.parquet", 2), ("data/b.parquet", 1)]);
    let [file] = &manifest.output.files[..] else {
        anyhow::bail!("one file was written");
    };
    assert_eq!(file.path, "out.parquet");
    assert_eq!(file.bytes, fs_err::metadata(&out)?.len());
    assert_eq!(file.hash, hash_file(&out)?);
    // The same inputs, the same manifest.
    write(&fixture, &out, &labels()).await?;
    assert_eq!(fs_err::read_to_string(&place)?, text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_known_by_its_content_and_not_by_its_time() -> Result<()> {
    let fixture = fixture()?;
    let plan = fixture.plan(&["v"])?;
    let source = &plan.lookups[0].source;
    let records = async || anyhow::Ok(fixture.engine(1, 1).file_records(source).await?);
    let before = records().await?;
    // A copy, with another time and another inode.
    let path = fixture.folder.file("data/a.parquet");
    let bytes = fs_err::read(&path)?;
    fs_err::remove_file(&path)?;
    fs_err::write(&path, bytes)?;
    assert_eq!(records().await?, before);
    // As many rows and bytes, but another value.
    write_parquet(&path, &[rows(&[(1, 10, None, 1), (2, 20, None, 7)])])?;
    let after = records().await?;
    assert_ne!(after[0].content.footer_hash, before[0].content.footer_hash);
    assert_eq!(after[1], before[1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_never_has_the_manifest_of_another() -> Result<()> {
    let fixture = fixture()?;
    let out = fixture.folder.file("out.parquet");
    let place = manifest_path(&out, false);
    write(&fixture, &out, &labels()).await?;
    let (old, old_manifest) = (fs_err::read(&out)?, fs_err::read(&place)?);
    // A run that fails keeps both.
    let file = fixture.folder.file("data/b.parquet");
    let good = fs_err::read(&file)?;
    let mut bad = good.clone();
    bad[4..60].fill(0xff);
    fs_err::write(&file, bad)?;
    assert!(write(&fixture, &out, &labels()).await.is_err());
    assert_eq!((fs_err::read(&out)?, fs_err::read(&place)?), (old, old_manifest));
    // A run without a manifest takes the old one away.
    fs_err::write(&file, good)?;
    let without = TrainingSetLabels {
        manifest: None,
        ..labels()
    };
    let summary = write(&fixture, &out, &without).await?;
    assert!(summary.manifest.is_none() && out.exists() && !place.exists());
    // A manifest that cannot be placed: nothing is replaced by something without one.
    fs_err::create_dir(&place)?;
    let before = fs_err::read(&out)?;
    assert!(write(&fixture, &out, &labels()).await.is_err());
    assert_eq!(fs_err::read(&out)?, before);
    let mut left = Vec::new();
    for entry in fs_err::read_dir(fixture.folder.path())? {
        left.push(entry?.file_name().to_string_lossy().into_owned());
    }
    left.retain(|name| name.contains("partial"));
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}
