//! `asof online verify`: online rows beside the offline answer.

use std::num::NonZeroU64;
use std::sync::Arc;

use asof_materialize::{Comparison, Ledger, Share, Verdict, Verifier, VerifyProgress, ViewVerification};
use asof_model::{SystemClock, Timestamp, ViewName};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use crate::args::{EngineArgs, Global};
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::progress::Reporter;
use crate::table::table;
use crate::workspace::Workspace;

const NOTES: &str = "\
What each view's last complete materialization should have brought online is computed again from the files that it
found, and compared with the store, byte for byte. An entity's online row is

  equal      the same
  later      pushed, or materialized since: no fault
  expired    not there, but older than the view's ttl, so that the store may have let it go: no fault
  missing    not there, and should be
  differing  earlier, or of the same times with other values, as a pushed correction with the times of a row is, too

Exit codes: 0 nothing is missing or differs; 1 something does, or files changed so that it cannot be told.

Examples:
  asof online verify
  asof online verify --views origin_weather --all
  asof online verify --at 2013-07-15T12:00:00Z --output json";

/// Options of `asof online verify`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct VerifyArgs {
    /// The feature views; all that are online unless told.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    views: Vec<String>,
    /// About how many entities of each view are compared, the same ones each time.
    #[arg(long, value_name = "N", default_value = "1000", conflicts_with = "all")]
    sample: NonZeroU64,
    /// Compare all entities, and count rows that are online beyond; takes memory for all rows of a view.
    #[arg(long)]
    all: bool,
    /// Compare with a full materialization up to this time, from the files there are now (RFC 3339).
    #[arg(long, value_name = "T")]
    at: Option<Timestamp>,
    #[command(flatten)]
    engine: EngineArgs,
}

pub(super) async fn run(global: &Global, args: &VerifyArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let snapshot = workspace.live(printer).await?;
    let engine = Arc::new(workspace.offline_within(&args.engine, None)?);
    let store = workspace.online_store().await?;
    let ledger = Ledger::beside(&workspace.registry()?);
    let verifier = Verifier::new(engine, store, ledger, Arc::new(SystemClock));
    let share = if args.all {
        Share::All
    } else {
        Share::Sample(args.sample)
    };
    let bar = Bar(Reporter::new(printer, "comparing", "rows"));
    let verified = verifier
        .verify(&snapshot.definitions, &args.views, share, args.at, &bar)
        .await;
    bar.0.finish();
    let verified = verified?;
    printer.result(|| human(&verified), || machine(&verified));
    if verified.iter().all(ViewVerification::holds) {
        Ok(())
    } else {
        Err(CliError::Reported)
    }
}

/// Tells which view's turn it is, and counts rows.
struct Bar(Reporter);

impl VerifyProgress for Bar {
    fn view_started(&self, view: &ViewName) {
        self.0.now(view.to_string());
        self.0.line(|| format!("comparing {view}"));
    }

    fn rows_compared(&self, rows: u64) {
        self.0.add(rows);
    }
}

/// What a person is told of one view beside its counts, or instead of them.
fn remark(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::NotMaterialized => Some("was not materialized completely yet".to_owned()),
        Verdict::SourceChanged(changes) => {
            let changed = changes.rewritten.iter().map(|file| format!("`{file}` was rewritten"));
            let gone = changes.deleted.iter().map(|file| format!("`{file}` is gone"));
            let files: Vec<String> = changed.chain(gone).collect();
            Some(format!(
                "cannot be compared: {}; materialize it, or name a time with --at",
                files.join(", ")
            ))
        }
        Verdict::Compared(comparison) => comparison
            .is_emptied
            .then(|| "was emptied since it was materialized; run `asof materialize-incremental`".to_owned()),
    }
}

/// The views that were compared.
fn compared(verified: &[ViewVerification]) -> impl Iterator<Item = (&ViewName, &Comparison)> {
    verified.iter().filter_map(|view| match &view.verdict {
        Verdict::Compared(comparison) => Some((&view.view, comparison)),
        Verdict::NotMaterialized | Verdict::SourceChanged(_) => None,
    })
}

fn human(verified: &[ViewVerification]) -> String {
    let mut parts = Vec::new();
    let counts: Vec<Vec<String>> = compared(verified)
        .map(|(view, comparison)| row(view, comparison))
        .collect();
    if !counts.is_empty() {
        let header = [
            "feature view",
            "compared",
            "equal",
            "later",
            "expired",
            "missing",
            "differing",
            "extra",
            "up to",
        ];
        parts.push(table(&header, &[1, 2, 3, 4, 5, 6, 7], counts));
    }
    let remarks: Vec<String> = (verified.iter())
        .filter_map(|view| Some(format!("{} {}", view.view, remark(&view.verdict)?)))
        .collect();
    if !remarks.is_empty() {
        parts.push(remarks.join("\n"));
    }
    let differences: Vec<Vec<String>> = compared(verified)
        .flat_map(|(view, comparison)| {
            let line = |difference: &asof_materialize::Difference| {
                vec![
                    view.to_string(),
                    difference.entity.clone(),
                    difference.what.clone(),
                    difference.online.clone(),
                    difference.offline.clone(),
                ]
            };
            comparison.differences.iter().map(line).collect::<Vec<_>>()
        })
        .collect();
    if !differences.is_empty() {
        let header = ["feature view", "entity", "what", "online", "offline"];
        parts.push(table(&header, &[], differences));
    }
    if parts.is_empty() {
        return "No feature view is online".to_owned();
    }
    parts.join("\n\n")
}

fn row(view: &ViewName, comparison: &Comparison) -> Vec<String> {
    let counts = comparison.counts;
    let extra = comparison.extra.map_or("-".to_owned(), |extra| extra.to_string());
    let numbers = [
        counts.compared(),
        counts.equal,
        counts.later,
        counts.expired,
        counts.missing,
        counts.differing,
    ];
    let mut row = vec![view.to_string()];
    row.extend(numbers.map(|number| number.to_string()));
    row.extend([extra, comparison.at.to_string()]);
    row
}

fn machine(verified: &[ViewVerification]) -> Value {
    let view = |view: &ViewVerification| {
        let mut document = json!({
            "feature_view": view.view.as_str(),
            "keyspace": view.keyspace.to_string(),
            "holds": view.holds(),
        });
        let fields = match &view.verdict {
            Verdict::NotMaterialized => json!({"verdict": "not_materialized"}),
            Verdict::SourceChanged(changes) => json!({
                "verdict": "source_changed",
                "rewritten": changes.rewritten,
                "deleted": changes.deleted,
            }),
            Verdict::Compared(Comparison {
                at,
                is_emptied,
                counts,
                extra,
                differences,
            }) => json!({
                "verdict": "compared",
                "at": at.to_string(),
                "emptied": is_emptied,
                "compared": counts.compared(),
                "equal": counts.equal,
                "later": counts.later,
                "expired": counts.expired,
                "missing": counts.missing,
                "differing": counts.differing,
                "extra": extra,
                "differences": differences.iter().map(|difference| json!({
                    "entity": difference.entity,
                    "what": difference.what,
                    "online": difference.online,
                    "offline": difference.offline,
                })).collect::<Vec<_>>(),
            }),
        };
        if let (Value::Object(document), Value::Object(fields)) = (&mut document, fields) {
            document.extend(fields);
        }
        document
    };
    verified.iter().map(view).collect()
}
