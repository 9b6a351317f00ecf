//! `asof doctor`: whether everything that the repository needs is there and reachable.

use asof_model::definition::{OnlineStoreConfig, RedisLayout};
use asof_online::StoreFact;
use asof_repo::{Diagnostic, Severity};
use clap::Args;
use serde_json::{Value, json};

use crate::args::{Global, ONLINE_STORES};
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::table::{plural, table};
use crate::workspace::Workspace;

const NOTES: &str = "\
The online store is named without user and password. Lines with ! are no failure, but something should be done.

Exit codes: 0 when everything is there; 1 when something is wrong or cannot be reached.";

const EXAMPLE: &str = "\
Example:
  asof --repo flights doctor";

/// Options of `asof doctor`.
#[derive(Debug, Args)]
#[command(after_help = format!("{NOTES}\n\n{ONLINE_STORES}\n\n{EXAMPLE}"))]
pub(crate) struct DoctorArgs {}

/// One thing that was looked at.
struct Check {
    what: &'static str,
    /// What was found, or what is wrong and what to do.
    found: Result<String, String>,
    /// What more is known of it.
    facts: Vec<StoreFact>,
}

impl Check {
    fn new(what: &'static str, found: Result<String, String>) -> Self {
        Self {
            what,
            found,
            facts: Vec::new(),
        }
    }

    /// Lines of the table: how it is, what it is about, what was found.
    fn lines(&self) -> Vec<Vec<String>> {
        let (sign, text) = match &self.found {
            Ok(text) => ("ok", text),
            Err(text) => ("FAIL", text),
        };
        let mut lines = vec![vec![sign.to_owned(), self.what.to_owned(), text.clone()]];
        for fact in &self.facts {
            let (sign, text) = match &fact.advice {
                None => ("ok", fact.found.clone()),
                Some(advice) => ("!", format!("{}: {advice}", fact.found)),
            };
            lines.push(vec![sign.to_owned(), format!("  {}", fact.about), text]);
        }
        lines
    }

    fn to_json(&self) -> Value {
        let (Ok(text) | Err(text)) = &self.found;
        let fact = |fact: &StoreFact| json!({"about": fact.about, "found": fact.found, "advice": fact.advice});
        let facts: Vec<Value> = self.facts.iter().map(fact).collect();
        json!({"check": self.what, "ok": self.found.is_ok(), "found": text, "facts": facts})
    }
}

pub(crate) async fn run(global: &Global, _args: &DoctorArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let checks = [
        Check::new("definitions", definitions(&workspace)),
        Check::new("sources", sources(&workspace).await),
        Check::new(
            "registry",
            registry(&workspace).await.map_err(|error| error.to_string()),
        ),
        online_store(&workspace).await,
    ];
    printer.result(
        || {
            let rows = checks.iter().flat_map(Check::lines);
            format!(
                "asof {}\n\n{}",
                env!("CARGO_PKG_VERSION"),
                table(&["", "what", "found"], &[], rows)
            )
        },
        || {
            let checks: Vec<Value> = checks.iter().map(Check::to_json).collect();
            json!({"version": env!("CARGO_PKG_VERSION"), "checks": checks})
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

async fn online_store(workspace: &Workspace) -> Check {
    let reached = async {
        let store = workspace.online_store().await?;
        store.ping().await?;
        if let OnlineStoreConfig::Redis(config) = &workspace.settings()?.online_store
            && config.layout == RedisLayout::Feast
        {
            let found = format!("{config} answers; its rows are Feast's, which keeps no count of them");
            return Ok((found, store.describe().await?));
        }
        let keyspaces = store.keyspaces().await?;
        let rows: u64 = keyspaces.iter().map(|keyspace| keyspace.rows).sum();
        let found = format!(
            "{} in {}, in {}",
            plural(rows, "row", "rows"),
            plural(keyspaces.len(), "keyspace", "keyspaces"),
            workspace.settings()?.online_store
        );
        CliResult::Ok((found, store.describe().await?))
    };
    match reached.await {
        Ok((found, facts)) => Check {
            facts,
            ..Check::new("online store", Ok(found))
        },
        Err(error) => Check::new("online store", Err(error.to_string())),
    }
}
