//! `asof get-historical-features`: training sets.

mod explain;
mod labels;
mod output;
mod spine;
mod summary;
mod warnings;

use std::path::{Path, PathBuf};
use std::time::Instant;

use asof_model::definition::Definitions;
use asof_model::retrieval::{FeatureNames, FeatureReference, RetrievalPlan};
use asof_offline::{OutputFile, TrainingSetSelection, TrainingSetSummary};
use asof_registry::Snapshot;
use asof_serving::Selection;
use clap::Args;
pub(crate) use labels::hashes;
use output::OutputArgs;
use spine::SpineArgs;
use warnings::Suspect;

use super::get_online_features::SelectionArgs;
use crate::args::{EngineArgs, Global};
use crate::error::CliResult;
use crate::printer::Printer;
use crate::progress::TrainingProgress;
use crate::table::plural;
use crate::workspace::Workspace;

const EXAMPLES: &str = "\
Examples:
  asof get-historical-features --service acceptance_model --spine spine.csv --out train.parquet
  asof get-historical-features --features driver_hourly:conv_rate,driver_trips --spine s.csv --out t.parquet
  asof get-historical-features --service m --spine s3://lake/labels/ --event-time asked_at --out t.parquet
  asof get-historical-features --service m --spine-sql 'SELECT id, event_timestamp FROM labels' --out t.parquet
  asof get-historical-features --service m --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z --every 1d \\
    --out t.parquet
  asof get-historical-features --service m --spine s.parquet --out parts --partition-rows 1000000 --memory 2GiB
  asof get-historical-features --service m --spine s.parquet --out train.arrow --as-tensor f32";

/// Options of `asof get-historical-features`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HistoricalArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// The spine's column of as-of times.
    #[arg(long, value_name = "COL", default_value = "event_timestamp")]
    event_time: String,
    /// Call features view__feature.
    #[arg(long)]
    full_feature_names: bool,
    /// Say how the training set was made: what was read and skipped, and how long it took.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    spine: SpineArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// The command of these options, for the manifest.
    #[arg(skip = this_command())]
    command: Vec<String>,
}

