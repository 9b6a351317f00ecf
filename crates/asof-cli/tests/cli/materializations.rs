//! `asof materializations`: runs that were killed or stopped are listed, go on, or are ended.

use std::process::{Child, Stdio};

use anyhow::{Context, Result};
use asof_testkit::{Asof, Table, write_parquet};
use serde_json::Value;

use crate::{asof, signal};

const SETTINGS: &str = "project: shops\nregistry: registry\nonline_store: {type: embedded, path: online}\n";

const DEFINITIONS: &str = "
entities: [{name: shop, join_keys: [{name: shop, type: int64}]}]
sources: [{name: sales, parquet: {path: sales/}, event_time: at}]
feature_views: [{name: sales, entities: [shop], source: sales, features: [{name: amount, type: int64}]}]
";

const FILES: i64 = 40;
const ROWS: i64 = 200;
const END: &str = "2026-01-01T00:00:00Z";

/// A view of many small files, each a shard of its own.
fn shops(folder: &std::path::Path) -> Result<Asof> {
    let asof = asof(folder);
    fs_err::write(folder.join("feature_store.yaml"), SETTINGS)?;
    fs_err::write(folder.join("all.yaml"), DEFINITIONS)?;
    for file in 0..FILES {
        let shops = file * ROWS..(file + 1) * ROWS;
        let rows = Table::new()
            .int64s("shop", shops.clone())
            .times("at", shops.clone())
            .int64s("amount", shops.map(|shop| shop * 3))
            .batch();
        write_parquet(folder.join(format!("sales/{file:02}.parquet")), &[rows])?;
    }
    asof.succeed(["apply"])?;
    Ok(asof)
}

fn materialize() -> Vec<&'static str> {
    vec!["materialize-incremental", "--to", END, "--rows-per-shard", "1"]
}

fn runs(asof: &Asof) -> Result<Vec<Value>> {
    let listed = asof.succeed(["materializations", "list", "--output", "json"])?;
    let listed: Value = serde_json::from_str(&listed)?;
    Ok(listed.as_array().context("a list")?.clone())
}

/// What a refused command says.
fn refused<'a>(asof: &Asof, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
    let run = asof.run(arguments)?;
    anyhow::ensure!(run.code == Some(1), "exit code {:?}\n{}", run.code, run.stdout);
    Ok(run.stderr.trim_end().to_owned())
}

fn done(run: &Value) -> usize {
    let shards = run["shards"].as_array().map(Vec::as_slice).unwrap_or_default();
    shards.iter().filter(|shard| shard["state"] == "done").count()
}

/// Starts a run and returns once some of its shards are done; `None` when it was over before that was seen.
fn begun(asof: &Asof, folder: &std::path::Path) -> Result<Option<Child>> {
    let mut child = asof
        .command(materialize())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    loop {
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        let noted = walk(&folder.join("registry/runs"))?;
        if noted > 5 {
            return Ok(Some(child));
        }
        std::thread::yield_now();
    }
}

/// How many objects there are below a folder.
fn walk(folder: &std::path::Path) -> Result<usize> {
    let mut found = 0;
    let Ok(entries) = fs_err::read_dir(folder) else {
        return Ok(0);
    };
    for entry in entries {
        let path = entry?.path();
        found += if path.is_dir() { walk(&path)? } else { 1 };
    }
    Ok(found)
}

/// A run that was interrupted by a signal before it was over.
fn interrupted(name: &str) -> Result<(tempfile::TempDir, Asof, String)> {
    for _ in 0..20 {
        let folder = tempfile::tempdir()?;
        let asof = shops(folder.path())?;
        let Some(child) = begun(&asof, folder.path())? else {
            continue;
        };
        signal(child.id(), name)?;
        let ended = child.wait_with_output()?;
        if !ended.status.success() {
            return Ok((folder, asof, String::from_utf8(ended.stderr)?));
        }
    }
    anyhow::bail!("no run was caught at work")
}

#[test]
fn a_killed_run_is_listed_and_goes_on_where_it_was() -> Result<()> {
    let (_folder, asof, _) = interrupted("KILL")?;
    let listed = runs(&asof)?;
    assert_eq!(listed.len(), 1);
    let before = done(&listed[0]);
    assert!(before < FILES as usize, "it was not over");
    assert_eq!(listed[0]["state"], "left");
    assert_eq!(listed[0]["rows"]["planned"], FILES * ROWS);
    let name = listed[0]["run"].as_str().context("a name")?.to_owned();
    let shown = asof.succeed(["materializations", "show", &name])?;
    assert!(
        shown.contains("what was not online up to 2026-01-01T00:00:00Z"),
        "{shown}"
    );
    assert!(shown.contains("200 rows"), "{shown}");

    asof.succeed(["materializations", "resume", &name])?;
    let listed = runs(&asof)?;
    assert_eq!((listed.len(), &listed[0]["state"]), (1, &Value::from("done")));
    assert_eq!(listed[0]["rows"]["written"], FILES * ROWS);
    let again = listed[0]["shards"].as_array().context("shards")?;
    let again = again.iter().filter(|shard| shard["attempts"] != 1).count();
    assert!(again <= FILES as usize - before, "what was done is not done again");
    let vector = asof.succeed([
        "get-online-features",
        "--features",
        "sales:amount",
        "--entity",
        "shop=7999",
    ])?;
    assert!(vector.contains("23997"), "{vector}");
    let over = refused(&asof, ["materializations", "resume", &name])?;
    assert_eq!(over, format!("error: the run `{name}` is over: done"));
    Ok(())
}

#[test]
fn a_run_that_is_told_to_stop_lets_go_of_its_shards() -> Result<()> {
    let (_folder, asof, said) = interrupted("TERM")?;
    assert!(said.contains("stopped by SIGTERM"), "{said}");
    let listed = runs(&asof)?;
    assert_eq!(listed[0]["state"], "left");
    let states: Vec<_> = listed[0]["shards"]
        .as_array()
        .context("shards")?
        .iter()
        .map(|s| &s["state"])
        .collect();
    assert!(
        states.iter().all(|state| *state == "done" || *state == "waiting"),
        "{states:?}"
    );
    asof.succeed(materialize())?;
    assert_eq!(runs(&asof)?[0]["state"], "done");
    Ok(())
}

#[test]
fn a_cancelled_run_is_over() -> Result<()> {
    let (_folder, asof, _) = interrupted("KILL")?;
    let name = runs(&asof)?[0]["run"].as_str().context("a name")?.to_owned();
    let cancelled = asof.succeed(["materializations", "cancel", &name])?;
    assert_eq!(
        cancelled.trim_end(),
        format!("Cancelled {name}; what it had written stays online and is not recorded")
    );
    assert_eq!(
        refused(&asof, ["materializations", "resume", &name])?,
        format!("error: the run `{name}` is over: cancelled")
    );
    assert!(
        asof.succeed(["materializations", "list", "--open"])?
            .contains("There is no run")
    );
    asof.succeed(materialize())?;
    let states: Vec<_> = runs(&asof)?.iter().map(|run| run["state"].clone()).collect();
    assert_eq!(states, ["done", "cancelled"]);
    let unknown = refused(&asof, ["materializations", "show", "sales-0000000000000000-1"])?;
    assert_eq!(
        unknown,
        "error: there is no run `sales-0000000000000000-1`; `asof materializations list` shows those that there are"
    );
    Ok(())
}
