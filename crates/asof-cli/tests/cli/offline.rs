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
    error: `data`: is a directory
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
