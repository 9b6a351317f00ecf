//! The `asof` binary as a person or a script meets it.

mod basics;
mod definitions;
mod faults;
mod feast;
mod flights;
mod interrupts;
mod keyspaces;
mod matches;
mod materializations;
mod offline;
mod online;
mod redis;
mod refusals;
mod registry;
mod serve;
mod training_sets;

use std::path::Path;

use anyhow::{Context, Result};
use asof_testkit::Asof;
use serde_json::Value;

/// The binary under test, run in `folder`.
fn asof(folder: impl AsRef<Path>) -> Asof {
    Asof::new(option_env!("CARGO_BIN_EXE_asof"), folder).expect("the binary is built with its tests")
}

/// A starter repository, and the binary in it.
struct Rides {
    folder: tempfile::TempDir,
    asof: Asof,
}

/// The end of the starter's data.
const END: &str = "2026-01-07T23:00:00Z";

impl Rides {
    /// As `asof init` leaves it.
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("asof-cli-").tempdir()?;
        let asof = asof(folder.path());
        asof.succeed(["init", "."])?;
        Ok(Self { folder, asof })
    }

    /// Applied.
    fn applied() -> Result<Self> {
        let rides = Self::new()?;
        rides
            .asof
            .succeed(["apply", "-m", "First features", "--author", "ada"])?;
        Ok(rides)
    }

    /// Applied, and all of it online.
    fn online() -> Result<Self> {
        let rides = Self::applied()?;
        rides.asof.succeed(["materialize-incremental", "--to", END])?;
        Ok(rides)
    }

    /// Uses the Redis at `url` as its online store.
    fn in_redis(&self, url: &str) -> Result<()> {
        self.use_store(&format!("{{type: redis, connection_string: \"{url}\"}}"))
    }

    /// Uses another online store, given as YAML of one line.
    fn use_store(&self, store: &str) -> Result<()> {
        let path = self.path("feature_store.yaml");
        let text = fs_err::read_to_string(&path)?;
        let lines = text.lines().map(|line| match line.split_once(':') {
            Some(("online_store", _)) => format!("online_store: {store}\n"),
            _ => format!("{line}\n"),
        });
        Ok(fs_err::write(path, lines.collect::<String>())?)
    }

    fn path(&self, relative: &str) -> std::path::PathBuf {
        self.folder.path().join(relative)
    }

    /// Replaces `from`, which is there, in the file of definitions.
    fn edit(&self, from: &str, to: &str) -> Result<()> {
        let path = self.path("drivers.yaml");
        let text = fs_err::read_to_string(&path)?;
        anyhow::ensure!(text.contains(from), "drivers.yaml has no {from}");
        Ok(fs_err::write(path, text.replace(from, to))?)
    }

    /// What a refused command says on stderr. Nothing stands on stdout then.
    fn refused<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        let run = self.asof.run(arguments)?;
        anyhow::ensure!(run.code == Some(1), "exit code {:?}\n{}", run.code, run.stdout);
        anyhow::ensure!(run.stdout.is_empty(), "stdout holds {}", run.stdout);
        Ok(run.stderr)
    }

    /// The one JSON document on stdout, and the exit code.
    fn json<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<(Option<i32>, Value)> {
        let run = self.asof.run(arguments.into_iter().chain(["--output", "json"]))?;
        let document = serde_json::from_str(&run.stdout).with_context(|| run.stdout.clone())?;
        Ok((run.code, document))
    }

    /// The files of the repository's folder itself, sorted.
    fn files(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs_err::read_dir(self.folder.path())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

/// Asks the process to end, as a supervisor does.
fn terminate(process: u32) -> Result<()> {
    signal(process, "TERM")
}

/// Sends a signal to a process.
fn signal(process: u32, name: &str) -> Result<()> {
    let sent = std::process::Command::new("sh")
        .args(["-c", "kill \"-$0\" \"$1\"", name, &process.to_string()])
        .status()?;
    anyhow::ensure!(sent.success(), "the signal was not sent");
    Ok(())
}

/// Hides what differs from run to run: the time of now, and how long something took.
fn stable(text: &str) -> String {
    let mut words = Vec::new();
    for line in text.lines() {
        let masked: Vec<&str> = line
            .split_whitespace()
            .map(|word| match word {
                _ if word.len() > 20 && word.starts_with("20") && word.ends_with('Z') => "[now]",
                _ => word,
            })
            .collect();
        if masked.contains(&"[now]") || line.starts_with("VERSION") {
            // Its columns are as wide as the time is long.
            words.push(masked.join("  "));
        } else if let Some((start, _)) = line.rsplit_once(", in ") {
            words.push(format!("{start}, in [time]"));
        } else {
            words.push(line.to_owned());
        }
    }
    words.join("\n")
}
