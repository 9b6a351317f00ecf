//! `asof history`: the registry's versions.

use asof_registry::{GitState, VersionRecord};
use clap::Args;

use crate::args::Global;
use crate::error::CliResult;
use crate::printer::Printer;
use crate::table::table;
use crate::workspace::Workspace;

/// Options of `asof history`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof history\n  asof history --output json")]
pub(crate) struct HistoryArgs {}

pub(crate) async fn run(global: &Global, _args: &HistoryArgs, printer: &Printer) -> CliResult {
    let history = Workspace::open(global)?.registry()?.history().await?;
    printer.result(
        || {
            if history.is_empty() {
                return "The registry has no version yet; run `asof apply`".to_owned();
            }
            let rows = history.iter().rev().map(|entry| {
                let commit = entry.info.git.as_ref().map_or_else(|| "-".to_owned(), describe);
                vec![
                    entry.version.to_string(),
                    entry.info.time.to_string(),
                    entry.info.author.clone(),
                    commit,
                    entry.info.message.clone().unwrap_or_else(|| "-".to_owned()),
                ]
            });
            table(&["version", "time", "author", "commit", "message"], &[0], rows)
        },
        || {
            let version = |entry: &VersionRecord| {
                serde_json::json!({
                    "version": entry.version.0,
                    "time": entry.info.time.to_string(),
                    "author": entry.info.author,
                    "message": entry.info.message,
                    "git": entry.info.git.as_ref().map(|git| {
                        serde_json::json!({"commit": git.commit, "dirty": git.dirty})
                    }),
                })
            };
            history.iter().rev().map(version).collect()
        },
    );
    Ok(())
}

/// The first digits of the commit, with a `+` when files differed from it.
fn describe(git: &GitState) -> String {
    let short = git.commit.get(..10).unwrap_or(&git.commit);
    format!("{short}{}", if git.dirty { "+" } else { "" })
}
