//! Training sets: made, and refused without a trace.

use anyhow::Result;

use crate::{Rides, stable};

const ALL: [&str; 5] = [
    "get-historical-features",
    "--service",
    "acceptance_model",
    "--out",
    "train.parquet",
];

fn with_spine(spine: &str) -> Vec<&str> {
    [&ALL[..], &["--spine", spine]].concat()
}

#[test]
fn a_training_set_is_told_of_in_a_line() -> Result<()> {
    let rides = Rides::applied()?;
    let run = rides.asof.run(with_spine("spine.csv"))?;
    assert_eq!(run.code, Some(0));
    insta::assert_snapshot!(stable(&run.stdout), @r"
    VIEW           JOINED BY    MATCHED  EXPIRED     NO ROW  NULL KEY  SOURCE ROWS  FILES READ
    driver_hourly  driver_id  5 (83.3%)        0  1 (16.7%)         0          840      1 of 1
    driver_trips   driver_id  5 (83.3%)        0  1 (16.7%)         0          840      1 of 1

    Wrote train.parquet: 6 rows, 4 columns of the spine and 5 features, in [time]
    ");
    insta::assert_snapshot!(run.stderr, @r"
    reading driver_hourly: 840 rows in 1 file
    reading driver_trips: 840 rows in 1 file
    ");
    Ok(())
}

#[test]
fn nothing_is_done_before_the_first_apply() -> Result<()> {
    let rides = Rides::new()?;
    insta::assert_snapshot!(rides.refused(with_spine("spine.csv"))?, @"error: the registry has no version yet; run `asof apply` first");
    assert!(!rides.path("train.parquet").exists());
    Ok(())
}

#[test]
fn a_refused_training_set_leaves_nothing_behind() -> Result<()> {
    let rides = Rides::applied()?;
    let header = "driver_id,event_timestamp,pickup_distance_km";
    let spines = [
        ("no_time.csv", "driver_id,pickup_distance_km\n1,1.5\n".to_owned()),
        ("bad_key.csv", format!("{header}\nabc,2026-01-01T00:00:00Z,1.5\n")),
        ("bad_time.csv", format!("{header}\n1,yesterday,1.5\n")),
        ("clash.csv", format!("{header},busy\n1,2026-01-01T00:00:00Z,1.5,true\n")),
        ("text.parquet", "PAR1 it is not".to_owned()),
    ];
    for (name, text) in &spines {
        fs_err::write(rides.path(name), text)?;
    }
    let before = rides.files()?;
    let mut said = Vec::new();
    for (name, _) in &spines {
        said.push(rides.refused(with_spine(name))?);
    }
    said.push(rides.refused(with_spine("absent.csv"))?);
    said.push(rides.refused(with_spine("data"))?);
    let features = |features| {
        rides.refused([
            "get-historical-features",
            "--features",
            features,
            "--spine",
            "spine.csv",
            "--out",
            "train.parquet",
        ])
    };
    said.push(features("driver_hourly:conv_rat")?);
    said.push(features("driver_hourl")?);
    insta::assert_snapshot!(said.concat(), @r"
    error: the spine lacks `event_timestamp`; its columns are `driver_id`, `pickup_distance_km`
    error: row 1 of the spine: `abc` in column `driver_id` is no int64
    error: row 1 of the spine: `yesterday` in column `event_timestamp` is no timestamp
    error: the spine's column `busy` has the name of the feature `driver_hourly:busy`; rename it, or ask for full feature names
    error: `text.parquet` cannot be read as Parquet: Parquet error: Invalid Parquet file. Corrupt footer
    error: failed to open file `absent.csv`: No such file or directory (os error 2)
    error: the spine lacks `pickup_distance_km`; its columns are `driver_id`, `event_timestamp`, `created`, `conv_rate`, `acc_rate`, `trips`
    error: feature view `driver_hourly` has no feature `conv_rat`; did you mean `conv_rate`?
    error: there is no feature view `driver_hourl`; did you mean `driver_hourly`?
    ");
    assert_eq!(rides.files()?, before);
    Ok(())
}

#[test]
fn a_training_set_replaces_neither_its_spine_nor_a_source() -> Result<()> {
    let rides = Rides::applied()?;
    let out = |out| {
        rides.refused([
            "get-historical-features",
            "--service",
            "acceptance_model",
            "--spine",
            "spine.csv",
            "--out",
            out,
        ])
    };
    let before = fs_err::read(rides.path("data/driver_stats.parquet"))?;
    let said = [
        out("./data/../spine.csv")?,
        out("data/driver_stats.parquet")?,
        out("data")?,
        out("train.csv")?,
        out("no/such/train.parquet")?,
    ];
    insta::assert_snapshot!(said.concat(), @r"
    error: `./data/../spine.csv` is the spine, which the training set would replace; name another file
    error: `data/driver_stats.parquet` lies in the source `driver_stats`, which would be changed by it; name another file
    error: `data` is a folder; name a file in it
    error: `train.csv` would not be CSV: training sets are Parquet; name a file that ends in .parquet
    error: the folder of `no/such/train.parquet` does not exist; make it first
    ");
    // A new file in a source's folder, or one that a pattern would find, changes the source too.
    for path in ["data", "data/*.parquet"] {
        rides.edit("data/driver_stats.parquet", path)?;
        rides.asof.succeed(["apply"])?;
        assert!(out("data/train.parquet")?.contains("lies in the source"), "{path}");
        rides.edit(&format!("path: {path}}}"), "path: data/driver_stats.parquet}")?;
    }
    assert_eq!(fs_err::read(rides.path("data/driver_stats.parquet"))?, before);
    assert!(fs_err::read_to_string(rides.path("spine.csv"))?.starts_with("driver_id,"));
    Ok(())
}

/// Makes a training set of the service from rows that need no file, and says how it went.
fn made(rides: &Rides, options: &[&str]) -> Result<String> {
    let run = rides.asof.run([&ALL[..], options].concat())?;
    anyhow::ensure!(run.code == Some(0), "{}", run.stderr);
    Ok(stable(&run.stdout).lines().last().unwrap_or_default().to_owned())
}

#[test]
fn rows_come_from_a_query_or_from_what_a_view_knows() -> Result<()> {
    let rides = Rides::applied()?;
    let query = "SELECT driver_id, event_timestamp, 1.5 AS pickup_distance_km FROM driver_stats
        WHERE driver_id < 1003 ORDER BY event_timestamp, driver_id LIMIT 7";
    let said = made(&rides, &["--spine-sql", query])?;
    insta::assert_snapshot!(said, @r#"
    Wrote train.parquet: 7 rows, 3 columns of the spine and 5 features, in [time]
    "#);
    let features = |options: &[&str]| {
        let all = [
            "get-historical-features",
            "--features",
            "driver_hourly",
            "--out",
            "train.parquet",
        ];
        let run = rides.asof.run([&all[..], options].concat())?;
        let wrote = stable(&run.stdout).lines().last().unwrap_or_default().to_owned();
        let said = run.stderr.lines().filter(|line| line.starts_with("error"));
        anyhow::Ok(said.fold(wrote, |all, line| all + line))
    };
    let times = ["--from", "2026-01-02T00:00:00Z", "--to", "2026-01-03T00:00:00Z"];
    insta::assert_snapshot!(features(&times)?, @r#"
    Wrote train.parquet: 120 rows, 2 columns of the spine and 3 features, in [time]
    "#);
    insta::assert_snapshot!(features(&[&times[..], &["--every", "12h", "--spine-view", "driver_trips"]].concat())?, @r#"
    Wrote train.parquet: 10 rows, 2 columns of the spine and 3 features, in [time]
    "#);
    insta::assert_snapshot!(features(&[&times[..], &["--spine-view", "driver_trip"]].concat())?, @"error: --spine-view driver_trip: there is no such feature view; did you mean `driver_trips`?");
    insta::assert_snapshot!(features(&["--from", times[3], "--to", times[1]])?, @"error: --from 2026-01-03T00:00:00Z is not before --to 2026-01-02T00:00:00Z, which is itself outside; swap them, or move one");
    insta::assert_snapshot!(features(&["--spine-sql", "DELETE FROM driver_stats"])?, @"error: the spine's SQL is no query; write one, such as SELECT user_id, event_timestamp FROM labels");
    Ok(())
}

#[test]
fn a_training_set_may_be_a_folder_and_resources_may_be_bounded() -> Result<()> {
    let rides = Rides::applied()?;
    let options = |out| {
        let command = [
            "get-historical-features",
            "--service",
            "acceptance_model",
            "--spine",
            "spine.csv",
            "--out",
            out,
        ];
        let how = [
            "--partition-rows",
            "4",
            "--compression",
            "snappy",
            "--row-group-rows",
            "2",
        ];
        let resources = ["--memory", "100MB", "--threads", "1"];
        [&command[..], &how, &resources].concat()
    };
    for _ in 0..2 {
        let run = rides.asof.run(options("parts"))?;
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let mut names: Vec<_> = fs_err::read_dir(rides.path("parts"))?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<std::io::Result<_>>()?;
        names.sort();
        assert_eq!(names, ["_manifest.json", "part-00000.parquet", "part-00001.parquet"]);
    }
    let verified = rides.asof.run(["training-sets", "verify", "parts"])?;
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    let said = [
        rides.refused(options("data"))?,
        rides.refused(options("spine.csv"))?,
        rides.refused(options("."))?,
    ];
    insta::assert_snapshot!(said.concat(), @r#"
    error: `data` lies in the source `driver_stats`, which would be changed by it; name another folder
    error: `spine.csv` is the spine, which the training set would replace; name another folder
    error: `.` has the spine in it, which the training set would replace; name another folder
    "#);
    Ok(())
}

#[test]
fn sizes_and_codecs_that_are_none_are_refused() -> Result<()> {
    let rides = Rides::applied()?;
    let mut said = String::new();
    for option in [
        ["--memory", "much"],
        ["--memory", "1MiB"],
        ["--compression", "zip"],
        ["--threads", "0"],
    ] {
        let run = rides.asof.run([&with_spine("spine.csv")[..], &option].concat())?;
        assert_eq!(run.code, Some(2));
        said += run.stderr.lines().next().unwrap_or_default();
        said += "\n";
    }
    insta::assert_snapshot!(said, @r#"
    error: invalid value 'much' for '--memory <SIZE>': that is no size; write a number and a unit, as 2GiB or 500MB
    error: invalid value '1MiB' for '--memory <SIZE>': that is too little to work in; give at least 64MiB
    error: invalid value 'zip' for '--compression <CODEC>': `zip` is no compression; write zstd, zstd:LEVEL (1 to 22), snappy, lz4 or none
    error: invalid value '0' for '--threads <N>': number would be zero for non-zero type
    "#);
    Ok(())
}

#[test]
fn features_become_tensors_with_what_the_service_imputes() -> Result<()> {
    let rides = Rides::applied()?;
    let command = |out| {
        let command = [
            "get-historical-features",
            "--service",
            "acceptance_model",
            "--spine",
            "spine.csv",
            "--out",
            out,
        ];
        [&command[..], &["--as-tensor", "f32"]].concat()
    };
    let said = [
        rides.refused(command("train.parquet"))?,
        rides.refused(with_spine_to("train.arrow"))?,
    ];
    insta::assert_snapshot!(said.concat(), @r#"
    error: `train.parquet` would not be Parquet: tensors are Arrow IPC; name a file that ends in .arrow
    error: `train.arrow` would not be Arrow IPC: training sets are Parquet unless --as-tensor is given; name a file that ends in .parquet
    "#);
    let run = rides.asof.run(command("train.arrow"))?;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let names = |bytes: Vec<u8>| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let start = text.find("[\"").expect("the names of the positions");
        text[start..].split_inclusive(']').next().map(str::to_owned)
    };
    insta::assert_snapshot!(names(fs_err::read(rides.path("train.arrow"))?).unwrap_or_default(), @r#"["conv_rate","acc_rate","busy","trips_6h","far_and_unsure"]"#);
    let verified = rides.asof.run(["training-sets", "verify", "train.arrow"])?;
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    let before = fs_err::read(rides.path("train.arrow"))?;
    rides.edit("offer]", "offer]\n    impute: {default: 0, conv_rate: 0.5}")?;
    let plan = rides.asof.succeed(["plan"])?;
    assert!(plan.contains("impute"), "{plan}");
    rides.asof.succeed(["apply"])?;
    rides.asof.succeed(command("train.arrow"))?;
    assert_ne!(
        fs_err::read(rides.path("train.arrow"))?,
        before,
        "the driver 1099 was never seen"
    );
    let verified = rides.asof.run(["training-sets", "verify", "train.arrow"])?;
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    Ok(())
}

fn with_spine_to(out: &str) -> Vec<&str> {
    let command = [
        "get-historical-features",
        "--service",
        "acceptance_model",
        "--spine",
        "spine.csv",
        "--out",
    ];
    [&command[..], &[out]].concat()
}
