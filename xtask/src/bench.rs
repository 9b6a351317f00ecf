//! `cargo xtask bench NAME`: builds a benchmark as users build programs, runs it, and prints its tables.

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;

use crate::command;
use crate::workspace::Workspace;

/// The options of the verb.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to measure
    #[arg(value_parser = PossibleValuesParser::new(BENCHES.iter().map(|(name, _)| *name)))]
    name: String,
    /// Options of the benchmark, such as --help or --rows 100000
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// The benchmarks, each with its package: outside the workspace, with a lock file of its own.
const BENCHES: [(&str, &str); 1] = [("embedded-stores", "benches/embedded_stores/Cargo.toml")];

/// The manifests of all benchmarks, by their paths from the root.
pub(crate) fn manifests() -> impl Iterator<Item = &'static str> {
    BENCHES.iter().map(|(_, manifest)| *manifest)
}

/// Builds and runs one.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let (_, manifest) = BENCHES
        .iter()
        .find(|(name, _)| *name == arguments.name)
        .context("clap lets known names through only")?;
    command::run(
        workspace
            .cargo()
            .args(["run", "--quiet", "--release", "--locked", "--manifest-path", manifest])
            .arg("--target-dir")
            .arg(workspace.target.join("benches"))
            .arg("--")
            .args(&arguments.options),
    )
}
