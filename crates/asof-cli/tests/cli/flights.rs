//! All flights of 2013: the training set, row by hand-checked row, and the same vectors online.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use asof_testkit::{Finished, RedisOptions, RedisServer, read_parquet};
use serde_json::{Value, json};

use crate::{END, Rides, asof, terminate};

/// The value at `row` as JSON: what the online answer says of it.
fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().value(row).into(),
        other => panic!("no column is {other}"),
    }
}

fn whole(path: impl AsRef<Path>) -> Result<RecordBatch> {
    let batches = read_parquet(path)?;
    let schema = batches.first().context("the file has rows")?.schema();
    Ok(concat_batches(&schema, &batches)?)
}

/// The features of one row that are named in `expected` have those values.
fn check(training: &RecordBatch, row: usize, expected: &Value) {
    for (name, wanted) in expected.as_object().expect("names with values") {
        let column = training
            .column_by_name(name)
            .unwrap_or_else(|| panic!("there is a column {name}"));
        assert_eq!(value(column, row), *wanted, "{name} of row {row}");
    }
}

/// One run of the demo is what all of this stands on: a training set of a year is much for a debug build.
#[test]
fn the_demo_makes_the_training_set_of_all_flights_and_serves_the_same_vectors() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let run = asof(folder.path()).run(["demo", "flights", "--output", "json"])?;
    ensure!(run.code == Some(0), "{}\n{}", run.stdout, run.stderr);
    the_demo_tells_that_both_sides_are_equal(&run)?;
    in_redis_it_tells_the_same(&run)?;

    let repository = folder.path().join("flights");
    let spine = whole(repository.join("spine.parquet"))?;
    let training = whole(repository.join("train.parquet"))?;

    // One row per spine row, in its order, its columns untouched and first.
    assert_eq!(training.num_rows(), 336_776);
    for (at, field) in spine.schema().fields().iter().enumerate() {
        assert_eq!(training.schema().field(at).name(), field.name());
        assert_eq!(training.column(at), spine.column(at), "{} is untouched", field.name());
    }

    the_spine_is_made_of_the_flights(&repository, &spine)?;
    hand_checked_rows(&training);
    the_vector_online_is_the_training_row(&repository, &training)?;
    a_run_that_is_ended_leaves_no_training_set(&repository)
}

/// In a Redis that holds the rows of an earlier demo, of which nothing is left, and of somebody else, which stay.
fn in_redis_it_tells_the_same(embedded: &Finished) -> Result<()> {
    let server = RedisServer::start(RedisOptions::new())?;
    server.cli(&["SET", "asof_demo", "mine"])?;
    let materialize = ["materialize-incremental", "--to", END];
    let theirs = Rides::new()?;
    theirs.in_redis(&server.url())?;
    theirs.asof.succeed(["apply"])?;
    theirs.asof.succeed(materialize)?;
    let keys_of_others: u64 = server.cli(&["DBSIZE"])?.parse()?;
    let earlier = Rides::new()?;
    earlier.in_redis(&server.url())?;
    let settings = fs_err::read_to_string(earlier.path("feature_store.yaml"))?;
    let settings = settings.replace("project: rides", "project: asof_demo");
    fs_err::write(earlier.path("feature_store.yaml"), settings)?;
    earlier.asof.succeed(["apply"])?;
    earlier.asof.succeed(materialize)?;

    let folder = tempfile::tempdir()?;
    let demo = ["demo", "flights", "--output", "json", "--online", &server.url()];
    let run = asof(folder.path()).run(demo)?;
    ensure!(run.code == Some(0), "{}\n{}", run.stdout, run.stderr);
    for line in [
        "only keys of the project `asof_demo` are touched",
        "2 keyspaces of an earlier demo removed",
    ] {
        assert!(run.stderr.contains(line), "{}", run.stderr);
    }
    let told = |run: &Finished| -> Result<Value> { Ok(serde_json::from_str::<Value>(&run.stdout)?["features"].take()) };
    assert_eq!(told(&run)?, told(embedded)?);
    the_demo_tells_that_both_sides_are_equal(&run)?;

    let remove = ["demo", "--online", &server.url(), "--remove"];
    let said = asof(folder.path()).succeed(remove)?;
    assert!(
        said.starts_with("Removed 6 keyspaces of the project asof_demo"),
        "{said}"
    );
    assert_eq!(server.cli(&["DBSIZE"])?.parse::<u64>()?, keys_of_others);
    assert_eq!(server.cli(&["GET", "asof_demo"])?, "mine");
    let ask = [
        "get-online-features",
        "--features",
        "driver_hourly",
        "--entity",
        "driver_id=1001",
        "--as-of",
        END,
    ];
    assert!(theirs.asof.succeed(ask)?.contains("0.6109"));
    Ok(())
}

