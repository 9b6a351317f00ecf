//! Features brought online, pushed, and looked up.

use anyhow::Result;
use asof_model::Timestamp;
use asof_testkit::{Table, write_parquet};

use crate::{END, Rides};

#[test]
fn materialize_tells_what_went_online_view_by_view() -> Result<()> {
    let rides = Rides::applied()?;
    let from = "2026-01-01T00:00:00Z";
    let run = rides.asof.run(["materialize", "--from", from, "--to", END])?;
    insta::assert_snapshot!(run.stdout, @r"
    FEATURE VIEW   READ  WRITTEN  KEPT  FILES  UP TO
    driver_hourly     5        5     0      1  2026-01-07T23:00:00Z
    driver_trips      5        5     0      1  2026-01-07T23:00:00Z
    ");
    insta::assert_snapshot!(run.stderr, @r"
    materializing driver_hourly
    driver_hourly: 5 rows in 1 shard
    materializing driver_trips
    ");
    let said = [
        rides.refused(["materialize", "--from", END, "--to", from])?,
        rides.refused(["materialize-incremental", "--to", END, "--views", "driver_hourli"])?,
        rides.refused(["materialize-incremental", "--to", END, "--views", "offer"])?,
    ];
    insta::assert_snapshot!(said.concat(), @r"
    error: the interval from 2026-01-07T23:00:00Z to 2026-01-01T00:00:00Z is empty; its end must lie after its start
    error: feature view `driver_hourli` is not defined; did you mean `driver_hourly`?
    error: `offer` is an on-demand feature view, which is computed when asked for; name the views it reads
    ");
    Ok(())
}

#[test]
fn shards_change_the_memory_that_is_taken_and_no_row() -> Result<()> {
    let (one, three) = (Rides::applied()?, Rides::applied()?);
    let whole = one.asof.run(["materialize-incremental", "--to", END])?;
    let shards = three
        .asof
        .run(["materialize-incremental", "--to", END, "--shards", "3"])?;
    assert_eq!((shards.code, shards.stdout), (Some(0), whole.stdout));
    let ask = ["get-online-features", "--service", "acceptance_model", "--as-of", END]
        .into_iter()
        .chain(["--entity", "driver_id=1001,pickup_distance_km=7.5"]);
    assert_eq!(three.asof.run(ask.clone())?.stdout, one.asof.run(ask)?.stdout);
    assert_eq!(
        one.asof
            .run(["materialize-incremental", "--to", END, "--shards", "0"])?
            .code,
        Some(2)
    );
    Ok(())
}

#[test]
fn expectations_that_warn_and_files_that_changed_are_told_of() -> Result<()> {
    let rides = Rides::new()?;
    rides.edit(
        "expr: \"trips > 10\"}      # SQL over the source's row\n",
        "expr: \"trips > 10\"}\n    expect:\n      - {name: sure, expr: \"conv_rate > 0.7\", action: warn}\n",
    )?;
    rides.asof.succeed(["apply"])?;
    let run = rides.asof.run(["materialize-incremental", "--to", END])?;
    assert_eq!(run.code, Some(0));
    assert!(
        run.stderr
            .contains("warning: driver_hourly: expectation `sure` is broken by"),
        "{}",
        run.stderr
    );

    fs_err::rename(rides.path("data/driver_stats.parquet"), rides.path("data/all.parquet"))?;
    rides.edit("path: data/driver_stats.parquet", "path: data")?;
    rides.asof.succeed(["apply"])?;
    rides.asof.succeed(["materialize-incremental", "--to", END])?;
    fs_err::rename(rides.path("data/all.parquet"), rides.path("data/moved.parquet"))?;
    let run = rides
        .asof
        .run(["materialize-incremental", "--to", END, "--views", "driver_trips"])?;
    insta::assert_snapshot!(run.stderr, @r"
    materializing driver_trips
    note: driver_trips: `data/all.parquet` is gone since the last run; rows that only it held may still be online
    ");
    Ok(())
}

#[test]
fn an_expectation_that_fails_stops_the_view() -> Result<()> {
    let rides = Rides::new()?;
    rides.edit(
        "expr: \"trips > 10\"}      # SQL over the source's row\n",
        "expr: \"trips > 10\"}\n    expect:\n      - {name: sure, expr: \"conv_rate > 0.7\", action: fail}\n",
    )?;
    rides.asof.succeed(["apply"])?;
    let run = rides.asof.run(["-q", "materialize-incremental", "--to", END])?;
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    assert!(
        run.stderr
            .starts_with("error: feature view `driver_hourly` was not written: expectation `sure` is broken by"),
        "{}",
        run.stderr
    );
    Ok(())
}

#[test]
fn a_vector_has_values_statuses_and_event_times() -> Result<()> {
    let rides = Rides::online()?;
    let ask = |entity: &str, at: &str| {
        rides.asof.succeed([
            "get-online-features",
            "--service",
            "acceptance_model",
            "--entity",
            entity,
            "--request",
            "pickup_distance_km=7.5",
            "--as-of",
            at,
        ])
    };
    insta::assert_snapshot!(ask("driver_id=1001", END)?, @r"
    driver_id=1001
    FEATURE         VALUE   STATUS   EVENT TIME
    conv_rate       0.6109  PRESENT  2026-01-07T23:00:00Z
    acc_rate        0.6952  PRESENT  2026-01-07T23:00:00Z
    busy            true    PRESENT  2026-01-07T23:00:00Z
    trips_6h        71      PRESENT  2026-01-07T23:00:00Z
    far_and_unsure  false   PRESENT
    ");
    // The ttl is a day, its end included.
    insta::assert_snapshot!(ask("driver_id=1001", "2026-01-08T23:00:00.000001Z")?, @r"
    driver_id=1001
    FEATURE         VALUE  STATUS           EVENT TIME
    conv_rate       -      OUTSIDE_MAX_AGE  2026-01-07T23:00:00Z
    acc_rate        -      OUTSIDE_MAX_AGE  2026-01-07T23:00:00Z
    busy            -      OUTSIDE_MAX_AGE  2026-01-07T23:00:00Z
    trips_6h        -      OUTSIDE_MAX_AGE  2026-01-07T23:00:00Z
    far_and_unsure  -      NULL_VALUE
    ");
    insta::assert_snapshot!(ask("driver_id=9999", END)?, @r"
    driver_id=9999
    FEATURE         VALUE  STATUS      EVENT TIME
    conv_rate       -      NOT_FOUND
    acc_rate        -      NOT_FOUND
    busy            -      NOT_FOUND
    trips_6h        -      NOT_FOUND
    far_and_unsure  -      NULL_VALUE
    ");
    Ok(())
}

#[test]
fn vectors_as_json_have_the_shape_of_the_http_answer() -> Result<()> {
    let rides = Rides::online()?;
    let (code, answer) = rides.json([
        "get-online-features",
        "--features",
        "driver_hourly:conv_rate,driver_trips:trips_6h",
        "--full-feature-names",
        "--entity",
        "driver_id=1001",
        "--entity",
        "driver_id=9999",
        "--as-of",
        END,
    ])?;
    assert_eq!(code, Some(0));
    insta::assert_json_snapshot!(answer, @r#"
    {
      "metadata": {
        "feature_names": [
          "driver_id",
          "driver_hourly__conv_rate",
          "driver_trips__trips_6h"
        ]
      },
      "results": [
        {
          "values": [
            1001,
            9999
          ],
          "statuses": [
            "PRESENT",
            "PRESENT"
          ],
          "event_timestamps": [
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z"
          ]
        },
        {
          "values": [
            0.6109,
            null
          ],
          "statuses": [
            "PRESENT",
            "NOT_FOUND"
          ],
          "event_timestamps": [
            "2026-01-07T23:00:00Z",
            "1970-01-01T00:00:00Z"
          ]
        },
        {
          "values": [
            71,
            null
          ],
          "statuses": [
            "PRESENT",
            "NOT_FOUND"
          ],
          "event_timestamps": [
            "2026-01-07T23:00:00Z",
            "1970-01-01T00:00:00Z"
          ]
        }
      ]
    }
    "#);
    Ok(())
}

#[test]
fn what_is_wrong_with_a_question_is_named() -> Result<()> {
    let rides = Rides::applied()?;
    let questions = [
        "--service acceptance_modl --entity driver_id=1",
        "--features driver_hourly:conv_rat --entity driver_id=1",
        "--service acceptance_model --entity driver_id=1",
        "--service acceptance_model --request pickup_distance_km=1",
        "--features driver_hourly --entity drver_id=1",
        "--features driver_hourly --entity driver_id",
        "--features driver_hourly --entity driver_id=one",
        "--features driver_hourly --entity driver_id=99999999999999999999",
        "--features driver_hourly --entity driver_id=1,driver_id=2",
        "--service acceptance_model --entity driver_id=1 --request pickup_distance_km=far",
    ];
    let mut said = String::new();
    for question in questions {
        said += &rides.refused(["get-online-features"].into_iter().chain(question.split(' ')))?;
    }
    insta::assert_snapshot!(said, @r"
    error: there is no feature service `acceptance_modl`; did you mean `acceptance_model`?
    error: feature view `driver_hourly` has no feature `conv_rat`; did you mean `conv_rate`?
    error: the request lacks the request field `pickup_distance_km` (float64)
    error: the request lacks the join key `driver_id` (int64)
    error: `drver_id` is neither a join key nor a request field of what is asked for; did you mean `driver_id`?
    error: `driver_id` is not of the form name=value
    error: `one` is no int64, as `driver_id` wants
    error: `99999999999999999999` is no int64, as `driver_id` wants
    error: `driver_id` of --entity driver_id=1,driver_id=2 is given twice
    error: `far` is no float64, as `pickup_distance_km` wants
    ");
    Ok(())
}

#[test]
fn pushed_rows_are_online_at_once_and_never_replace_later_ones() -> Result<()> {
    let rides = Rides::online()?;
    let row = |time: &str| {
        let time = time.parse::<Timestamp>().expect("a time").micros();
        Table::new()
            .int64s("driver_id", [1001])
            .times("event_timestamp", [time])
            .times("created", [time + 1])
            .floats("conv_rate", [0.25])
            .floats("acc_rate", [0.5])
            .bools("busy", [Option::<bool>::None])
            .batch()
    };
    write_parquet(rides.path("rows.parquet"), &[row("2026-01-07T22:00:00Z")])?;
    let push = ["push", "driver_hourly", "--input", "rows.parquet"];
    insta::assert_snapshot!(rides.asof.succeed(push)?, @"Pushed to driver_hourly: 0 rows written, 1 kept because the store has later ones");
    write_parquet(rides.path("rows.parquet"), &[row("2026-01-08T00:00:00Z")])?;
    insta::assert_snapshot!(rides.asof.succeed(push)?, @"Pushed to driver_hourly: 1 row written, 0 kept because the store has later ones");
    insta::assert_snapshot!(rides.asof.succeed(["get-online-features", "--features", "driver_hourly", "--entity", "driver_id=1001", "--as-of", "2026-01-08T01:00:00Z"])?, @r"
    driver_id=1001
    FEATURE    VALUE  STATUS      EVENT TIME
    conv_rate  0.25   PRESENT     2026-01-08T00:00:00Z
    acc_rate   0.5    PRESENT     2026-01-08T00:00:00Z
    busy       -      NULL_VALUE  2026-01-08T00:00:00Z
    ");
    let said = [
        rides.refused(["push", "driver_hourly", "--input", "spine.csv"])?,
        rides.refused(["push", "driver_hourly", "--input", "data/driver_stats.parquet"])?,
        rides.refused(["push", "driver_trips", "--input", "rows.parquet"])?,
        rides.refused(["push", "driver_hour", "--input", "rows.parquet"])?,
    ];
    insta::assert_snapshot!(said.concat(), @r"
    error: `spine.csv` cannot be read as Parquet, which is what push takes: Parquet error: Invalid Parquet file. Corrupt footer
    error: pushed rows of feature view `driver_hourly` lack the feature `busy`; they have `driver_id`, `event_timestamp`, `created`, `conv_rate`, `acc_rate`, `trips`
    error: feature view `driver_trips` aggregates source rows, so its feature rows cannot be pushed; add the source rows to `driver_stats` and materialize
    error: feature view `driver_hour` is not defined; did you mean `driver_hourly`?
    ");
    Ok(())
}

#[test]
fn a_changed_view_answers_as_before_until_it_is_online() -> Result<()> {
    let rides = Rides::online()?;
    let ask = [
        "get-online-features",
        "--features",
        "driver_hourly:busy",
        "--entity",
        "driver_id=1001",
        "--as-of",
        END,
    ];
    let before = rides.asof.succeed(ask)?;
    rides.edit("trips > 10", "trips > 100")?;
    rides.asof.succeed(["apply"])?;

    let waiting = rides.asof.run(ask)?;
    assert_eq!(waiting.stdout, before);
    insta::assert_snapshot!(waiting.stderr, @"note: answered by registry version 1; version 2 waits until driver_hourly is materialized");

    rides
        .asof
        .succeed(["materialize-incremental", "--to", END, "--views", "driver_hourly"])?;
    let after = rides.asof.run(ask)?;
    assert_eq!(after.stderr, "");
    insta::assert_snapshot!(after.stdout, @r"
    driver_id=1001
    FEATURE  VALUE  STATUS   EVENT TIME
    busy     false  PRESENT  2026-01-07T23:00:00Z
    ");
    Ok(())
}
