//! Exit codes, help and what goes where.

use std::process::Stdio;

use anyhow::{Context, Result};

use crate::{END, Rides, asof};

#[test]
fn usage_errors_exit_with_2_and_refusals_with_1() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let asof = asof(folder.path());
    assert_eq!(asof.run(["no-such-command"])?.code, Some(2));
    assert_eq!(
        asof.run(["materialize", "--from", "yesterday", "--to", "today"])?.code,
        Some(2)
    );
    let refused = asof.run(["validate"])?;
    assert_eq!(refused.code, Some(1));
    assert_eq!(refused.stdout, "");
    insta::assert_snapshot!(refused.stderr, @"error: `.` has no feature_store.yaml; name a feature repository with --repo, or make one with `asof init DIR`");
    let refused = asof.run(["--repo", "nowhere", "validate"])?;
    insta::assert_snapshot!(refused.stderr, @"error: `nowhere` does not exist; name a feature repository with --repo, or make one with `asof init DIR`");
    Ok(())
}

#[test]
fn help_names_every_command() -> Result<()> {
    let folder = tempfile::tempdir()?;
    insta::assert_snapshot!(asof(folder.path()).succeed(["--help"])?, @r"
    The `asof` command: definitions, training sets, materialization and serving from one binary

    Usage: asof [OPTIONS] <COMMAND>

    Commands:
      init                     Make a working repository to start from
      validate                 Report every problem in the repository, not just the first
      schema                   Print the JSON Schema of the YAML, for editors
      plan                     Show what applying the repository would change, and what that affects
      apply                    Make the repository the registry's current version, atomically
      history                  List the registry's versions
      rollback                 Make an earlier version's definitions current again, as a new version
      show                     Show what the registry holds
      get-historical-features  Join features to a spine, each as it was known at the spine's times
      training-sets            Make a training set again and compare, or say where its values come from
      materialize              Bring features online: the last row per entity in an interval
      materialize-incremental  Bring online what is new since the last run, late rows included
      materializations         List the runs that bring features online; resume or cancel one
      get-online-features      Look up feature vectors in the online store
      online                   Say what is online and whether it is right; delete what nobody needs
      push                     Write feature rows straight to the online store
      serve                    Serve feature vectors over gRPC and HTTP
      demo                     Tell the whole story on real flights, from YAML to a served vector
      completions              Print a completion script for a shell
      doctor                   Check that everything the repository needs is there and reachable
      help                     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Options of every command:
          --repo <DIR>       The feature repository: the folder of `feature_store.yaml` [env: ASOF_REPO]
                             [default: .]
          --output <OUTPUT>  How results are printed: for a person, or as one JSON document [default:
                             human] [possible values: human, json]
      -q, --quiet            Print results and errors only
      -v, --verbose...       Log more; twice for everything

    Examples:
      asof demo                                    see it work, from nothing to a served vector
      asof demo --online redis                     the same, served from a Redis
      asof init rides && cd rides                  a repository to start from
      asof validate && asof plan && asof apply     check definitions, see what changes, make it so
      asof get-historical-features --service acceptance_model --spine spine.csv --out train.parquet
      asof materialize-incremental --to 2026-01-07T23:00:00Z && asof serve
    ");
    Ok(())
}

#[test]
fn every_command_has_help_with_an_example() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let asof = asof(folder.path());
    let help = asof.succeed(["--help"])?;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|rest| !rest.starts_with(' '))?
                .split_whitespace()
                .next()
        })
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 17, "{commands:?}");
    for command in commands {
        let help = asof.succeed([command, "--help"])?;
        assert!(
            help.contains("Example") || command == "schema",
            "{command} shows how it is used\n{help}"
        );
    }
    Ok(())
}

#[test]
fn init_leaves_what_is_there_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs_err::write(folder.path().join("mine.txt"), "mine")?;
    let run = asof(folder.path()).run(["init", "."])?;
    assert_eq!(run.code, Some(1));
    assert_eq!(fs_err::read_dir(folder.path())?.count(), 1);
    let run = asof(folder.path()).run(["init", "mine.txt"])?;
    insta::assert_snapshot!(run.stderr, @"error: `mine.txt` is a file; name a new folder");
    let made = asof(folder.path()).succeed(["init", "it's new"])?;
    insta::assert_snapshot!(made, @r"
    Made it's new with 6 files. Next:

      cd 'it'\''s new'
      asof validate
      asof apply
    ");
    Ok(())
}