fn the_demo_tells_that_both_sides_are_equal(run: &Finished) -> Result<()> {
    let verdict: Value = serde_json::from_str(&run.stdout)?;
    assert_eq!(verdict["equal"], true);
    assert_eq!(verdict["dir"], "flights");
    let features = verdict["features"].as_array().context("features")?;
    assert_eq!(features.len(), 46);
    assert_eq!(
        features[0],
        json!({"feature": "temp", "training": 95.0, "served": 95.0, "status": "PRESENT", "equal": true})
    );
    // The story is told on stderr, and its steps are commands.
    let commands = run.stderr.lines().filter(|line| line.starts_with("  $ asof ")).count();
    assert_eq!(commands, 7, "{}", run.stderr);
    assert!(run.stderr.contains("Flight B6 1516 from JFK to SYR"), "{}", run.stderr);
    Ok(())
}

/// Asked to end, or killed, in the middle of the work: no training set, and none that is half written.
fn a_run_that_is_ended_leaves_no_training_set(repository: &Path) -> Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let arguments = [
        "get-historical-features",
        "--service",
        "delay_model",
        "--spine",
        "spine.parquet",
        "--out",
        "ended.parquet",
    ];
    let begin = || -> Result<Child> {
        let mut child = asof(repository).command(arguments).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let first = BufReader::new(stderr)
            .lines()
            .next()
            .context("it tells of its progress")??;
        ensure!(first.starts_with("reading "), "{first}");
        Ok(child)
    };
    let names = || -> Result<BTreeSet<OsString>> {
        let entries = fs_err::read_dir(repository)?;
        Ok(entries
            .map(|entry| Ok(entry?.file_name()))
            .collect::<std::io::Result<_>>()?)
    };
    let before = names()?;
    let mut asked = begin()?;
    terminate(asked.id())?;
    assert_eq!(asked.wait()?.code(), Some(143));
    assert_eq!(names()?, before);

    let mut killed = begin()?;
    killed.kill()?;
    assert_eq!(killed.wait()?.code(), None);
    assert!(!repository.join("ended.parquet").exists());
    Ok(())
}

/// `spine.parquet` is derived from `data/flights.parquet` as its README says.
fn the_spine_is_made_of_the_flights(repository: &Path, spine: &RecordBatch) -> Result<()> {
    let flights = whole(repository.join("data/flights.parquet"))?;
    let column = |batch: &RecordBatch, name: &str| batch.column_by_name(name).cloned().context(name.to_owned());
    for name in [
        "carrier",
        "flight",
        "tailnum",
        "origin",
        "dest",
        "distance",
        "arr_delay",
    ] {
        assert_eq!(&column(spine, name)?, &column(&flights, name)?, "{name}");
    }
    let hour = arrow::compute::cast(&column(&flights, "time_hour")?, &DataType::Int64)?;
    let hour = hour.as_primitive::<Int64Type>();
    let minute = column(&flights, "minute")?;
    let minute = minute.as_primitive::<Int64Type>();
    let at = column(spine, "event_timestamp")?;
    let scheduled = column(spine, "sched_dep")?;
    for row in 0..flights.num_rows() {
        // Milliseconds and minutes to microseconds.
        let departure = hour.value(row) * 1_000 + minute.value(row) * 60_000_000;
        ensure!(
            scheduled.as_primitive::<TimestampMicrosecondType>().value(row) == departure,
            "row {row}"
        );
        ensure!(
            at.as_primitive::<TimestampMicrosecondType>().value(row) == departure - 3_600_000_000,
            "row {row}"
        );
    }
    Ok(())
}

