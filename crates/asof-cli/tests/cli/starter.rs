//! The starter repository: what a new user does first.

use anyhow::Result;
use asof_testkit::Asof;

use crate::asof;

fn started() -> Result<(tempfile::TempDir, Asof)> {
    let folder = tempfile::tempdir()?;
    asof(folder.path()).succeed(["init", "rides"])?;
    let asof = asof(folder.path().join("rides"));
    Ok((folder, asof))
}

#[test]
fn validate_counts_what_there_is() -> Result<()> {
    let (_folder, asof) = started()?;
    insta::assert_snapshot!(asof.succeed(["validate"])?, @"Project rides is valid: 1 entity, 1 source, 2 feature views, 1 on-demand feature view, 1 feature service");
    Ok(())
}

#[test]
fn a_saved_plan_refuses_another_version() -> Result<()> {
    let (_folder, asof) = started()?;
    asof.succeed(["plan", "--out", "first.plan"])?;
    asof.succeed(["apply", "first.plan"])?;
    let again = asof.run(["apply", "first.plan"])?;
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("version"), "{}", again.stderr);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&asof.succeed(["history", "--output", "json"])?)?
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    Ok(())
}

#[test]
fn nothing_is_done_before_the_first_apply() -> Result<()> {
    let (folder, asof) = started()?;
    let run = asof.run([
        "get-historical-features",
        "--service",
        "acceptance_model",
        "--spine",
        "spine.csv",
        "--out",
        "train.parquet",
    ])?;
    assert_eq!(run.code, Some(1));
    insta::assert_snapshot!(run.stderr, @"error: the registry has no version yet; run `asof apply` first");
    assert!(!folder.path().join("rides/train.parquet").exists());
    Ok(())
}