#[test]
fn each_command_prints_one_json_document_also_when_it_refuses() -> Result<()> {
    let rides = Rides::new()?;
    let before = ["history", "validate", "plan", "doctor", "schema", "completions bash"];
    for command in before {
        let (code, _) = rides.json(command.split(' '))?;
        assert_eq!(code, Some(0), "{command}");
    }
    for command in [
        "show",
        "rollback 1",
        "materialize-incremental --to 2026-01-07T23:00:00Z",
    ] {
        let (code, document) = rides.json(command.split(' '))?;
        assert_eq!(code, Some(1), "{command}");
        assert!(document["error"].is_string(), "{command}: {document}");
    }
    let done = [
        "apply -m first",
        "show",
        "show feature-views",
        "show feature-views driver_hourly",
        "get-historical-features --service acceptance_model --spine spine.csv --out t.parquet",
        "materialize --from 2026-01-01T00:00:00Z --to 2026-01-07T00:00:00Z",
        "materialize-incremental --to 2026-01-07T23:00:00Z",
        "get-online-features --features driver_hourly --entity driver_id=1001",
    ];
    for command in done {
        let (code, document) = rides.json(command.split(' '))?;
        assert_eq!(code, Some(0), "{command}: {document}");
    }
    let refused = [
        "init .",
        "apply no-such.plan",
        "rollback 9",
        "show feature-services nobody",
        "get-historical-features --service nobody --spine spine.csv --out t.parquet",
        "materialize --from 2026-01-07T00:00:00Z --to 2026-01-01T00:00:00Z",
        "get-online-features --service nobody --entity driver_id=1",
        "push driver_hourly --input spine.csv",
        "serve --grpc nonsense",
    ];
    for command in refused {
        let (code, document) = rides.json(command.split(' '))?;
        assert_eq!(code, Some(1), "{command}: {document}");
        assert!(document["error"].is_string(), "{command}: {document}");
    }
    let (code, document) = rides.json(["materialize", "--to", END])?;
    assert_eq!(code, Some(2));
    assert!(document["error"].is_string(), "{document}");
    Ok(())
}

#[test]
fn quiet_silences_all_but_results_and_errors() -> Result<()> {
    let rides = Rides::applied()?;
    let run = rides.asof.run(["-q", "materialize-incremental", "--to", END])?;
    assert_eq!(run.stderr, "");
    assert!(run.stdout.contains("driver_hourly"), "{}", run.stdout);
    let run = rides.asof.run(["-q", "show", "sources", "nothing"])?;
    insta::assert_snapshot!(run.stderr, @"error: the registry has no source `nothing`");
    Ok(())
}

#[test]
fn a_reader_that_leaves_is_no_error_but_a_full_disk_is() -> Result<()> {
    let rides = Rides::new()?;
    let mut left = rides
        .asof
        .command(["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(left.stdout.take().context("stdout is piped")?);
    let left = left.wait_with_output()?;
    assert_eq!((left.status.code(), left.stderr.as_slice()), (Some(0), &b""[..]));
    if let Ok(full) = fs_err::OpenOptions::new().write(true).open("/dev/full") {
        let run = rides.asof.command(["schema"]).stdout(full.into_parts().0).output()?;
        assert_eq!(run.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&run.stderr).contains("cannot be written"));
    }
    Ok(())
}

#[test]
fn paths_of_spines_are_the_callers_and_paths_of_sources_the_repositorys() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let asof = asof(folder.path());
    asof.succeed(["init", "rides ü/all"])?;
    asof.succeed(["--repo", "rides ü/all", "apply"])?;
    fs_err::rename(
        folder.path().join("rides ü/all/spine.csv"),
        folder.path().join("my spine.csv"),
    )?;
    asof.succeed([
        "--repo",
        "rides ü/all",
        "get-historical-features",
        "--service",
        "acceptance_model",
        "--spine",
        "my spine.csv",
        "--out",
        "my train.parquet",
    ])?;
    assert!(folder.path().join("my train.parquet").is_file());
    Ok(())
}
