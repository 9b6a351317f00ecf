//! Training sets that are there: made again and compared.

use anyhow::Result;
use asof_testkit::{read_parquet, write_parquet};
use serde_json::json;

use crate::Rides;

const MAKE: [&str; 7] = [
    "get-historical-features",
    "--service",
    "acceptance_model",
    "--spine",
    "spine.csv",
    "--out",
    "train.parquet",
];

const VERIFY: [&str; 3] = ["training-sets", "verify", "train.parquet.manifest.json"];

/// A repository with a training set.
fn made() -> Result<Rides> {
    let rides = Rides::applied()?;
    rides.asof.succeed(MAKE)?;
    Ok(rides)
}

#[test]
fn a_manifest_says_how_a_training_set_was_made() -> Result<()> {
    let rides = made()?;
    let text = fs_err::read_to_string(rides.path("train.parquet.manifest.json"))?;
    let mut manifest: serde_json::Value = serde_json::from_str(&text)?;
    assert_eq!(manifest["command"], json!(MAKE));
    assert_eq!(manifest["request"], json!({"service": "acceptance_model"}));
    assert_eq!(manifest["registry_version"], json!(1));
    let definitions = manifest["definitions"].as_array_mut().into_iter().flatten();
    let names: Vec<String> = definitions
        .map(|item| format!("{} {}", item["kind"], item["name"]).replace('"', ""))
        .collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    entity driver
    feature_service acceptance_model
    feature_view driver_hourly
    feature_view driver_trips
    on_demand_feature_view offer
    source driver_stats
    ");
    Ok(())
}

#[test]
fn an_undisturbed_training_set_comes_out_again() -> Result<()> {
    let rides = made()?;
    let before = rides.files()?;
    insta::assert_snapshot!(rides.asof.succeed(VERIFY)?, @"The same 6 rows come out, byte for byte");
    assert_eq!(rides.files()?, before);
    // The training set names its manifest.
    let (code, said) = rides.json(["training-sets", "verify", "train.parquet"])?;
    assert_eq!(code, Some(0));
    let same = json!({"same": true, "same_bytes": true, "changes": [], "difference": null});
    assert_eq!(said, same);
    // Later definitions are of no matter: the version is named.
    rides.edit("ttl: 1d", "ttl: 2d")?;
    rides.asof.succeed(["apply"])?;
    rides.asof.succeed(VERIFY)?;
    // A copy of a source has another time and no other rows.
    let source = rides.path("data/driver_stats.parquet");
    let bytes = fs_err::read(&source)?;
    fs_err::remove_file(&source)?;
    fs_err::write(&source, bytes)?;
    insta::assert_snapshot!(rides.asof.succeed(VERIFY)?, @"The same 6 rows come out, byte for byte");
    Ok(())
}

