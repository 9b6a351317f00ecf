//! Exit codes, help and what goes where.

use anyhow::Result;

use crate::asof;

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
    Ok(())
}
