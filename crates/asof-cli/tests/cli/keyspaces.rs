//! `asof online`: keyspaces listed, compared with the offline answer, and deleted when nobody needs them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use asof_model::Timestamp;
use asof_registry::{Registry, RegistryVersion};
use serde_json::Value;

use crate::{END, Rides, stable};

/// Hides what differs from run to run, or with what a fingerprint is made of.
fn masked(text: &str) -> String {
    let mut out = String::new();
    for line in stable(text).lines() {
        if line.contains("  FINISHED ") || line.contains("  WHY ") {
            // The column under it holds times of now, which have as many digits as they need: its width differs, too.
            let columns = line.split("  ").map(str::trim).filter(|column| !column.is_empty());
            out += &columns.collect::<Vec<_>>().join("  ");
            out.push('\n');
            continue;
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('@') {
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
        const TWO_DAYS: i64 = 2 * 86_400_000_000;
        let registry = Registry::open(".asof/registry", self.folder.path(), &BTreeMap::new())?;
        tokio::runtime::Runtime::new()?.block_on(async {
            let current = registry.current_version().await?.context("a version was applied")?;
            let mut snapshots = Vec::new();
            for number in 1..=current.0 {
                snapshots.push(registry.get(RegistryVersion(number)).await?);
            }
            fs_err::remove_dir_all(self.path(".asof/registry/versions"))?;
            let again = Registry::open(".asof/registry", self.folder.path(), &BTreeMap::new())?;
            for snapshot in snapshots {
                let mut info = snapshot.info;
                info.time = Timestamp::from_micros(info.time.micros() - TWO_DAYS);
                let before = again.current_version().await?;
                again.apply(before, &snapshot.definitions, info).await?;
            }
            Ok::<_, anyhow::Error>(())
        })?;
        for entry in json_files(&self.path(".asof/registry/ledger"))? {
            let mut document: Value = serde_json::from_str(&fs_err::read_to_string(&entry)?)?;
            let finished = document["finished_micros"].as_i64().context("it is a run")?;
            document["finished_micros"] = (finished - TWO_DAYS).into();
            fs_err::write(&entry, serde_json::to_string_pretty(&document)?)?;
        }
        Ok(())
    }
}

/// All JSON files below a folder.
fn json_files(folder: &std::path::Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(json_files(&path)?);
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
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @r"
    Readers see registry version 1

    FEATURE VIEW  STATE  ROWS  UP TO  FINISHED  VERSION  KEYSPACE
    driver_hourly  live      -  -      -               -  rides/driver_hourly@[fingerprint]
    driver_trips   live      -  -      -               -  rides/driver_trips@[fingerprint]
    ");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    rides.edit("trips > 10", "trips > 12")?;
    rides.asof.succeed(["apply"])?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @r"
    Readers see registry version 1; version 2 waits until driver_hourly is materialized

    FEATURE VIEW  STATE  ROWS  UP TO  FINISHED  VERSION  KEYSPACE
    driver_hourly  live  5  2026-01-07T23:00:00Z  [now]  1  rides/driver_hourly@[fingerprint]
    driver_hourly  building     -  -                     -                                  -  rides/driver_hourly@[fingerprint]
    driver_trips  live  5  2026-01-07T23:00:00Z  [now]  1  rides/driver_trips@[fingerprint]
    ");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @r"
    Readers see registry version 2

    FEATURE VIEW  STATE  ROWS  UP TO  FINISHED  VERSION  KEYSPACE
    driver_hourly  live  5  2026-01-07T23:00:00Z  [now]  2  rides/driver_hourly@[fingerprint]
    driver_hourly  previous  5  2026-01-07T23:00:00Z  [now]  1  rides/driver_hourly@[fingerprint]
    driver_trips  live  5  2026-01-07T23:00:00Z  [now]  2  rides/driver_trips@[fingerprint]
    ");

    fs_err::remove_dir_all(rides.path(".asof/online"))?;
    let lost = rides.asof.run(["online", "status"])?;
    assert_eq!(lost.code, Some(0));
    insta::assert_snapshot!(masked(&lost.stdout), @r"
    Readers see registry version 2

    FEATURE VIEW  STATE  ROWS  UP TO  FINISHED  VERSION  KEYSPACE
    driver_hourly  live  emptied  2026-01-07T23:00:00Z  [now]  2  rides/driver_hourly@[fingerprint]
    driver_hourly  previous  emptied  2026-01-07T23:00:00Z  [now]  1  rides/driver_hourly@[fingerprint]
    driver_trips  live  emptied  2026-01-07T23:00:00Z  [now]  2  rides/driver_trips@[fingerprint]

    emptied: rows were brought online, and the store does not have them any more; run `asof materialize-incremental`
    ");
    let (code, document) = rides.json(["online", "status"])?;
    assert_eq!(code, Some(0));
    assert_eq!(document["live_version"], 2);
    assert_eq!(document["waiting"], Value::Null);
    let first = &document["keyspaces"][0];
    assert_eq!(
        (&first["state"], &first["rows"], &first["emptied"]),
        (&"live".into(), &Value::Null, &true.into())
    );
    assert_eq!(first["newest"]["to"], END);
    Ok(())
}

#[test]
fn gc_deletes_what_was_replaced_long_enough_ago() -> Result<()> {
    insta::assert_snapshot!(Rides::new()?.refused(["online", "gc"])?, @"error: the registry has no version yet; run `asof apply` first");
    let rides = Rides::changed()?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "gc"])?), @"Every keyspace is in use");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    let kept = rides.asof.run(["online", "gc"])?;
    assert_eq!(kept.code, Some(0));
    insta::assert_snapshot!(masked(&kept.stdout), @r"
    FEATURE VIEW  ROWS  FATE  WHY  KEYSPACE
    driver_hourly  5  kept  until  [now]  rides/driver_hourly@[fingerprint]

    Nothing was deleted
    ");
    insta::assert_snapshot!(rides.refused(["online", "gc", "--older-than", "10s"])?, @"error: a grace period of 10s is too short: servers may need 1m to follow a new version; give more");
    assert_eq!(rides.asof.run(["online", "gc", "--older-than", "soon"])?.code, Some(2));

    rides.backdate()?;
    let told = rides.asof.run(["online", "gc", "--dry-run"])?;
    insta::assert_snapshot!(masked(&told.stdout), @r"
    FEATURE VIEW  ROWS  FATE  WHY  KEYSPACE
    driver_hourly  5  to  delete  replaced  [now]  rides/driver_hourly@[fingerprint]

    Would delete 1 keyspace with 5 rows
    ");
    assert_eq!(told.stderr, "");
    let deleted = rides.asof.run(["online", "gc"])?;
    assert_eq!(deleted.code, Some(0));
    insta::assert_snapshot!(masked(&deleted.stdout), @r"
    FEATURE VIEW  ROWS  FATE  WHY  KEYSPACE
    driver_hourly  5  deleted  replaced  [now]  rides/driver_hourly@[fingerprint]

    Deleted 1 keyspace with 5 rows
    ");
    insta::assert_snapshot!(masked(&deleted.stderr), @"deleting rides/driver_hourly@[fingerprint]");
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "gc"])?), @"Every keyspace is in use");

    // What has gone is not answered from.
    let back = rides.asof.run(["rollback", "1"])?;
    assert_eq!(back.code, Some(0));
    insta::assert_snapshot!(back.stderr, @"note: answered by registry version 2; version 3 waits until driver_hourly is materialized");
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @r"
    Readers see registry version 2; version 3 waits until driver_hourly is materialized

    FEATURE VIEW  STATE  ROWS  UP TO  FINISHED  VERSION  KEYSPACE
    driver_hourly  live  5  2026-01-07T23:00:00Z  [now]  2  rides/driver_hourly@[fingerprint]
    driver_hourly  building     -  -                     -                                  -  rides/driver_hourly@[fingerprint]
    driver_trips  live  5  2026-01-07T23:00:00Z  [now]  2  rides/driver_trips@[fingerprint]
    ");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    insta::assert_snapshot!(masked(&rides.asof.succeed(["online", "status"])?), @r"
    Readers see registry version 3

    FEATURE VIEW  STATE  ROWS  UP TO  FINISHED  VERSION  KEYSPACE
    driver_hourly  live  5  2026-01-07T23:00:00Z  [now]  3  rides/driver_hourly@[fingerprint]
    driver_hourly  previous  5  2026-01-07T23:00:00Z  [now]  2  rides/driver_hourly@[fingerprint]
    driver_trips  live  5  2026-01-07T23:00:00Z  [now]  3  rides/driver_trips@[fingerprint]
    ");
    let (_, document) = rides.json(["online", "gc"])?;
    let kept = &document["keyspaces"][0];
    assert_eq!((&kept["fate"], &kept["replaced"]), (&"kept".into(), &Value::Null));
    assert!(kept["until"].is_string(), "{kept}");
    Ok(())
}