#[test]
fn what_changed_is_named() -> Result<()> {
    let rides = made()?;
    let verify = || -> Result<String> {
        let run = rides.asof.run(VERIFY)?;
        Ok(format!("{:?}\n{}{}\n", run.code, run.stdout, run.stderr))
    };
    let mut said = Vec::new();
    // Fewer rows in the source.
    let source = rides.path("data/driver_stats.parquet");
    let good = fs_err::read(&source)?;
    let rows = read_parquet(&source)?;
    write_parquet(&source, &[rows[0].slice(0, 5)])?;
    said.push(verify()?);
    fs_err::write(&source, good)?;
    // One row less in the spine, then none of it.
    let spine = fs_err::read_to_string(rides.path("spine.csv"))?;
    let (shorter, _) = spine.trim_end().rsplit_once('\n').unwrap_or_default();
    fs_err::write(rides.path("spine.csv"), shorter)?;
    said.push(verify()?);
    fs_err::rename(rides.path("spine.csv"), rides.path("moved.csv"))?;
    said.push(verify()?);
    fs_err::write(rides.path("moved.csv"), spine)?;
    said.push(rides.asof.succeed([&VERIFY[..], &["--spine", "moved.csv"]].concat())?);
    fs_err::rename(rides.path("moved.csv"), rides.path("spine.csv"))?;
    // The training set itself.
    let train = rides.path("train.parquet");
    let made = read_parquet(&train)?;
    write_parquet(&train, &[made[0].slice(0, 2)])?;
    said.push(verify()?);
    fs_err::remove_file(&train)?;
    said.push(verify()?);
    insta::assert_snapshot!(said.concat(), @r"
    Some(1)
    file `data/driver_stats.parquet` of the source `driver_stats` changed
    Another training set comes out: row 0 (from zero), column `conv_rate`: was 0.25, is 0.6552
    reading driver_hourly: 5 rows in 1 file
    reading driver_trips: 5 rows in 1 file

    Some(1)
    the spine `spine.csv` is another
    Another training set comes out: it had 6 rows, there are 5
    reading driver_hourly: 840 rows in 1 file
    reading driver_trips: 840 rows in 1 file

    Some(1)
    error: failed to open file `spine.csv`: No such file or directory (os error 2)

    The same 6 rows come out, byte for byte
    Some(1)
    the training set's file `train.parquet` changed
    Another training set comes out: it had 2 rows, there are 6
    reading driver_hourly: 840 rows in 1 file
    reading driver_trips: 840 rows in 1 file

    Some(0)
    the training set's file `train.parquet` is missing
    The same 6 rows come out, byte for byte
    reading driver_hourly: 840 rows in 1 file
    reading driver_trips: 840 rows in 1 file
    ");
    Ok(())
}

#[test]
fn a_training_set_that_differs_fails_with_the_first_value() -> Result<()> {
    let rides = made()?;
    let source = rides.path("data/driver_stats.parquet");
    let rows = read_parquet(&source)?;
    write_parquet(&source, &[rows[0].slice(0, 5)])?;
    let (code, said) = rides.json(VERIFY)?;
    assert_eq!((code, &said["same"]), (Some(1), &json!(false)));
    assert_eq!(said["difference"]["row"], json!(0));
    assert_eq!(said["difference"]["column"], json!("conv_rate"));
    // Nothing is left of the attempt.
    assert!(
        rides
            .files()?
            .iter()
            .all(|name| !name.contains("verify") && !name.contains("partial"))
    );
    Ok(())
}

#[test]
fn files_that_come_and_go_are_named() -> Result<()> {
    let rides = Rides::new()?;
    rides.edit("data/driver_stats.parquet", "data")?;
    rides.asof.succeed(["apply"])?;
    rides.asof.succeed(MAKE)?;
    // A row after all times changes nothing, and its file is named all the same.
    let rows = read_parquet(rides.path("data/driver_stats.parquet"))?;
    write_parquet(
        rides.path("data/a.parquet"),
        &[rows[0].slice(rows[0].num_rows() - 1, 1)],
    )?;
    insta::assert_snapshot!(rides.asof.succeed(VERIFY)?, @r"
    file `data/a.parquet` of the source `driver_stats` is new
    The same 6 rows come out, in other bytes
    ");
    fs_err::rename(
        rides.path("data/driver_stats.parquet"),
        rides.path("data/renamed.parquet"),
    )?;
    insta::assert_snapshot!(rides.asof.succeed(VERIFY)?, @r"
    file `data/driver_stats.parquet` of the source `driver_stats` is missing
    file `data/a.parquet` of the source `driver_stats` is new
    file `data/renamed.parquet` of the source `driver_stats` is new
    The same 6 rows come out, in other bytes
    ");
    Ok(())
}

#[test]
fn what_is_no_manifest_is_refused() -> Result<()> {
    let rides = made()?;
    let verify = |path| rides.refused(["training-sets", "verify", path]);
    fs_err::rename(rides.path("train.parquet.manifest.json"), rides.path("m.json"))?;
    let text = fs_err::read_to_string(rides.path("m.json"))?;
    let edited = [
        ("version.json", "\"registry_version\": 1", "\"registry_version\": 7"),
        ("project.json", "\"project\": \"", "\"project\": \"other_"),
        ("command.json", "\"--spine\"", "\"--spline\""),
    ];
    let mut said = vec![verify("train.parquet")?, verify("absent.json")?];
    for (name, from, to) in edited {
        assert!(text.contains(from), "{from}");
        fs_err::write(rides.path(name), text.replacen(from, to, 1))?;
        said.push(verify(name)?);
    }
    insta::assert_snapshot!(said.concat(), @r"
    error: `train.parquet` cannot be read as the manifest of a training set: expected value at line 1 column 1
    error: failed to open file `absent.json`: No such file or directory (os error 2)
    error: the registry has no version 7; it is at version 1
    error: `project.json` is of the project `other_rides`, this repository of `rides`; name the other with --repo
    error: the manifest's command `get-historical-features --service acceptance_model --spline spine.csv --out train.parquet` cannot be run by this Asof (0.1.0), it was made by 0.1.0: unexpected argument '--spline' found
    ");
    Ok(())
}

fn explain(row: &str) -> Vec<&str> {
    vec!["training-sets", "explain", "train.parquet", "--row", row]
}

#[test]
fn each_value_of_a_row_has_its_origin() -> Result<()> {
    let rides = made()?;
    insta::assert_snapshot!(rides.asof.succeed(explain("3"))?, @r"
    row 3 of train.parquet, as of 2026-01-04T11:20:00Z

    driver_hourly of driver_id = 1001
      conv_rate = 0.5506
      acc_rate = 0.7568
      busy = false
      from            data/driver_stats.parquet row 415 (row group 0, its row 415), event 2026-01-04T11:00:00Z, created 2026-01-04T11:05:00Z
      future          data/driver_stats.parquet row 420 (row group 0, its row 420), event 2026-01-04T12:00:00Z, created 2026-01-04T12:05:00Z
      superseded      data/driver_stats.parquet row 410 (row group 0, its row 410), event 2026-01-04T10:00:00Z, created 2026-01-04T10:05:00Z

    driver_trips of driver_id = 1001
      trips_6h = 60
      from            the cutoff 2026-01-04T11:00:00Z
      window 6h       6 rows
        first         data/driver_stats.parquet row 390 (row group 0, its row 390), event 2026-01-04T06:00:00Z, created 2026-01-04T06:05:00Z
        last          data/driver_stats.parquet row 415 (row group 0, its row 415), event 2026-01-04T11:00:00Z, created 2026-01-04T11:05:00Z
      future          data/driver_stats.parquet row 420 (row group 0, its row 420), event 2026-01-04T12:00:00Z, created 2026-01-04T12:05:00Z
      expired         data/driver_stats.parquet row 295 (row group 0, its row 295), event 2026-01-03T11:00:00Z, created 2026-01-03T11:05:00Z

    offer (on demand)
      far_and_unsure = false
      from            driver_hourly.conv_rate = 0.5506
      from            driver_hourly.acc_rate = 0.7568
      from            driver_hourly.busy = false
      from            pickup_distance_km = 3.3
    ");
    // Before the first cutoff that could answer, and a driver that nobody knows.
    insta::assert_snapshot!(rides.asof.succeed(explain("0"))?, @r"
    row 0 of train.parquet, as of 2026-01-01T01:35:00Z

    driver_hourly of driver_id = 1001
      conv_rate = 0.25
      acc_rate = 0.8581
      busy = true
      from            data/driver_stats.parquet row 5 (row group 0, its row 5), event 2026-01-01T01:00:00Z, created 2026-01-01T01:05:00Z
      future          data/driver_stats.parquet row 10 (row group 0, its row 10), event 2026-01-01T02:00:00Z, created 2026-01-01T02:05:00Z
      superseded      data/driver_stats.parquet row 0 (row group 0, its row 0), event 2026-01-01T00:00:00Z, created 2026-01-01T00:05:00Z

    driver_trips of driver_id = 1001
      trips_6h = 21
      from            the cutoff 2026-01-01T01:00:00Z
      window 6h       2 rows
        first         data/driver_stats.parquet row 0 (row group 0, its row 0), event 2026-01-01T00:00:00Z, created 2026-01-01T00:05:00Z
        last          data/driver_stats.parquet row 5 (row group 0, its row 5), event 2026-01-01T01:00:00Z, created 2026-01-01T01:05:00Z
      future          data/driver_stats.parquet row 10 (row group 0, its row 10), event 2026-01-01T02:00:00Z, created 2026-01-01T02:05:00Z

    offer (on demand)
      far_and_unsure = false
      from            driver_hourly.conv_rate = 0.25
      from            driver_hourly.acc_rate = 0.8581
      from            driver_hourly.busy = true
      from            pickup_distance_km = 1.2
    ");
    insta::assert_snapshot!(rides.asof.succeed(explain("5"))?, @r"
    row 5 of train.parquet, as of 2026-01-07T06:00:00Z

    driver_hourly of driver_id = 1099
      conv_rate = -
      acc_rate = -
      busy = -
      nothing answers, of 0 rows of `driver_stats` with this key

    driver_trips of driver_id = 1099
      trips_6h = -
      nothing answers, of 0 rows of `driver_stats` with this key

    offer (on demand)
      far_and_unsure = false
      from            driver_hourly.conv_rate = -
      from            driver_hourly.acc_rate = -
      from            driver_hourly.busy = -
      from            pickup_distance_km = 2.0
    ");
    Ok(())
}

#[test]
fn an_explanation_is_also_json() -> Result<()> {
    let rides = made()?;
    let (code, said) = rides.json(explain("3"))?;
    assert_eq!(code, Some(0));
    let features = said["features"].as_array().cloned().unwrap_or_default();
    let names: Vec<_> = features.iter().map(|feature| feature["name"].clone()).collect();
    assert_eq!(names, ["conv_rate", "acc_rate", "busy", "trips_6h", "far_and_unsure"]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&features[0])?, @r#"
    {
      "name": "conv_rate",
      "value": 0.5506,
      "view": "driver_hourly",
      "feature": "conv_rate",
      "source": "driver_stats",
      "keys": {
        "driver_id": 1001
      },
      "rows_of_key": 168,
      "row": {
        "file": "data/driver_stats.parquet",
        "row": 415,
        "row_group": 0,
        "row_in_group": 415,
        "event_time": "2026-01-04T11:00:00Z",
        "created_time": "2026-01-04T11:05:00Z"
      },
      "rejected": [
        {
          "file": "data/driver_stats.parquet",
          "row": 420,
          "row_group": 0,
          "row_in_group": 420,
          "event_time": "2026-01-04T12:00:00Z",
          "created_time": "2026-01-04T12:05:00Z",
          "reason": "future"
        },
        {
          "file": "data/driver_stats.parquet",
          "row": 410,
          "row_group": 0,
          "row_in_group": 410,
          "event_time": "2026-01-04T10:00:00Z",
          "created_time": "2026-01-04T10:05:00Z",
          "reason": "superseded"
        }
      ]
    }
    "#);
    assert_eq!(features[3]["window"], json!("6h"));
    assert_eq!(features[3]["windows"][0]["rows"], json!(6));
    let inputs = &features[4]["inputs"];
    assert_eq!(inputs[0]["name"], json!("driver_hourly.conv_rate"));
    assert_eq!(inputs[0]["row"], features[0]["row"]);
    let count = inputs.as_array().map_or(0, Vec::len);
    assert_eq!(
        inputs[count - 1],
        json!({"name": "pickup_distance_km", "value": 3.3, "request": true})
    );
    Ok(())
}

#[test]
fn an_explanation_says_what_changed_since() -> Result<()> {
    let rides = made()?;
    let source = rides.path("data/driver_stats.parquet");
    let rows = read_parquet(&source)?;
    write_parquet(&source, &[rows[0].slice(0, 5)])?;
    let said = rides.asof.succeed(explain("3"))?;
    let changes: Vec<&str> = said.lines().filter(|line| line.starts_with("changed since")).collect();
    insta::assert_snapshot!(changes.join("\n"), @r"
    changed since: file `data/driver_stats.parquet` of the source `driver_stats` changed
    changed since: `conv_rate` is no longer what the training set has
    changed since: `acc_rate` is no longer what the training set has
    changed since: `busy` is no longer what the training set has
    changed since: `trips_6h` is no longer what the training set has
    ");
    insta::assert_snapshot!(rides.refused(explain("6"))?, @"error: the training set has 6 rows, so there is no row 6: rows are counted from zero");
    Ok(())
}

#[test]
fn other_spines_and_outputs_have_manifests_too() -> Result<()> {
    let rides = Rides::applied()?;
    let make = ["get-historical-features", "--features", "driver_hourly:conv_rate"];
    let grid = [
        "--from",
        "2026-01-02T00:00:00Z",
        "--to",
        "2026-01-03T00:00:00Z",
        "--every",
        "12h",
    ];
    let sql = ["--spine-sql", "SELECT driver_id, event_timestamp FROM driver_stats"];
    let outputs: [(&str, &[&str], &str); 3] = [
        ("grid.parquet", &grid, "grid.parquet.manifest.json"),
        (
            "parts",
            &["--spine", "spine.csv", "--partition-rows", "4"],
            "parts/_manifest.json",
        ),
        ("sql.parquet", &sql, "sql.parquet"),
    ];
    for (out, options, manifest) in outputs {
        rides.asof.succeed([&make[..], options, &["--out", out]].concat())?;
        let (code, said) = rides.json(["training-sets", "verify", manifest])?;
        assert_eq!((code, &said["same_bytes"]), (Some(0), &json!(true)), "{out}: {said}");
        let (code, said) = rides.json(["training-sets", "explain", out, "--row", "4"])?;
        assert_eq!((code, &said["changes"]), (Some(0), &json!([])), "{out}: {said}");
    }
    let tensors = ["--spine", "spine.csv", "--as-tensor", "f32", "--out", "train.arrow"];
    rides.asof.succeed([&make[..], &tensors].concat())?;
    rides.asof.succeed(["training-sets", "verify", "train.arrow"])?;
    insta::assert_snapshot!(rides.refused(["training-sets", "explain", "train.arrow", "--row", "0"])?, @"error: `train.arrow` is not Parquet: in tensors the spine's keys and times are lost; make the training set as Parquet to have it explained");
    Ok(())
}
