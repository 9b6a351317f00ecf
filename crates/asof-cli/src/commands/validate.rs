//! `asof validate`: every problem in the repository, not just the first.

use asof_repo::{Diagnostic, Severity};
use clap::Args;

use crate::args::Global;
use crate::error::{CliError, CliResult};
use crate::printer::{Printer, complain};
use crate::table::plural;
use crate::workspace::Workspace;

/// Options of `asof validate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof validate\n  asof validate --no-sources --output json")]
pub(crate) struct ValidateArgs {
    /// Do not read the sources' files; check the definitions alone.
    #[arg(long)]
    no_sources: bool,
}

pub(crate) async fn run(global: &Global, args: &ValidateArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let diagnostics = workspace.diagnostics(!args.no_sources).await?;
    let errors = count(&diagnostics, Severity::Error);
    let warnings = count(&diagnostics, Severity::Warning);
    if !diagnostics.is_empty() && !printer.is_json() {
        complain(workspace.render(&diagnostics).trim_end());
    }
    printer.result(
        || match (&workspace.repository.definitions, errors) {
            (Some(definitions), 0) => format!(
                "Project {} is valid: {}, {}, {}, {}, {}{}",
                definitions.project,
                plural(definitions.entities.len(), "entity", "entities"),
                plural(definitions.sources.len(), "source", "sources"),
                plural(definitions.feature_views.len(), "feature view", "feature views"),
                plural(
                    definitions.on_demand_feature_views.len(),
                    "on-demand feature view",
                    "on-demand feature views"
                ),
                plural(
                    definitions.feature_services.len(),
                    "feature service",
                    "feature services"
                ),
                if warnings == 0 {
                    String::new()
                } else {
                    format!("; {}", plural(warnings, "warning", "warnings"))
                },
            ),
            _ => format!(
                "{} in this repository",
                [(errors, "error", "errors"), (warnings, "warning", "warnings")]
                    .iter()
                    .filter(|(count, ..)| *count > 0)
                    .map(|(count, one, many)| plural(*count, one, many))
                    .collect::<Vec<_>>()
                    .join(" and ")
            ),
        },
        || {
            serde_json::json!({
                "valid": errors == 0,
                "errors": errors,
                "warnings": warnings,
                "diagnostics": asof_repo::to_json(&diagnostics),
            })
        },
    );
    if errors == 0 { Ok(()) } else { Err(CliError::Reported) }
}

fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == severity)
        .count()
}
