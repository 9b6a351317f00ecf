//! `asof doctor`: whether everything that the repository needs is there and reachable.

use asof_model::definition::{OnlineStoreConfig, RedisLayout};
use asof_repo::{Diagnostic, Severity};
use clap::Args;
use serde_json::json;

use crate::args::Global;
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::table::{plural, table};
use crate::workspace::Workspace;

/// Options of `asof doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof --repo flights doctor")]
pub(crate) struct DoctorArgs {}

/// One thing that was looked at.
struct Check {
    what: &'static str,
    /// What was found, or what is wrong and what to do.
    found: Result<String, String>,
}

pub(crate) async fn run(global: &Global, _args: &DoctorArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let checks = [
        Check {
            what: "definitions",
            found: definitions(&workspace),
        },
        Check {
            what: "sources",
            found: sources(&workspace).await,
        },
        Check {
            what: "registry",
            found: registry(&workspace).await.map_err(|error| error.to_string()),
        },
        Check {
            what: "online store",
            found: online_store(&workspace).await.map_err(|error| error.to_string()),
        },
    ];
    printer.result(
        || {
            let rows = checks.iter().map(|check| match &check.found {
                Ok(text) => vec!["ok".to_owned(), check.what.to_owned(), text.clone()],
                Err(text) => vec!["FAIL".to_owned(), check.what.to_owned(), text.clone()],
            });
            format!(
                "asof {}\n\n{}",
                env!("CARGO_PKG_VERSION"),
                table(&["", "what", "found"], &[], rows)
            )
        },
        || {
            let check = |check: &Check| {
                let (Ok(text) | Err(text)) = &check.found;
                json!({"check": check.what, "ok": check.found.is_ok(), "found": text})
            };
            json!({"version": env!("CARGO_PKG_VERSION"), "checks": checks.iter().map(check).collect::<Vec<_>>()})
        },
    );
    if checks.iter().all(|check| check.found.is_ok()) {
        Ok(())
    } else {
        Err(CliError::Reported)
    }
}

fn definitions(workspace: &Workspace) -> Result<String, String> {
    let repository = &workspace.repository;
    match &repository.definitions {
        Some(definitions) => Ok(format!(
            "project {}, {}, {}",
            definitions.project,
            plural(definitions.feature_views.len(), "feature view", "feature views"),
            plural(
                definitions.feature_services.len(),
                "feature service",
                "feature services"
            ),
        )),
        None => Err(problems(&repository.diagnostics)),
    }
}

async fn sources(workspace: &Workspace) -> Result<String, String> {
    let found = workspace.check_sources().await.map_err(|error| error.to_string())?;
    if found.iter().any(|found| found.severity == Severity::Error) {
        return Err(problems(&found));
    }
    let count = workspace.repository.sources.len();
    Ok(format!("{} readable", plural(count, "source", "sources")))
}

/// How many errors there are, and what tells them.
fn problems(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .count();
    format!("{}; run `asof validate`", plural(errors, "error", "errors"))
}

async fn registry(workspace: &Workspace) -> CliResult<String> {
    let settings = workspace.settings()?;
    Ok(match workspace.registry()?.current().await? {
        Some(snapshot) => format!("version {} in {}", snapshot.version, settings.registry),
        None => format!("no version yet in {}; run `asof apply`", settings.registry),
    })
}

async fn online_store(workspace: &Workspace) -> CliResult<String> {
    let store = workspace.online_store().await?;
    store.ping().await?;
    if let OnlineStoreConfig::Redis(config) = &workspace.settings()?.online_store
        && config.layout == RedisLayout::Feast
    {
        return Ok(format!(
            "{config} answers; its rows are Feast's, which keeps no count of them"
        ));
    }
    let keyspaces = store.keyspaces().await?;
    let rows: u64 = keyspaces.iter().map(|keyspace| keyspace.rows).sum();
    Ok(format!(
        "{} in {}",
        plural(rows, "row", "rows"),
        plural(keyspaces.len(), "keyspace", "keyspaces")
    ))
}