impl HistoricalArgs {
    /// The options that name a service, a spine and an output, and nothing else.
    pub(crate) fn of(service: &str, spine: PathBuf, out: PathBuf) -> Self {
        let (spine_text, out_text) = (spine.to_string_lossy().into_owned(), out.to_string_lossy().into_owned());
        Self {
            selection: SelectionArgs::service(service),
            spine: SpineArgs::file(&spine),
            output: OutputArgs::file(out),
            event_time: "event_timestamp".to_owned(),
            full_feature_names: false,
            explain: false,
            engine: EngineArgs::default(),
            command: [
                COMMAND,
                "--service",
                service,
                "--spine",
                &spine_text,
                "--out",
                &out_text,
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    /// The same for another output, from another spine if one is given.
    pub(crate) fn again(self, spine: Option<PathBuf>, out: PathBuf) -> Self {
        Self {
            spine: spine.map_or(self.spine, |path| SpineArgs::file(&path)),
            output: self.output.at(out),
            ..self
        }
    }

    /// Where the training set goes.
    pub(crate) fn out(&self) -> &Path {
        &self.output.out
    }

    /// What is to be looked up and computed, and what was asked for.
    ///
    /// # Errors
    /// When something that is asked for is not defined.
    pub(crate) fn plan(&self, definitions: &Definitions) -> CliResult<(RetrievalPlan, TrainingSetSelection)> {
        let names = if self.full_feature_names {
            FeatureNames::Full
        } else {
            FeatureNames::Short
        };
        Ok(match self.selection.selection() {
            Selection::Service(service) => (
                RetrievalPlan::for_service(definitions, &service, names)?,
                TrainingSetSelection::Service(service),
            ),
            Selection::Features(features) => {
                let references = features
                    .iter()
                    .map(|text| text.parse())
                    .collect::<Result<Vec<FeatureReference>, _>>()?;
                let plan = RetrievalPlan::for_features(definitions, &references, names)?;
                (plan, TrainingSetSelection::Features(features))
            }
        })
    }
}

/// What this command is called.
const COMMAND: &str = "get-historical-features";

/// The arguments of this process, from the command's name on.
fn this_command() -> Vec<String> {
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    arguments.skip_while(|argument| argument != COMMAND).collect()
}

pub(crate) async fn run(global: &Global, args: &HistoricalArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let snapshot = workspace.applied().await?;
    let clock = Instant::now();
    let summary = training_set_of(&snapshot, &workspace, args, printer).await?;
    let seconds = clock.elapsed().as_secs_f64();
    let warnings = warnings(&workspace, args, &snapshot, &summary).await?;
    for warning in &warnings {
        printer.note(format_args!("warning: {warning}"));
    }
    if args.explain && !printer.is_json() {
        printer.note(explain::text(&summary.report));
    }
    printer.result(
        || {
            format!(
                "{}\n\nWrote {}: {}, {} of the spine and {}, in {seconds:.1} s",
                summary::matches(&summary.report),
                args.out().display(),
                plural(summary.rows, "row", "rows"),
                plural(summary.spine_columns, "column", "columns"),
                plural(summary.feature_columns, "feature", "features"),
            )
        },
        || {
            let mut document = serde_json::json!({
                "out": args.out(),
                "rows": summary.rows,
                "spine_columns": summary.spine_columns,
                "feature_columns": summary.feature_columns,
                "bytes": summary.bytes,
                "inputs_hash": summary.inputs_hash,
                "views": summary::views_json(&summary.report),
                "warnings": warnings,
                "seconds": seconds,
            });
            if args.explain {
                document["explain"] = explain::json(&summary.report);
            }
            document
        },
    );
    Ok(())
}

/// What looks wrong with a training set that was made.
async fn warnings(
    workspace: &Workspace,
    args: &HistoricalArgs,
    snapshot: &Snapshot,
    summary: &TrainingSetSummary,
) -> CliResult<Vec<String>> {
    let (plan, _) = args.plan(&snapshot.definitions)?;
    let first = summary.manifest.as_ref().and_then(|made| made.output.files.first());
    let suspect = Suspect {
        engine: &workspace.offline(None)?,
        plan: &plan,
        report: &summary.report,
        // Keys are read from it as from Parquet.
        file: first
            .filter(|_| args.output.is_parquet())
            .map(|file| file_at(args.out(), file)),
    };
    Ok(suspect.warnings().await)
}

/// Where a file of the training set at `out` is: itself, or in it.
pub(crate) fn file_at(out: &Path, file: &OutputFile) -> PathBuf {
    if out.is_dir() {
        out.join(&file.path)
    } else {
        out.to_owned()
    }
}

/// Makes and writes the training set of the registry's current version.
pub(crate) async fn training_set(
    workspace: &Workspace,
    args: &HistoricalArgs,
    printer: &Printer,
) -> CliResult<TrainingSetSummary> {
    let snapshot = workspace.applied().await?;
    training_set_of(&snapshot, workspace, args, printer).await
}

/// Makes and writes the training set of a version.
pub(crate) async fn training_set_of(
    snapshot: &Snapshot,
    workspace: &Workspace,
    args: &HistoricalArgs,
    printer: &Printer,
) -> CliResult<TrainingSetSummary> {
    let (plan, selection) = args.plan(&snapshot.definitions)?;
    let sources = plan.lookups.iter().map(|lookup| lookup.source.as_ref());
    let impute = match &selection {
        TrainingSetSelection::Service(service) => snapshot.definitions.feature_services.get(service.as_str()),
        TrainingSetSelection::Features(_) => None,
    };
    let impute = impute.map(|service| service.impute.clone()).unwrap_or_default();
    let output = args.output.output(&plan, &impute);
    args.output.check(args.spine.path().as_deref(), sources, workspace)?;
    let spine = args.spine.spine(&plan, &snapshot.definitions)?;
    let progress = TrainingProgress::new(printer);
    let labels = labels::labels(snapshot, &plan, selection, args.command.clone(), args.spine.shown());
    let engine = workspace.offline_within(&args.engine, Some(progress.sink()))?;
    let written = engine
        .write_training_set(&plan, spine, &args.event_time, output, &labels)
        .await;
    progress.finish();
    Ok(written?)
}
