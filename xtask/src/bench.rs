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
    /// The least that filling a Redis with the rows that are in it can cost; EMPTIES IT FIRST
    RedisFloor {
        /// The server, as host:port, and how many rows are sent together
        #[arg(required = true, num_args = 1..=2, value_name = "HOST:PORT [ROWS]")]
        options: Vec<String>,
    },
    /// Training sets: the point-in-time join, against what users would pick instead
    Pit(pit::Arguments),
    /// Aggregations over windows, against what users would pick instead
    Windows(windows::Arguments),
}

const EMBEDDED_STORES: &str = "benches/embedded_stores/Cargo.toml";
const REDIS_FLOOR: &str = "benches/redis_floor/Cargo.toml";

/// The manifests of the benchmarks that are packages: outside the workspace, each with a lock file of its own.
pub(crate) fn manifests() -> impl Iterator<Item = &'static str> {
    [EMBEDDED_STORES, REDIS_FLOOR].into_iter()
}

/// Runs one.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    match &arguments.name {
        Name::EmbeddedStores { options } => package(workspace, EMBEDDED_STORES, options),
        Name::RedisFloor { options } => package(workspace, REDIS_FLOOR, options),
        Name::Pit(arguments) => pit::run(workspace, arguments),
        Name::Windows(arguments) => windows::run(workspace, arguments),
    }
}

/// Builds a benchmark that is a package, and runs it.
fn package(workspace: &Workspace, manifest: &str, options: &[String]) -> Result<()> {
    command::run(
        workspace
            .cargo()
            .args(["run", "--quiet", "--release", "--locked", "--manifest-path", manifest])
            .arg("--target-dir")
            .arg(workspace.target.join("benches"))
            .arg("--")
            .args(options),
    )
}
