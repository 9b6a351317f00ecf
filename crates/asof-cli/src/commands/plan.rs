//! `asof plan`: what applying the repository would change, and what that affects.

use std::path::PathBuf;

use asof_model::definition::Definitions;
use asof_repo::plan::{Plan, PlanFile, render};
use clap::Args;

use crate::args::Global;
use crate::error::CliResult;
use crate::printer::Printer;
use crate::workspace::Workspace;

/// Options of `asof plan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof plan\n  asof plan --out change.plan && asof apply change.plan")]
pub(crate) struct PlanArgs {
    /// Save the plan, for `asof apply FILE`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Do not check the definitions against the sources' files.
    #[arg(long)]
    no_sources: bool,
}

pub(crate) async fn run(global: &Global, args: &PlanArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let file = make(&workspace, args.no_sources, printer).await?;
    if let Some(path) = &args.out {
        fs_err::write(path, file.to_text())?;
        printer.note(format_args!(
            "Plan saved; apply it with `asof apply {}`",
            path.display()
        ));
    }
    show(&file.plan, file.base_version, printer);
    Ok(())
}

/// The plan from the registry's current version to the repository.
///
/// # Errors
/// When the repository has problems, also against its sources unless `no_sources`.
pub(crate) async fn make(workspace: &Workspace, no_sources: bool, printer: &Printer) -> CliResult<PlanFile> {
    let definitions = workspace.checked(!no_sources, printer).await?;
    let current = workspace.registry()?.current().await?;
    let empty = Definitions::empty(definitions.project.clone());
    let old = current
        .as_ref()
        .map_or(&empty, |snapshot| snapshot.definitions.as_ref());
    Ok(PlanFile::new(
        current.as_ref().map(|snapshot| snapshot.version.0),
        old,
        definitions.clone(),
    ))
}

/// Prints the plan.
pub(crate) fn show(plan: &Plan, base_version: Option<u64>, printer: &Printer) {
    printer.result(
        || render(plan, printer.data_coloring()),
        || {
            let mut json = plan.to_json();
            json["base_version"] = base_version.into();
            json
        },
    );
}
