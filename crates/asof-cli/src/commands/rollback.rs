//! `asof rollback`: an earlier version's definitions, as a new version.

use asof_registry::RegistryVersion;
use asof_repo::plan::{Plan, render};
use clap::Args;

use super::apply::NoteArgs;
use crate::args::Global;
use crate::error::CliResult;
use crate::printer::Printer;
use crate::workspace::Workspace;

/// Options of `asof rollback`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof rollback 3 -m \"Version 4 doubled the nulls\"")]
pub(crate) struct RollbackArgs {
    /// The version to go back to, as `asof history` numbers it.
    #[arg(value_parser = version)]
    version: u64,
    #[command(flatten)]
    note: NoteArgs,
}

pub(crate) async fn run(global: &Global, args: &RollbackArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let registry = workspace.registry()?;
    let info = args.note.info(&workspace).await;
    let snapshot = registry.rollback(RegistryVersion(args.version), info).await?;
    let version = snapshot.version;
    let before = registry.get(RegistryVersion(version.0 - 1)).await?;
    let plan = Plan::between(&before.definitions, &snapshot.definitions);
    printer.result(
        || {
            format!(
                "{}\nRegistry version {version} holds the definitions of version {}",
                render(&plan, printer.data_coloring()),
                args.version
            )
        },
        || serde_json::json!({"version": version.0, "restored": args.version, "plan": plan.to_json()}),
    );
    // The version is made, whatever comes of this: rows that it reads may have been given up since.
    if let Err(error) = workspace.live(printer).await {
        printer.note(format_args!("note: it cannot be told whether readers see it: {error}"));
    }
    Ok(())
}

fn version(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a version; `asof history` lists them by number"))
}
