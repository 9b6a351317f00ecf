//! A Redis that Feast fills, answered by Asof.

use anyhow::Result;
use asof_testkit::{RedisOptions, RedisServer, Table, write_parquet};

use crate::{END, Rides};

/// What Feast 0.67 has of the driver 1001 in the project `rides`: `conv_rate` is 0.25, `busy` is null, `acc_rate` was
/// added later, and the time is 2026-01-07T22:00:00.5Z. In Lua, whose escapes are decimal.
const WRITTEN_BY_FEAST: &str = r"
    local key = '\1\0\0\0\2\0\0\0\9\0\0\0driver_id\4\0\0\0\8\0\0\0\233\3\0\0\0\0\0\0rides'
    redis.call('HSET', key, '\16\223\180\196', '\41\0\0\0\0\0\0\208\63', '\81\17\101\57', '')
    return redis.call('HSET', key, '_ts:driver_hourly', '\8\224\174\251\202\6\16\128\202\181\238\1')";

#[test]
fn what_feast_has_written_is_answered_and_nothing_is_written() -> Result<()> {
    let rides = Rides::new()?;
    let server = RedisServer::start(RedisOptions::new())?;
    server.cli(&["EVAL", WRITTEN_BY_FEAST, "0"])?;
    let settings = format!(
        "project: rides\nonline_store: {{type: redis, connection_string: \"{}\", layout: feast}}\n",
        server.address()
    );
    fs_err::write(rides.path("feature_store.yaml"), settings)?;
    rides.asof.succeed(["apply"])?;
    let ask = ["get-online-features", "--features", "driver_hourly", "--as-of"];
    let entities = ["--entity", "driver_id=1001", "--entity", "driver_id=1002"];
    let answer = rides.asof.succeed(ask.into_iter().chain([END]).chain(entities))?;
    insta::assert_snapshot!(answer, @r"
    driver_id=1001
    FEATURE    VALUE  STATUS      EVENT TIME
    conv_rate  0.25   PRESENT     2026-01-07T22:00:00.5Z
    acc_rate   -      NULL_VALUE  2026-01-07T22:00:00.5Z
    busy       -      NULL_VALUE  2026-01-07T22:00:00.5Z

    driver_id=1002
    FEATURE    VALUE  STATUS     EVENT TIME
    conv_rate  -      NOT_FOUND
    acc_rate   -      NOT_FOUND
    busy       -      NOT_FOUND
    ");
    // The ttl is a day.
    let late = ask.into_iter().chain(["2026-01-08T23:00:00Z"]).chain(entities);
    let late = rides.asof.succeed(late)?;
    assert!(late.contains("OUTSIDE_MAX_AGE") && !late.contains("0.25"), "{late}");

    let row = Table::new().int64s("driver_id", [1001]).times("event_timestamp", [0]);
    let row = row
        .floats("conv_rate", [0.5])
        .floats("acc_rate", [0.5])
        .bools("busy", [true]);
    write_parquet(rides.path("rows.parquet"), &[row.batch()])?;
    let said = [
        rides.refused(["materialize-incremental", "--to", END])?,
        rides.refused(["materialize", "--from", "2026-01-01T00:00:00Z", "--to", END])?,
        rides.refused(["push", "driver_hourly", "--input", "rows.parquet"])?,
        rides.asof.succeed(["doctor"])?,
    ];
    insta::assert_snapshot!(said.concat().replace(&server.address(), "[server]"), @r"
    materializing driver_hourly
    error: feature view `driver_hourly`: the online store at `redis://[server]/0` is Feast's and is only read; let Feast write to it, or set `layout: asof` in `online_store` to keep rows of asof's own
    materializing driver_hourly
    error: feature view `driver_hourly`: the online store at `redis://[server]/0` is Feast's and is only read; let Feast write to it, or set `layout: asof` in `online_store` to keep rows of asof's own
    error: feature view `driver_hourly`: the online store at `redis://[server]/0` is Feast's and is only read; let Feast write to it, or set `layout: asof` in `online_store` to keep rows of asof's own
    asof 0.1.0

        WHAT          FOUND
    ok  definitions   project rides, 2 feature views, 1 feature service
    ok  sources       1 source readable
    ok  registry      version 1 in .asof/registry
    ok  online store  redis://[server]/0 answers; its rows are Feast's, which keeps no count of them
    ");
    assert_eq!(server.cli(&["DBSIZE"])?, "1");
    Ok(())
}
