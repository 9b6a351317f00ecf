//! Definitions: what is wrong with them, what changing them means.

use anyhow::Result;

use crate::Rides;

#[test]
fn validate_counts_what_there_is() -> Result<()> {
    let rides = Rides::new()?;
    insta::assert_snapshot!(rides.asof.succeed(["validate"])?, @"Project rides is valid: 1 entity, 1 source, 2 feature views, 1 on-demand feature view, 1 feature service");
    Ok(())
}

#[test]
fn validate_reports_every_problem_with_its_place_also_against_the_sources() -> Result<()> {
    let rides = Rides::new()?;
    rides.edit(
        "entities: [driver]\n    source: driver_stats\n    ttl: 1d\n    features",
        "entities: [drivr]\n    source: driver_stats\n    tll: 1d\n    features",
    )?;
    rides.edit("trips > 10", "trps > 10")?;
    let run = rides.asof.run(["validate"])?;
    assert_eq!(run.code, Some(1));
    insta::assert_snapshot!(run.stdout, @"3 errors in this repository");
    insta::assert_snapshot!(run.stderr, @r#"
    error[ASOF0303]: there is no entity `drivr`
      --> drivers.yaml:14:16
       |
    14 |     entities: [drivr]
       |                ^^^^^
       |
       = help: did you mean `driver`?

    error[ASOF0201]: feature view `driver_hourly` has no key `tll`
      --> drivers.yaml:16:5
       |
    16 |     tll: 1d
       |     ^^^
       |
       = help: did you mean `ttl`?
       = help: its keys are name, entities, source, ttl, availability_lag, visible_from, filter, features, aggregation, online, materialize, expect, description, owner, tags

    error[ASOF0502]: feature `busy` of `driver_hourly`: there is no column `trps`
      --> drivers.yaml:20:41
       |
    20 |       - {name: busy, type: bool, expr: "trps > 10"}      # SQL over the source's row
       |                                         ^^^^
       |
       = help: did you mean `trips`?
    "#);
    let (code, document) = rides.json(["validate"])?;
    assert_eq!(code, Some(1));
    assert_eq!((&document["valid"], &document["errors"]), (&false.into(), &3.into()));
    assert_eq!(document["diagnostics"].as_array().map(Vec::len), Some(3));

    // Other commands refuse with the same.
    let (_, document) = rides.json(["plan"])?;
    assert_eq!(document["diagnostics"].as_array().map(Vec::len), Some(3));
    assert_eq!(document["error"], "the repository has 3 problems; run `asof validate`");
    Ok(())
}

#[test]
fn an_unreadable_source_is_a_problem_of_the_line_that_names_it() -> Result<()> {
    let rides = Rides::new()?;
    fs_err::write(rides.path("data/driver_stats.parquet"), "hello")?;
    let run = rides.asof.run(["validate"])?;
    assert_eq!(run.code, Some(1));
    insta::assert_snapshot!(run.stderr, @r"
    error[ASOF0601]: source `driver_stats` cannot be read: `data/driver_stats.parquet` is no Parquet file that can be read: it has only 5 bytes
     --> drivers.yaml:8:21
      |
    8 |     parquet: {path: data/driver_stats.parquet}
      |                     ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: `--no-sources` validates without looking at sources
    ");
    rides.asof.succeed(["validate", "--no-sources"])?;
    let run = rides.asof.run(["doctor"])?;
    assert_eq!(run.code, Some(1));
    insta::assert_snapshot!(run.stdout, @r"
    asof 0.1.0

          WHAT          FOUND
    ok    definitions   project rides, 2 feature views, 1 feature service
    FAIL  sources       1 error; run `asof validate`
    ok    registry      no version yet in .asof/registry; run `asof apply`
    ok    online store  0 rows in 0 keyspaces, in .asof/online
    ");
    Ok(())
}

#[test]
fn a_link_to_a_file_counts_and_an_excluded_folder_is_not_entered() -> Result<()> {
    let rides = Rides::new()?;
    fs_err::create_dir_all(rides.path("other"))?;
    fs_err::write(rides.path("other/broken.yaml"), "entities: [")?;
    assert!(!rides.refused(["plan"])?.is_empty());
    let store = fs_err::read_to_string(rides.path("feature_store.yaml"))?;
    fs_err::write(rides.path("feature_store.yaml"), format!("{store}exclude: [other]\n"))?;
    rides.asof.succeed(["plan"])?;
    #[cfg(unix)]
    {
        fs_err::rename(rides.path("drivers.yaml"), rides.path("other/drivers.yaml"))?;
        fs_err::os::unix::fs::symlink(rides.path("other/drivers.yaml"), rides.path("drivers.yaml"))?;
        let valid = rides.asof.succeed(["validate"])?;
        assert!(valid.contains("2 feature views"), "{valid}");
    }
    Ok(())
}

#[test]
fn a_plan_says_how_far_a_change_reaches() -> Result<()> {
    let rides = Rides::applied()?;
    insta::assert_snapshot!(rides.asof.succeed(["plan"])?, @"Nothing to change: the registry already holds these definitions.");

    // Nothing that exists answers otherwise.
    rides.edit("- name: driver\n", "- name: driver\n    description: who drives\n")?;
    insta::assert_snapshot!(rides.asof.succeed(["plan"])?, @r"
    ~ change

    ~ entity driver (safe)
        + description: who drives

    Plan: 0 to add, 1 to change, 0 to remove
    ");

    // The same names and types, with other values.
    rides.edit("    description: who drives\n", "")?;
    rides.edit("trips > 10", "trips > 12")?;
    insta::assert_snapshot!(rides.asof.succeed(["plan"])?, @r"
    ~ change

    ~ feature view driver_hourly (rebuild)
        ~ features.busy.expr: trips > 10 -> trips > 12
        affects online rows of driver_hourly (to rebuild)
        affects training sets of acceptance_model

    Plan: 0 to add, 1 to change, 0 to remove
    ");

    // Something that callers use goes away.
    rides.edit("trips > 12", "trips > 10")?;
    rides.edit("      - {name: acc_rate, type: float64}\n", "")?;
    insta::assert_snapshot!(rides.asof.succeed(["plan"])?, @r"
    ~ change

    ~ feature view driver_hourly (breaking)
        - features.acc_rate: float64
        affects online rows of driver_hourly (to rebuild)
        affects columns or inputs of acceptance_model
        affects training sets of acceptance_model

    Plan: 0 to add, 1 to change, 0 to remove
    ");
    let (_, document) = rides.json(["plan"])?;
    assert_eq!(
        (&document["class"], &document["base_version"]),
        (&"breaking".into(), &1.into())
    );
    Ok(())
}
