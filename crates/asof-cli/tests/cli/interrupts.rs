//! Ctrl-C and SIGTERM: a command that is stopped says so, and leaves nothing behind.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use anyhow::{Context, Result};
use asof_testkit::{Asof, Table, write_parquet};

use crate::{asof, signal};

const SETTINGS: &str = "project: shops\nregistry: registry\nonline_store: {type: embedded, path: online}\n";

const DEFINITIONS: &str = "
entities: [{name: shop, join_keys: [{name: shop, type: int64}]}]
sources: [{name: sales, parquet: {path: sales.parquet}, event_time: at}]
feature_views: [{name: sales, entities: [shop], source: sales, features: [{name: amount, type: int64}]}]
";

const ROWS: i64 = 300_000;

/// How often a run is caught at work, or not, before the test gives up.
const ATTEMPTS: usize = 20;

fn shops(folder: &std::path::Path) -> Result<Asof> {
    let asof = asof(folder);
    fs_err::write(folder.join("feature_store.yaml"), SETTINGS)?;
    fs_err::write(folder.join("all.yaml"), DEFINITIONS)?;
    let rows = Table::new()
        .int64s("shop", (0..ROWS).map(|row| row * 7 % 1000))
        .times("at", (0..ROWS).map(|row| row * 1000))
        .int64s("amount", 0..ROWS)
        .batch();
    write_parquet(folder.join("sales.parquet"), &[rows])?;
    let spine = Table::new()
        .int64s("shop", (0..ROWS).map(|row| row % 1000))
        .times("event_timestamp", (0..ROWS).map(|row| row * 1000))
        .batch();
    write_parquet(folder.join("spine.parquet"), &[spine])?;
    asof.succeed(["apply"])?;
    Ok(asof)
}

fn names(folder: &std::path::Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Stops a run in the middle of its work. Returns its exit code, what it said last, and what it printed; `None` when it
/// was over before.
fn stopped(asof: &Asof, folder: &std::path::Path, name: &str, json: bool) -> Result<Option<(i32, String, String)>> {
    let mut arguments = vec![
        "get-historical-features",
        "--features",
        "sales",
        "--spine",
        "spine.parquet",
    ];
    arguments.extend(["--out", "train.parquet"]);
    if json {
        arguments.extend(["--output", "json"]);
    }
    let mut command = asof.command(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stderr.take().context("standard error")?).lines();
    lines.next().context("a line when a source is opened")??;
    // While it stands still, it can be seen whether it is at work.
    signal(child.id(), "STOP")?;
    let at_work = names(folder)?.iter().any(|name| name.ends_with(".partial"));
    signal(child.id(), name)?;
    signal(child.id(), "CONT")?;
    let last = lines.last().transpose()?.unwrap_or_default();
    let mut printed = String::new();
    child
        .stdout
        .take()
        .context("standard output")?
        .read_to_string(&mut printed)?;
    let code = child.wait()?.code().context("it ends by itself")?;
    Ok(at_work.then_some((code, last, printed)))
}

#[test]
fn a_run_that_is_stopped_leaves_nothing_and_says_so() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("asof-stop-").tempdir()?;
    let asof = shops(folder.path())?;
    let before = names(folder.path())?;
    for (name, json, code, word) in [("INT", false, 130, "Ctrl-C"), ("TERM", true, 143, "SIGTERM")] {
        let mut caught = 0;
        for _ in 0..ATTEMPTS {
            let Some((ended, last, printed)) = stopped(&asof, folder.path(), name, json)? else {
                fs_err::remove_file(folder.path().join("train.parquet"))?;
                fs_err::remove_file(folder.path().join("train.parquet.manifest.json"))?;
                continue;
            };
            let said = format!("stopped by {word}; files that were not finished are removed");
            assert_eq!((ended, last.as_str()), (code, said.as_str()));
            if json {
                let document: serde_json::Value = serde_json::from_str(&printed)?;
                assert_eq!(document["error"], said);
            }
            assert_eq!(names(folder.path())?, before);
            caught += 1;
            if caught == 3 {
                break;
            }
        }
        assert!(caught > 0, "no run was caught at work");
    }
    Ok(())
}
