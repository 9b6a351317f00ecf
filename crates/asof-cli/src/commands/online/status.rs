//! `asof online status`: the keyspaces of the project.

use asof_materialize::{KeyspaceState, KeyspaceStatus, Ledger, OnlineStatus, keyspace_statuses};
use asof_model::ViewName;
use clap::Args;
use serde_json::{Value, json};

use crate::args::Global;
use crate::error::CliResult;
use crate::printer::Printer;
use crate::table::table;
use crate::workspace::{Workspace, nothing_applied};

const NOTES: &str = "\
States:
  live      readers are answered from it
  building  the current version reads it, but readers do not see that version yet
  previous  kept for a rollback; `asof online gc` deletes it in time
  released  given up; `asof online gc` deletes what rows there are
  unknown   neither a version of this registry nor its ledger has it; nothing touches it

Exit codes: 0 whatever the states are; 1 when registry, ledger or store cannot be read.

Examples:
  asof online status
  asof online status --output json";

/// Options of `asof online status`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct StatusArgs {}

pub(super) async fn run(global: &Global, _args: &StatusArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let registry = workspace.registry()?;
    let store = workspace.online_store().await?;
    let status = keyspace_statuses(&registry, &Ledger::beside(&registry), store.as_ref()).await?;
    let status = status.ok_or_else(nothing_applied)?;
    printer.result(|| human(&status), || machine(&status));
    Ok(())
}

fn human(status: &OnlineStatus) -> String {
    let versions = versions(status);
    if status.keyspaces.is_empty() {
        return format!("{versions}\n\nNo feature view is online");
    }
    let header = [
        "feature view",
        "state",
        "rows",
        "up to",
        "finished",
        "version",
        "keyspace",
    ];
    let table = table(&header, &[2, 5], status.keyspaces.iter().map(row));
    let hint = if status.keyspaces.iter().any(|of| of.is_emptied) {
        "\n\nemptied: rows were brought online, and the store does not have them any more; \
         run `asof materialize-incremental`"
    } else {
        ""
    };
    format!("{versions}\n\n{table}{hint}")
}

/// Which version readers see, and which one waits.
fn versions(status: &OnlineStatus) -> String {
    let live = format!("Readers see registry version {}", status.live);
    let Some(waiting) = &status.waiting else {
        return live;
    };
    let views: Vec<&str> = waiting.views.iter().map(ViewName::as_str).collect();
    let views = views.join(", ");
    format!(
        "{live}; version {} waits until {views} is materialized",
        waiting.version
    )
}

fn row(of: &KeyspaceStatus) -> Vec<String> {
    let newest = of.newest.as_ref();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        of.keyspace.view.to_string(),
        name(of.state).to_owned(),
        if of.is_emptied {
            "emptied".to_owned()
        } else {
            or_none(of.rows.map(|rows| rows.to_string()))
        },
        or_none(newest.map(|entry| entry.to.to_string())),
        or_none(newest.map(|entry| entry.finished.to_string())),
        or_none(newest.map(|entry| entry.registry_version.to_string())),
        of.keyspace.to_string(),
    ]
}

/// The word for a state.
fn name(state: KeyspaceState) -> &'static str {
    match state {
        KeyspaceState::Live => "live",
        KeyspaceState::Building => "building",
        KeyspaceState::Previous => "previous",
        KeyspaceState::Released => "released",
        KeyspaceState::Unknown => "unknown",
    }
}

fn machine(status: &OnlineStatus) -> Value {
    let keyspace = |of: &KeyspaceStatus| {
        json!({
            "keyspace": of.keyspace.to_string(),
            "feature_view": of.keyspace.view.as_str(),
            "state": name(of.state),
            "rows": of.rows,
            "emptied": of.is_emptied,
            "newest": of.newest.as_ref().map(|entry| json!({
                "from": entry.from.map(|time| time.to_string()),
                "to": entry.to.to_string(),
                "finished": entry.finished.to_string(),
                "registry_version": entry.registry_version,
            })),
        })
    };
    json!({
        "live_version": status.live.0,
        "waiting": status.waiting.as_ref().map(|waiting| json!({
            "version": waiting.version.0,
            "feature_views": waiting.views.iter().map(ViewName::as_str).collect::<Vec<_>>(),
        })),
        "keyspaces": status.keyspaces.iter().map(keyspace).collect::<Vec<_>>(),
    })
}