fn hand_checked_rows(training: &RecordBatch) {
    // Row 0: UA 1545 from EWR to IAH, as of 2013-01-01T09:15Z. Nothing has left in 2013 yet, so no window has an
    // event and there is no row. The weather is that of 09:00Z; there was no gust, and null is no gust. N14228 was
    // built in 1999. 1,400 miles are no long haul. It is scheduled for 10:15Z, 60 minutes later; 39.92 F is not below
    // 32, but below 40, with a wind of 12.66 mph, not above 15: it does not feel cold.
    check(
        training,
        0,
        &json!({
            "temp": 39.92, "humid": 62.21, "wind_dir": 250, "wind_speed": 12.658_579_999_999_999,
            "precip": 0.0, "pressure": 1012.2, "visib": 10.0, "gusty": false,
            "carrier_departures_1h": null, "carrier_mean_delay_24h": null, "origin_departures_24h": null,
            "aircraft_departures_24h": null, "aircraft_max_delay_24h": null,
            "year_built": 1999, "manufacturer": "BOEING", "engines": 2, "seats": 149,
            "lat": 29.984_433, "lon": -95.341_442, "alt": 97,
            "dep_hour_utc": 10, "long_haul": false, "feels_cold": false, "minutes_to_departure": 60,
        }),
    );
    // Row 838: EV 4308 from EWR, as of 2013-01-01T20:30Z, which is a cutoff itself. Departures of EV in
    // (19:30, 20:30]: -1 -4 -2 115 8 29 minutes late, so 6 with a mean of 145/6 and a maximum of 115.
    // N18120 has not flown in 2013 before.
    check(
        training,
        838,
        &json!({
            "carrier_departures_1h": 6, "carrier_mean_delay_1h": 145.0 / 6.0, "carrier_max_delay_1h": 115,
            "carrier_departures_6h": 45, "carrier_mean_delay_6h": 462.0 / 45.0,
            "carrier_departures_24h": 55, "carrier_mean_delay_24h": 453.0 / 55.0,
            "origin_departures_1h": 22, "origin_mean_delay_1h": 353.0 / 22.0,
            "aircraft_departures_24h": null,
        }),
    );
    // Row 1782: AA 133 from JFK has no tail number: a null key matches nothing, but only for the views of aircraft.
    // As of 2013-01-02T19:45Z no AA flight has left in the last hour: the count is 0, mean and maximum are null.
    check(
        training,
        1782,
        &json!({
            "carrier_departures_1h": 0, "carrier_mean_delay_1h": null, "carrier_max_delay_1h": null,
            "carrier_departures_6h": 23, "carrier_mean_delay_6h": 78.0 / 23.0, "carrier_max_delay_6h": 65,
            "origin_departures_1h": 10, "origin_mean_delay_1h": -3.5, "origin_max_delay_24h": 853,
            "aircraft_departures_24h": null, "manufacturer": null, "seats": null,
            "long_haul": true,
        }),
    );
    // Row 264091: B6 1516 from JFK to SYR, as of 2013-07-15T20:05Z, so the last cutoff is 20:00. Departures of B6 in
    // (19:00, 20:00]: 43 9 47 -5 -4, so 5 with a mean of 90/5 and a maximum of 47. N183JB left four times in the
    // last 24 hours, 27 -3 0 14 minutes late: mean 38/4. The last of them within 6 hours, none within 1.
    check(
        training,
        264_091,
        &json!({
            "temp": 95.0, "pressure": 1020.5, "gusty": false,
            "carrier_departures_1h": 5, "carrier_mean_delay_1h": 18.0, "carrier_max_delay_1h": 47,
            "carrier_departures_6h": 43, "carrier_mean_delay_6h": 188.0 / 43.0, "carrier_max_delay_6h": 50,
            "carrier_departures_24h": 159, "carrier_max_delay_24h": 146,
            "origin_departures_24h": 329, "origin_max_delay_24h": 227,
            "aircraft_departures_1h": 0, "aircraft_mean_delay_1h": null,
            "aircraft_departures_6h": 1, "aircraft_mean_delay_6h": 14.0,
            "aircraft_departures_24h": 4, "aircraft_mean_delay_24h": 9.5, "aircraft_max_delay_24h": 27,
            "manufacturer": "EMBRAER", "seats": 20, "lat": 43.111_187, "alt": 421,
        }),
    );
}

/// Materialized, by the demo, up to the as-of time of a flight and asked at that time, the store gives that flight's
/// training row.
fn the_vector_online_is_the_training_row(repository: &Path, training: &RecordBatch) -> Result<()> {
    let asof = asof(repository);
    let at = "2013-07-15T20:05:00Z";
    let answer = asof.succeed([
        "get-online-features",
        "--service",
        "delay_model",
        "--entity",
        "origin=JFK,carrier=B6,tailnum=N183JB,dest=SYR",
        "--request",
        "sched_dep=2013-07-15T21:05:00Z,distance=209",
        "--as-of",
        at,
        "--output",
        "json",
    ])?;
    let answer: Value = serde_json::from_str(&answer)?;
    let names = answer["metadata"]["feature_names"].as_array().context("names")?;
    let results = answer["results"].as_array().context("results")?;
    let online: BTreeMap<&str, &Value> = names
        .iter()
        .zip(results)
        .map(|(name, result)| (name.as_str().unwrap_or(""), &result["values"][0]))
        .collect();
    let mut compared = 0;
    for (at, field) in training.schema().fields().iter().enumerate().skip(9) {
        let served = online
            .get(field.name().as_str())
            .with_context(|| format!("{} is served", field.name()))?;
        assert_eq!(**served, value(training.column(at), 264_091), "{}", field.name());
        compared += 1;
    }
    assert_eq!(compared, 46);
    Ok(())
}
