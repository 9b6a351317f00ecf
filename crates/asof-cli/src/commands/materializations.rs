//! `asof materializations`: runs that bring features online, how far each is, and what to do with those that are not over.

mod shown;

use asof_materialize::{RunEnd, RunEnding, RunId, RunStatus, Runs};
use asof_model::{Clock, SystemClock, Timestamp};
use clap::{Args, Subcommand};
use serde_json::json;

use super::materialize;
use crate::args::{EngineArgs, Global};
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::workspace::Workspace;

const EXAMPLES: &str = "\
Examples:
  asof materializations list
  asof materializations show origin_weather-00f3a9c51b2d4e67-1
  asof materializations resume origin_weather-00f3a9c51b2d4e67-1";

const STATES: &str = "\
States:
  running    somebody does it now
  left       nobody does it now; `resume`, or the same command again, goes on
  done       all is written, and the ledger says so
  cancelled  ended by `cancel`
  lost       the online store was emptied or set back while it was written";

/// Options of `asof materializations`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MaterializationsArgs {
    #[command(subcommand)]
    command: RunsCommand,
}

/// What to do with runs.
#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// List the runs, those planned last first.
    #[command(after_help = STATES)]
    List(ListArgs),
    /// Show the shards of a run: who does them, how often they were begun, what was written.
    Show(RunArgs),
    /// Go on with a run that was left, with the definitions it was planned for.
    Resume(ResumeArgs),
    /// End a run: whoever does it stops, and the ledger does not record it. What it wrote stays.
    Cancel(RunArgs),
}

/// Options of `asof materializations list`.
#[derive(Debug, Args)]
struct ListArgs {
    /// Only runs that are not over.
    #[arg(long)]
    open: bool,
}

/// Options of commands for one run.
#[derive(Debug, Args)]
struct RunArgs {
    /// The run, as `list` names it.
    #[arg(value_name = "RUN")]
    run: RunId,
}

/// Options of `asof materializations resume`.
#[derive(Debug, Args)]
struct ResumeArgs {
    #[command(flatten)]
    of: RunArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

pub(crate) async fn run(global: &Global, args: &MaterializationsArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    match &args.command {
        RunsCommand::List(args) => list(&workspace, args, printer).await,
        RunsCommand::Show(args) => show(&workspace, &args.run, printer).await,
        RunsCommand::Resume(args) => resume(&workspace, args, printer).await,
        RunsCommand::Cancel(args) => cancel(&workspace, &args.run, printer).await,
    }
}

async fn list(workspace: &Workspace, args: &ListArgs, printer: &Printer) -> CliResult {
    let runs = Runs::beside(&workspace.registry()?);
    let mut listed = runs.list(&workspace.settings()?.project).await?;
    listed.retain(|run| !args.open || run.end.is_none());
    let now = SystemClock.now();
    printer.result(
        || shown::runs(&listed, now),
        || listed.iter().map(|run| shown::run_json(run, now)).collect(),
    );
    Ok(())
}

async fn show(workspace: &Workspace, id: &RunId, printer: &Printer) -> CliResult {
    let run = find(workspace, id).await?;
    let now = SystemClock.now();
    printer.result(|| shown::run(&run, now), || shown::run_json(&run, now));
    Ok(())
}

async fn resume(workspace: &Workspace, args: &ResumeArgs, printer: &Printer) -> CliResult {
    let run = open(workspace, &args.of.run).await?;
    let snapshot = workspace
        .registry()?
        .get(asof_registry::RegistryVersion(run.plan.registry_version))
        .await?;
    let interval = (run.plan.from, run.plan.to);
    let views = [run.id.view.to_string()];
    materialize::resume(workspace, &snapshot, &views, interval, &args.engine, printer).await
}

async fn cancel(workspace: &Workspace, id: &RunId, printer: &Printer) -> CliResult {
    let run = open(workspace, id).await?;
    let end = RunEnd {
        ending: RunEnding::Cancelled,
        at: SystemClock.now(),
    };
    let runs = Runs::beside(&workspace.registry()?);
    if !runs.end(&workspace.settings()?.project, &run.id, end).await? {
        return Err(over(&find(workspace, id).await?));
    }
    printer.result(
        || format!("Cancelled {id}; what it had written stays online and is not recorded"),
        || json!({"cancelled": id.to_string()}),
    );
    Ok(())
}

/// The run of this name.
async fn find(workspace: &Workspace, id: &RunId) -> CliResult<RunStatus> {
    let runs = Runs::beside(&workspace.registry()?);
    let found = runs.status(&workspace.settings()?.project, id).await?;
    found.ok_or_else(|| {
        CliError::refused(format!(
            "there is no run `{id}`; `asof materializations list` shows those that there are"
        ))
    })
}

/// The run of this name, if it is not over.
async fn open(workspace: &Workspace, id: &RunId) -> CliResult<RunStatus> {
    let run = find(workspace, id).await?;
    if run.end.is_some() {
        return Err(over(&run));
    }
    Ok(run)
}

fn over(run: &RunStatus) -> CliError {
    let state = shown::state(run, Timestamp::from_micros(0));
    CliError::refused(format!("the run `{}` is over: {state}", run.id))
}
