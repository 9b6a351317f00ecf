//! `asof materialize` and `asof materialize-incremental`: features brought online.

use std::num::NonZeroU32;
use std::sync::Arc;

use asof_materialize::{Ledger, LocalRunner, MaterializeSummary, Materializer, Progress, ViewSummary};
use asof_model::{SystemClock, Timestamp, ViewName};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use crate::args::{EngineArgs, Global};
use crate::error::CliResult;
use crate::printer::Printer;
use crate::progress::Reporter;
use crate::table::table;
use crate::workspace::Workspace;

/// Options of `asof materialize`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  asof materialize --from 2013-01-01T00:00:00Z --to 2013-07-15T12:00:00Z --views origin_weather"
)]
pub(crate) struct MaterializeArgs {
    /// The start of the interval, itself outside (RFC 3339).
    #[arg(long, value_name = "T")]
    pub(crate) from: Timestamp,
    #[command(flatten)]
    common: IncrementalArgs,
}

/// Options of `asof materialize-incremental`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof materialize-incremental --to 2013-07-15T12:00:00Z")]
pub(crate) struct IncrementalArgs {
    /// The end of the interval, itself inside (RFC 3339).
    #[arg(long, value_name = "T")]
    pub(crate) to: Timestamp,
    /// The feature views; all that are online unless told.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) views: Vec<String>,
    /// In how many parts the entities of a view are done, one after the other: more take less memory and more reading.
    #[arg(long, value_name = "N", default_value = "1")]
    shards: NonZeroU32,
    #[command(flatten)]
    engine: EngineArgs,
}

impl IncrementalArgs {
    /// All views up to a time, the usual way.
    pub(crate) fn up_to(to: Timestamp) -> Self {
        Self {
            to,
            views: Vec::new(),
            shards: NonZeroU32::MIN,
            engine: EngineArgs::default(),
        }
    }
}

pub(crate) async fn run(global: &Global, args: &MaterializeArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let materializer = materializer(&workspace, args.common.shards, &args.common.engine).await?;
    let bar = Bar(Reporter::new(printer, "materializing", "rows"));
    let common = &args.common;
    let summary = materializer
        .materialize(&common.views, args.from, common.to, &bar)
        .await;
    bar.0.finish();
    show(&summary?, printer);
    Ok(())
}

pub(crate) async fn run_incremental(global: &Global, args: &IncrementalArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let summary = incremental(&workspace, args, printer).await?;
    show(&summary, printer);
    Ok(())
}

/// Brings online what is new.
pub(crate) async fn incremental(
    workspace: &Workspace,
    args: &IncrementalArgs,
    printer: &Printer,
) -> CliResult<MaterializeSummary> {
    let materializer = materializer(workspace, args.shards, &args.engine).await?;
    let bar = Bar(Reporter::new(printer, "materializing", "rows"));
    let summary = materializer.materialize_incremental(&args.views, args.to, &bar).await;
    bar.0.finish();
    Ok(summary?)
}

/// A materializer of the registry's current version, run on this machine.
async fn materializer(workspace: &Workspace, shards: NonZeroU32, engine: &EngineArgs) -> CliResult<Materializer> {
    let snapshot = workspace.applied().await?;
    let ledger = Ledger::beside(&workspace.registry()?);
    let engine = Arc::new(workspace.offline_within(engine, None)?);
    let store = workspace.online_store().await?;
    store.define(&snapshot.definitions);
    let runner = LocalRunner::new(engine, store, shards);
    Ok(Materializer::new(
        snapshot.definitions.clone(),
        snapshot.version.0,
        ledger,
        Arc::new(runner),
        Arc::new(SystemClock),
    ))
}

/// Tells which view's turn it is, and counts rows.
struct Bar(Reporter);

impl Progress for Bar {
    fn view_started(&self, view: &ViewName) {
        self.0.now(view.to_string());
        self.0.line(|| format!("materializing {view}"));
    }

    fn rows_done(&self, _: &ViewName, rows: u64) {
        self.0.add(rows);
    }

    fn view_finished(&self, _: &ViewSummary) {}
}

fn show(summary: &MaterializeSummary, printer: &Printer) {
    for view in &summary.views {
        for broken in &view.warnings {
            printer.note(format_args!("warning: {}: {broken}", view.view));
        }
        let changed = [
            (&view.files.rewritten, "was rewritten"),
            (&view.files.deleted, "is gone"),
        ];
        for (files, what) in changed {
            for file in files {
                printer.note(format_args!(
                    "note: {}: `{file}` {what} since the last run; rows that only it held may still be online",
                    view.view
                ));
            }
        }
    }
    printer.result(|| human(summary), || summary.views.iter().map(machine).collect());
}

/// A table of views with their rows.
pub(crate) fn human(summary: &MaterializeSummary) -> String {
    if summary.views.is_empty() {
        return "No feature view is online".to_owned();
    }
    let rows = summary.views.iter().map(|view| {
        vec![
            view.view.to_string(),
            view.rows.read.to_string(),
            view.rows.written.to_string(),
            view.rows.kept.to_string(),
            view.files_read.to_string(),
            view.to.to_string(),
        ]
    });
    table(
        &["feature view", "read", "written", "kept", "files", "up to"],
        &[1, 2, 3, 4],
        rows,
    )
}

fn machine(view: &ViewSummary) -> Value {
    json!({
        "feature_view": view.view.as_str(),
        "keyspace": view.keyspace.to_string(),
        "from": view.from.map(|time| time.to_string()),
        "to": view.to.to_string(),
        "rows": {"read": view.rows.read, "written": view.rows.written, "kept": view.rows.kept},
        "files_read": view.files_read,
        "files": {
            "added": view.files.added,
            "unchanged": view.files.unchanged,
            "rewritten": view.files.rewritten,
            "deleted": view.files.deleted,
        },
        "seconds": view.took.as_secs_f64(),
        "warnings": view.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