#[test]
fn verify_compares_with_the_offline_answer() -> Result<()> {
    let rides = Rides::applied()?;
    let before = rides.asof.run(["online", "verify"])?;
    assert_eq!(before.code, Some(0));
    insta::assert_snapshot!(before.stdout, @r"
    driver_hourly was not materialized completely yet
    driver_trips was not materialized completely yet
    ");
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    let equal = rides.asof.run(["online", "verify", "--all"])?;
    assert_eq!(equal.code, Some(0));
    insta::assert_snapshot!(equal.stdout, @r"
    FEATURE VIEW   COMPARED  EQUAL  LATER  EXPIRED  MISSING  DIFFERING  EXTRA  UP TO
    driver_hourly         5      5      0        0        0          0      0  2026-01-07T23:00:00Z
    driver_trips          5      5      0        0        0          0      0  2026-01-07T23:00:00Z
    ");
    insta::assert_snapshot!(equal.stderr, @r"
    comparing driver_hourly
    comparing driver_trips
    ");
    insta::assert_snapshot!(rides.refused(["online", "verify", "--views", "driver_hourli"])?, @"error: feature view `driver_hourli` is not defined; did you mean `driver_hourly`?");
    assert_eq!(
        rides.asof.run(["online", "verify", "--all", "--sample", "3"])?.code,
        Some(2)
    );

    // Their ttl has passed long ago, but it was not for that that they went.
    fs_err::remove_dir_all(rides.path(".asof/online"))?;
    let emptied = rides.asof.run(["online", "verify", "--views", "driver_hourly"])?;
    assert_eq!(emptied.code, Some(1));
    insta::assert_snapshot!(emptied.stdout, @r"
    FEATURE VIEW   COMPARED  EQUAL  LATER  EXPIRED  MISSING  DIFFERING  EXTRA  UP TO
    driver_hourly         5      0      0        0        5          0      -  2026-01-07T23:00:00Z

    driver_hourly was emptied since it was materialized; run `asof materialize-incremental`

    FEATURE VIEW   ENTITY          WHAT  ONLINE  OFFLINE
    driver_hourly  driver_id=1001  row   none    of 2026-01-07T23:00:00Z
    driver_hourly  driver_id=1002  row   none    of 2026-01-07T23:00:00Z
    driver_hourly  driver_id=1003  row   none    of 2026-01-07T23:00:00Z
    driver_hourly  driver_id=1004  row   none    of 2026-01-07T23:00:00Z
    driver_hourly  driver_id=1005  row   none    of 2026-01-07T23:00:00Z
    ");
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
    insta::assert_snapshot!(later.stdout, @r"
    FEATURE VIEW   COMPARED  EQUAL  LATER  EXPIRED  MISSING  DIFFERING  EXTRA  UP TO
    driver_hourly         5      0      5        0        0          0      -  2026-01-07T22:00:00Z
    driver_trips          5      0      5        0        0          0      -  2026-01-07T22:00:00Z
    ");

    fs_err::remove_dir_all(rides.path(".asof/online"))?;
    rides.asof.succeed([
        "materialize",
        "--from",
        "2026-01-01T00:00:00Z",
        "--to",
        "2026-01-07T22:00:00Z",
        "--views",
        "driver_hourly",
    ])?;
    let wrong = rides.asof.run(["online", "verify", "--sample", "100"])?;
    assert_eq!(wrong.code, Some(1));
    insta::assert_snapshot!(wrong.stdout, @r"
    FEATURE VIEW   COMPARED  EQUAL  LATER  EXPIRED  MISSING  DIFFERING  EXTRA  UP TO
    driver_hourly         5      0      0        0        0          5      -  2026-01-07T23:00:00Z
    driver_trips          5      0      0        0        5          0      -  2026-01-07T23:00:00Z

    driver_hourly was emptied since it was materialized; run `asof materialize-incremental`
    driver_trips was emptied since it was materialized; run `asof materialize-incremental`

    FEATURE VIEW   ENTITY          WHAT        ONLINE                OFFLINE
    driver_hourly  driver_id=1001  event time  2026-01-07T22:00:00Z  2026-01-07T23:00:00Z
    driver_hourly  driver_id=1002  event time  2026-01-07T22:00:00Z  2026-01-07T23:00:00Z
    driver_hourly  driver_id=1003  event time  2026-01-07T22:00:00Z  2026-01-07T23:00:00Z
    driver_hourly  driver_id=1004  event time  2026-01-07T22:00:00Z  2026-01-07T23:00:00Z
    driver_hourly  driver_id=1005  event time  2026-01-07T22:00:00Z  2026-01-07T23:00:00Z
    driver_trips   driver_id=1001  row         none                  of 2026-01-07T23:00:00Z
    driver_trips   driver_id=1002  row         none                  of 2026-01-07T23:00:00Z
    driver_trips   driver_id=1003  row         none                  of 2026-01-07T23:00:00Z
    driver_trips   driver_id=1004  row         none                  of 2026-01-07T23:00:00Z
    driver_trips   driver_id=1005  row         none                  of 2026-01-07T23:00:00Z
    ");
    let (code, document) = rides.json(["online", "verify"])?;
    assert_eq!(code, Some(1));
    let views = document.as_array().context("one per view")?;
    assert_eq!(views.len(), 2);
    insta::assert_json_snapshot!(views[0]["differences"][0], @r#"
    {
      "entity": "driver_id=1001",
      "what": "event time",
      "online": "2026-01-07T22:00:00Z",
      "offline": "2026-01-07T23:00:00Z"
    }
    "#);

    fs_err::copy(rides.path("data/driver_stats.parquet"), rides.path("data/more.parquet"))?;
    fs_err::rename(rides.path("data/more.parquet"), rides.path("data/driver_stats.parquet"))?;
    let changed = rides.asof.run(["online", "verify"])?;
    assert_eq!(changed.code, Some(1));
    insta::assert_snapshot!(changed.stdout, @r"
    driver_hourly cannot be compared: `data/driver_stats.parquet` was rewritten; materialize it, or name a time with --at
    driver_trips cannot be compared: `data/driver_stats.parquet` was rewritten; materialize it, or name a time with --at
    ");
    Ok(())
}
