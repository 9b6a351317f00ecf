//! `asof materialize` and `asof materialize-incremental`: features brought online.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use asof_materialize::{
    Ledger, LocalRunner, MaterializeError, MaterializeSummary, Materializer, Progress, Runs, StopFlag, ViewSummary,
};
use asof_model::{SystemClock, Timestamp, ViewName};
use asof_registry::Snapshot;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use crate::args::{EngineArgs, Global};
use crate::error::CliResult;
use crate::interrupted;
use crate::printer::Printer;
use crate::progress::Reporter;
use crate::table::{plural, table};
use crate::workspace::Workspace;

/// About how many rows a shard has, unless told.
const ROWS_PER_SHARD: NonZeroU64 = NonZeroU64::new(250_000).expect("it is not zero");

/// How long a run may go on after a signal to stop.
const GRACE: Duration = Duration::from_secs(10);

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
    /// About how many rows are written before it is noted that they are: what is noted is not written again after a kill.
    #[arg(long, value_name = "N", default_value = "250000")]
    rows_per_shard: NonZeroU64,
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
            rows_per_shard: ROWS_PER_SHARD,
            engine: EngineArgs::default(),
        }
    }
}

pub(crate) async fn run(global: &Global, args: &MaterializeArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let common = &args.common;
    let stop = StopFlag::default();
    let materializer = materializer(&workspace, common, &stop, printer).await?;
    let bar = Bar(Reporter::new(printer, "materializing", "rows"));
    let run = materializer.materialize(&common.views, args.from, common.to, &bar);
    let summary = until_signalled(&stop, run).await;
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
    let stop = StopFlag::default();
    let materializer = materializer(workspace, args, &stop, printer).await?;
    let bar = Bar(Reporter::new(printer, "materializing", "rows"));
    let run = materializer.materialize_incremental(&args.views, args.to, &bar);
    let summary = until_signalled(&stop, run).await;
    bar.0.finish();
    summary
}

/// Lets a run come to its end. After a signal to stop it may still finish the rows under way, but not take for ever.
async fn until_signalled(
    stop: &StopFlag,
    run: impl Future<Output = Result<MaterializeSummary, MaterializeError>>,
) -> CliResult<MaterializeSummary> {
    let mut run = std::pin::pin!(run);
    tokio::select! {
        summary = &mut run => Ok(summary?),
        error = interrupted() => {
            stop.stop();
            // What is not over then is left to whoever runs the same again.
            match tokio::time::timeout(GRACE, run).await {
                Ok(Ok(summary)) => Ok(summary),
                _ => Err(error),
            }
        }
    }
}

/// A materializer of the registry's current version, run on this machine.
async fn materializer(
    workspace: &Workspace,
    args: &IncrementalArgs,
    stop: &StopFlag,
    printer: &Printer,
) -> CliResult<Materializer> {
    let snapshot = workspace.applied().await?;
    materializer_of(workspace, &snapshot, args, stop, printer).await
}

/// Goes on with a run of one view, whose definitions are those of `snapshot`; its interval has no start where it was to
/// bring what was not online.
pub(super) async fn resume(
    workspace: &Workspace,
    snapshot: &Snapshot,
    views: &[String],
    (from, to): (Option<Timestamp>, Timestamp),
    engine: &EngineArgs,
    printer: &Printer,
) -> CliResult {
    let stop = StopFlag::default();
    let args = IncrementalArgs {
        engine: engine.clone(),
        ..IncrementalArgs::up_to(to)
    };
    let materializer = materializer_of(workspace, snapshot, &args, &stop, printer).await?;
    let bar = Bar(Reporter::new(printer, "materializing", "rows"));
    let run = async {
        match from {
            Some(from) => materializer.materialize(views, from, to, &bar).await,
            None => materializer.materialize_incremental(views, to, &bar).await,
        }
    };
    let summary = until_signalled(&stop, run).await;
    bar.0.finish();
    show(&summary?, printer);
    Ok(())
}

/// A materializer of a registry version, run on this machine.
async fn materializer_of(
    workspace: &Workspace,
    snapshot: &Snapshot,
    args: &IncrementalArgs,
    stop: &StopFlag,
    printer: &Printer,
) -> CliResult<Materializer> {
    let registry = workspace.registry()?;
    let clock = Arc::new(SystemClock);
    let engine = Arc::new(workspace.offline_within(&args.engine, None)?);
    let store = workspace.store_to_write(printer).await?;
    store.define(&snapshot.definitions);
    let runner = LocalRunner::new(engine, store, Runs::beside(&registry), clock.clone())
        .with_shards(args.shards)
        .with_rows_per_shard(args.rows_per_shard.get())
        .stopped_by(stop.clone());
    Ok(Materializer::new(
        snapshot.definitions.clone(),
        snapshot.version.0,
        Ledger::beside(&registry),
        Arc::new(runner),
        clock,
    ))
}

/// Tells which view's turn it is, and counts rows.
struct Bar(Reporter);

impl Progress for Bar {
    fn view_started(&self, view: &ViewName) {
        self.0.now(view.to_string());
        self.0.line(|| format!("materializing {view}"));
    }

    fn planned(&self, view: &ViewName, rows: Option<u64>, shards: usize) {
        self.0.expect(rows, "rows");
        if let Some(rows) = rows {
            self.0.line(|| {
                let (rows, shards) = (plural(rows, "row", "rows"), plural(shards as u64, "shard", "shards"));
                format!("{view}: {rows} in {shards}")
            });
        }
    }

    fn shard_done(&self, _: &ViewName) {}

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
