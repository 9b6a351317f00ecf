//! `asof online`: keyspaces listed, compared with the offline answer, and deleted when nobody needs them.

use anyhow::{Context, Result};
use asof_model::Timestamp;
use serde_json::Value;

use crate::{END, Rides, stable};

/// Hides what differs from run to run, or with what a fingerprint is made of.
fn masked(text: &str) -> String {
    let mut out = String::new();
    for line in stable(text).lines() {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("@") {
            out += before;
            let is_fingerprint = after.len() >= 16 && after[..16].bytes().all(|byte| byte.is_ascii_hexdigit());
            out += if is_fingerprint { "@[fingerprint]" } else { "@" };
            rest = if is_fingerprint { &after[16..] } else { after };
        }
        out += rest;
        out.push('\n');
    }
    out
}

impl Rides {
    /// A second version of `driver_hourly` online, beside the first.
    fn changed() -> Result<Self> {
        let rides = Self::online()?;
        rides.edit("trips > 10", "trips > 12")?;
        rides.asof.succeed(["apply"])?;
        Ok(rides)
    }

    /// Lets everything that was applied and materialized have happened two days earlier.
    fn backdate(&self) -> Result<()> {
        let two_days = 2 * 86_400_000_000;
        for folder in ["versions", "ledger/rides"] {
            for entry in walk(&self.path(".asof/registry").join(folder))? {
                let mut document: Value = serde_json::from_str(&fs_err::read_to_string(&entry)?)?;
                if let Some(finished) = document["finished_micros"].as_i64() {
                    document["finished_micros"] = (finished - two_days).into();
                }
                if let Some(time) = document["time"].as_str() {
                    let time = time.parse::<Timestamp>()?.micros() - two_days;
                    document["time"] = Timestamp::from_micros(time).to_string().into();
                }
                fs_err::write(&entry, serde_json::to_string_pretty(&document)?)?;
            }
        }
        Ok(())
    }
}

/// All JSON files below a folder.
fn walk(folder: &std::path::Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(walk(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(files)
}

#[test]
fn status_tells_what_each_keyspace_is_for() -> Result<()> {
    let rides = Rides::new()?;
    insta::assert_snapshot!(rides.refused(["online", "status"])?, @"error: the registry has no version yet; run `asof apply` first");
    rides.asof.succeed(["apply"])?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @"");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    rides.edit("trips > 10", "trips > 12")?;
    rides.asof.succeed(["apply"])?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @"");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @"");

    fs_err::remove_dir_all(rides.path(".asof/online"))?;
    let lost = rides.asof.run(["online", "status"])?;
    assert_eq!(lost.code, Some(0));
    insta::assert_snapshot!(masked(&lost.stdout), @"");
    let (code, document) = rides.json(["online", "status"])?;
    assert_eq!(code, Some(0));
    assert_eq!(document["live_version"], 2);
    assert_eq!(document["waiting"], Value::Null);
    let first = &document["keyspaces"][0];
    assert_eq!((&first["state"], &first["rows"], &first["emptied"]), (&"live".into(), &Value::Null, &true.into()));
    assert_eq!(first["newest"]["to"], END);
    Ok(())
}

#[test]
fn gc_deletes_what_was_replaced_long_enough_ago() -> Result<()> {
    let rides = Rides::changed()?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "gc"])?), @"");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    let kept = rides.asof.run(["online", "gc"])?;
    assert_eq!(kept.code, Some(0));
    insta::assert_snapshot!(masked(&kept.stdout), @"");
    insta::assert_snapshot!(rides.refused(["online", "gc", "--older-than", "10s"])?, @"");
    assert_eq!(rides.asof.run(["online", "gc", "--older-than", "soon"])?.code, Some(2));

    rides.backdate()?;
    let told = rides.asof.run(["online", "gc", "--dry-run"])?;
    insta::assert_snapshot!(masked(&told.stdout), @"");
    assert_eq!(told.stderr, "");
    let deleted = rides.asof.run(["online", "gc"])?;
    assert_eq!(deleted.code, Some(0));
    insta::assert_snapshot!(masked(&deleted.stdout), @"");
    insta::assert_snapshot!(masked(&deleted.stderr), @"");
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "gc"])?), @"");

    // What has gone is not answered from.
    rides.asof.succeed(["rollback", "1"])?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @"");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @"");
    let (_, document) = rides.json(["online", "gc"])?;
    assert_eq!(document["keyspaces"][0]["fate"], "kept");
    Ok(())
}

#[test]
fn verify_compares_with_the_offline_answer() -> Result<()> {
    let rides = Rides::applied()?;
    let before = rides.asof.run(["online", "verify"])?;
    assert_eq!(before.code, Some(0));
    insta::assert_snapshot!(before.stdout, @"");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    let equal = rides.asof.run(["online", "verify", "--all"])?;
    assert_eq!(equal.code, Some(0));
    insta::assert_snapshot!(equal.stdout, @"");
    insta::assert_snapshot!(equal.stderr, @"");
    insta::assert_snapshot!(rides.refused(["online", "verify", "--views", "driver_hourli"])?, @"");
    assert_eq!(rides.asof.run(["online", "verify", "--all", "--sample", "3"])?.code, Some(2));

    // Rows whose ttl has passed may be gone; those of the view of windows are not looked at.
    fs_err::remove_dir_all(rides.path(".asof/online"))?;
    let expired = rides.asof.run(["online", "verify", "--views", "driver_hourly"])?;
    assert_eq!(expired.code, Some(0));
    insta::assert_snapshot!(expired.stdout, @"");
    Ok(())
}

#[test]
fn verify_fails_where_rows_are_missing_or_differ() -> Result<()> {
    let rides = Rides::new()?;
    let path = rides.path("drivers.yaml");
    let text = fs_err::read_to_string(&path)?;
    fs_err::write(path, text.replace("    ttl: 1d\n", ""))?;
    rides.asof.succeed(["apply"])?;
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    let later = rides.asof.run(["online", "verify", "--at", "2026-01-07T22:00:00Z"])?;
    assert_eq!(later.code, Some(0));
    insta::assert_snapshot!(later.stdout, @"");

    fs_err::remove_dir_all(rides.path(".asof/online"))?;
    rides.asof.succeed(["materialize", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-07T22:00:00Z", "--views", "driver_hourly"])?;
    let wrong = rides.asof.run(["online", "verify", "--sample", "100"])?;
    assert_eq!(wrong.code, Some(1));
    insta::assert_snapshot!(wrong.stdout, @"");
    let (code, document) = rides.json(["online", "verify"])?;
    assert_eq!(code, Some(1));
    let views = document.as_array().context("one per view")?;
    assert_eq!(views.len(), 2);
    insta::assert_json_snapshot!(views[0]["differences"][0], @"");

    fs_err::copy(rides.path("data/driver_stats.parquet"), rides.path("data/more.parquet"))?;
    fs_err::rename(rides.path("data/more.parquet"), rides.path("data/driver_stats.parquet"))?;
    let changed = rides.asof.run(["online", "verify"])?;
    assert_eq!(changed.code, Some(1));
    insta::assert_snapshot!(changed.stdout, @"");
    Ok(())
}
