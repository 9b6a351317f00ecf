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
                    message(entry),
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
                    "rollback_to": entry.rollback_to.map(|version| version.0),
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

/// Why the version was made; a rollback says so before the words of whoever made it.
fn message(entry: &VersionRecord) -> String {
    let words = entry.info.message.as_deref();
    match (entry.rollback_to, words) {
        (None, None) => "-".to_owned(),
        (None, Some(words)) => words.to_owned(),
        (Some(version), None) => format!("rollback to {version}"),
        (Some(version), Some(words)) => format!("rollback to {version}: {words}"),
    }
}

/// The first digits of the commit, with a `+` when files differed from it.
fn describe(git: &GitState) -> String {
    let short = git.commit.get(..10).unwrap_or(&git.commit);
    format!("{short}{}", if git.dirty { "+" } else { "" })
}
