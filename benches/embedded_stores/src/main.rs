//! Measures which key-value store should keep Asof's online rows on one machine, and prints Markdown.
//!
//! Every store gets the same rows (`data`), each repetition runs all stores one after the other, and every measured
//! phase is a process of its own, so that its peak memory is its own. Two floors run with them: rows written to a
//! file one after the other, and rows read from a hash map in memory. A third phase asks whether a second process
//! can use a store while the first has it open, by starting one that tries.
//!
//! Runs on Linux: memory is read from `/proc`.

mod data;
mod meter;
mod phases;
mod report;
mod second;
mod stores;

use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use clap::Parser;
use clap::Subcommand;
use serde::de::DeserializeOwned;

use crate::report::Measured;
use crate::stores::Kind;

#[derive(Parser)]
#[command(
    name = "embedded-stores",
    about = "Measures embedded key-value stores",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    phase: Option<Phase>,
    /// How many rows each store gets
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// How often everything is measured; the tables show medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// A folder on the disk to measure [default: where this program lies]
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// What one process measures; the program starts itself with these.
#[derive(Subcommand)]
enum Phase {
    #[command(hide = true)]
    Write(Subject),
    #[command(hide = true)]
    Read(Subject),
    #[command(hide = true)]
    Share(Subject),
    #[command(hide = true)]
    Second(Subject),
}

/// What a phase is about.
#[derive(clap::Args)]
struct Subject {
    store: Kind,
    folder: PathBuf,
    rows: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.phase {
        None => measure_all(&arguments),
        Some(Phase::Write(of)) => answer(&phases::write(of.store, &of.folder, of.rows)?),
        Some(Phase::Read(of)) => answer(&phases::read(of.store, &of.folder, of.rows)?),
        Some(Phase::Share(of)) => answer(&second::share(of.store, &of.folder, of.rows)?),
        Some(Phase::Second(of)) => answer(&second::attempt(of.store, &of.folder, of.rows)),
    }
}

fn measure_all(arguments: &Arguments) -> Result<()> {
    let program = std::env::current_exe()?;
    let beside = program.parent().context("the program lies in a folder")?;
    let folder = arguments.folder.as_deref().unwrap_or(beside);
    let mut measured = Measured::default();
    for repetition in 1..=arguments.repetitions {
        for kind in Kind::ALL {
            eprintln!("repetition {repetition} of {}: {}", arguments.repetitions, kind.name());
            let place = tempfile::tempdir_in(folder)?;
            let subject = Subject {
                store: kind,
                folder: place.path().to_owned(),
                rows: arguments.rows,
            };
            if kind.lasts() {
                measured
                    .writings
                    .entry(kind)
                    .or_default()
                    .push(start("write", &subject)?);
            }
            if kind.finds() {
                measured
                    .readings
                    .entry(kind)
                    .or_default()
                    .push(start("read", &subject)?);
            }
            if kind.is_store() {
                measured.sharings.insert(kind, start("share", &subject)?);
            }
        }
    }
    print!("{}", report::render(&measured, arguments.rows, arguments.repetitions));
    Ok(())
}

/// Runs a phase in a process of its own.
fn start<Answer: DeserializeOwned>(phase: &str, subject: &Subject) -> Result<Answer> {
    let output = Command::new(std::env::current_exe()?)
        .args([phase, subject.store.key()])
        .arg(&subject.folder)
        .arg(subject.rows.to_string())
        .stderr(Stdio::inherit())
        .output()?;
    let name = subject.store.name();
    if !output.status.success() {
        bail!("{phase} of {name} ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{phase} of {name} gave no answer"))
}

/// Hands what was measured to the process that started this one.
fn answer(answer: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(answer)?);
    Ok(())
}
