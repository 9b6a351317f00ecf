//! `cargo xtask law`: the long form of the law of no skew, with as many random cases as one has time for.

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// The options of the verb.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Random cases per property; of those with long spines a tenth
    #[arg(long, default_value_t = 2_000)]
    cases: u32,
    /// Build as users do: takes longer to build, and less to run
    #[arg(long)]
    release: bool,
}

/// Runs the properties; each case with more settings of the engine than in the short form.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    // The whole workspace is named, so that its dependencies have the features that every other step builds them with.
    command::run(
        workspace
            .cargo()
            .args(["test", "--workspace", "--test", "law"])
            .args(arguments.release.then_some("--release"))
            .env("ASOF_LAW_CASES", arguments.cases.to_string()),
    )
}
