//! `cargo xtask bench NAME`: builds a benchmark as users build programs, runs it, and prints its tables.

mod block;
mod contest;
mod lab;
mod pit;
mod sample;
mod table;
mod target;
mod windows;

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// The options of the verb.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    name: Name,
}

/// What to measure.
#[derive(clap::Subcommand)]
enum Name {
    /// The candidates for the embedded online store
    #[command(disable_help_flag = true)]
    EmbeddedStores {
        /// Options of the benchmark, such as --help or --rows 100000
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Training sets: the point-in-time join, against what users would pick instead
    Pit(pit::Arguments),
    /// Aggregations over windows, against what users would pick instead
    Windows(windows::Arguments),
}

const EMBEDDED_STORES: &str = "benches/embedded_stores/Cargo.toml";

/// The manifests of the benchmarks that are packages: outside the workspace, each with a lock file of its own.
pub(crate) fn manifests() -> impl Iterator<Item = &'static str> {
    [EMBEDDED_STORES].into_iter()
}

/// Runs one.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    match &arguments.name {
        Name::EmbeddedStores { options } => command::run(
            workspace
                .cargo()
                .args([
                    "run",
                    "--quiet",
                    "--release",
                    "--locked",
                    "--manifest-path",
                    EMBEDDED_STORES,
                ])
                .arg("--target-dir")
                .arg(workspace.target.join("benches"))
                .arg("--")
                .args(options),
        ),
        Name::Pit(arguments) => pit::run(workspace, arguments),
        Name::Windows(arguments) => windows::run(workspace, arguments),
    }
}
