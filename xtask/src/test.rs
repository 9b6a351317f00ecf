//! `cargo xtask test`: installs what the tests need, then runs every check, the cheap ones first.
//!
//! All steps run, also after one has failed, so that one run tells everything. Every cargo call takes the whole
//! workspace: with one package alone, cargo would choose other features and build DataFusion again. Clippy comes before
//! the tests because it finds what does not compile in a fraction of the time.

mod document;
mod examples;
mod redis;
mod setup;

use std::io::{BufRead, BufReader, IsTerminal};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::builder::PossibleValuesParser;

use crate::workspace::Workspace;
use crate::{bench, command, generate, tidy};

/// The options of the verb.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Run these steps only
    #[arg(value_parser = PossibleValuesParser::new(STEPS.iter().map(|step| step.name)))]
    steps: Vec<String>,
}

/// One step of the verb.
struct Step {
    name: &'static str,
    run: fn(&Session) -> Result<Summary>,
}

/// What a step has to say at the very end, besides whether it went well.
type Summary = Vec<String>;

/// What the steps share.
struct Session<'a> {
    workspace: &'a Workspace,
    /// The S3 server of the tests, which they take from the environment.
    moto_server: PathBuf,
}

const STEPS: [Step; 8] = [
    Step {
        name: "format",
        run: format,
    },
    Step {
        name: "tidy",
        run: |session| quiet(tidy::run(session.workspace)),
    },
    Step {
        name: "wire",
        run: |session| quiet(generate::check_wire(session.workspace)),
    },
    Step {
        name: "clippy",
        run: clippy,
    },
    Step {
        name: "tests",
        run: tests,
    },
    Step {
        name: "doctests",
        run: doctests,
    },
    Step {
        name: "references",
        run: |session| quiet(generate::check_references(session.workspace)),
    },
    Step {
        name: "docs",
        run: |session| examples::run(session.workspace),
    },
];

/// Runs the steps and reports on all of them.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let session = Session {
        workspace,
        moto_server: setup::install(workspace)?,
    };
    let mut report = Vec::new();
    let mut failures = 0;
    for step in STEPS
        .iter()
        .filter(|step| arguments.steps.is_empty() || arguments.steps.iter().any(|name| name == step.name))
    {
        println!("\n== {}", step.name);
        let start = Instant::now();
        let outcome = (step.run)(&session);
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(summary) => {
                report.push(format!("{:<10} ok      {seconds:>7.1} s", step.name));
                report.extend(summary.into_iter().map(|line| format!("           {line}")));
            }
            Err(error) => {
                failures += 1;
                println!("{} failed: {error:#}", step.name);
                report.push(format!("{:<10} FAILED  {seconds:>7.1} s  {error:#}", step.name));
            }
        }
    }
    println!("\n== report\n{}", report.join("\n"));
    match failures {
        0 => Ok(()),
        1 => bail!("1 step failed"),
        _ => bail!("{failures} steps failed"),
    }
}

fn quiet(outcome: Result<()>) -> Result<Summary> {
    outcome.map(|()| Summary::new())
}

fn format(session: &Session) -> Result<Summary> {
    command::run(session.workspace.cargo().args(["fmt", "--all", "--check"]))?;
    bench::manifests().try_for_each(|manifest| {
        command::run(
            session
                .workspace
                .cargo()
                .args(["fmt", "--check", "--manifest-path", manifest]),
        )
    })?;
    Ok(Summary::new())
}

fn clippy(session: &Session) -> Result<Summary> {
    quiet(command::run(session.workspace.cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny=warnings",
    ])))
}

fn tests(session: &Session) -> Result<Summary> {
    let mut cargo = session.workspace.cargo();
    cargo.env("ASOF_TEST_MOTO_SERVER", &session.moto_server);
    if command::succeeds(session.workspace.cargo().args(["nextest", "--version"])) {
        cargo.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        cargo.args([
            "test",
            "--workspace",
            "--no-fail-fast",
            "--lib",
            "--bins",
            "--tests",
            "--examples",
        ]);
    }
    run_for_summary(&mut cargo)
}

fn doctests(session: &Session) -> Result<Summary> {
    run_for_summary(
        session
            .workspace
            .cargo()
            .args(["test", "--workspace", "--no-fail-fast", "--doc"]),
    )
}

/// Runs a test runner, passing on what it prints, and keeps its summary lines.
fn run_for_summary(command: &mut Command) -> Result<Summary> {
    println!("$ {}", command::line(command));
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let (output, for_stdout) = std::io::pipe()?;
    let for_stderr = for_stdout.try_clone()?;
    let mut child = command.stdout(for_stdout).stderr(for_stderr).spawn()?;
    // The command holds writing ends of the pipe, which would never end.
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut summary = Summary::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if is_summary(&line) {
            summary.push(line.trim().to_owned());
        }
    }
    let status = child.wait()?;
    if !status.success() {
        summary.insert(0, format!("{} ended with {status}", command::line(command)));
        bail!("{}", summary.join("\n           "));
    }
    Ok(summary)
}

/// Says whether a line counts tests: nextest has one such line, `cargo test` one for each binary that ran.
fn is_summary(line: &str) -> bool {
    (line.contains("Summary") && line.contains(" run: "))
        || (line.contains("test result:") && !line.contains(" 0 passed; 0 failed"))
}

#[cfg(test)]
mod tests {
    use super::is_summary;

    #[test]
    fn summaries_are_found_among_other_lines() {
        assert!(is_summary(
            "     Summary [   0.093s] 13 tests run: 13 passed, 0 skipped"
        ));
        assert!(is_summary(
            "test result: ok. 13 passed; 0 failed; 0 ignored; 0 measured"
        ));
        assert!(!is_summary(
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured"
        ));
        assert!(!is_summary("test wire::floats ... ok"));
    }
}
