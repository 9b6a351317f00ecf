//! `asof online gc`: deletes keyspaces that are not used any longer.

use std::sync::Arc;

use asof_materialize::{Cause, Fate, GarbageCollector, GcCandidate, Outcome};
use asof_model::{SystemClock, TimeSpan};
use clap::Args;
use serde_json::{Value, json};

use crate::args::Global;
use crate::error::CliResult;
use crate::printer::Printer;
use crate::progress::Reporter;
use crate::table::{plural, table};
use crate::workspace::{Workspace, nothing_applied};

const NOTES: &str = "\
A keyspace goes when neither the live nor the current registry version reads it, and the version that took its place
has been live for the grace period. Until then a rollback is answered from it at once; afterwards a version that reads
it waits until it is materialized again. Give more than servers need to follow a new version (`asof serve --poll`), and
more than they may be out of reach of the registry. A keyspace of which the store lost rows is no use to a rollback, and
goes after a minute.

Stopped in between, it leaves a keyspace that nothing reads and nothing is materialized to; run it again.

Exit codes: 0 also when there is nothing to delete; 1 when something could not be read or deleted.

Examples:
  asof online gc --dry-run
  asof online gc --older-than 7d";

/// Options of `asof online gc`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct GcArgs {
    /// The grace period: how long a keyspace is kept after it was replaced; a minute at least.
    #[arg(long, value_name = "SPAN", default_value = "1d")]
    older_than: TimeSpan,
    /// Say what would be deleted, and delete nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A keyspace, and what became of it if it was not left alone.
struct Done {
    candidate: GcCandidate,
    outcome: Option<Outcome>,
}

pub(super) async fn run(global: &Global, args: &GcArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let registry = workspace.registry()?;
    registry.current_version().await?.ok_or_else(nothing_applied)?;
    let store = workspace.online_store().await?;
    let collector = GarbageCollector::new(registry, store, Arc::new(SystemClock), args.older_than)?;
    let reporter = Reporter::new(printer, "looking for keyspaces", "rows");
    let collected = collect(&collector, args.dry_run, &reporter).await;
    reporter.finish();
    let all = collected?;
    printer.result(|| human(&all, args.dry_run), || machine(&all, args.dry_run));
    Ok(())
}

async fn collect(collector: &GarbageCollector, dry_run: bool, reporter: &Reporter) -> CliResult<Vec<Done>> {
    let mut all = Vec::new();
    for candidate in collector.candidates().await? {
        let is_due = matches!(candidate.fate, Fate::Due(_) | Fate::ToSettle);
        let mut outcome = None;
        if is_due && !dry_run {
            reporter.now(format!("deleting {}", candidate.keyspace));
            reporter.line(|| format!("deleting {}", candidate.keyspace));
            outcome = Some(collector.delete(&candidate).await?);
            reporter.add(candidate.rows);
        }
        all.push(Done { candidate, outcome });
    }
    Ok(all)
}

impl Done {
    /// The word for what became of it, and why.
    fn fate(&self) -> (&'static str, String) {
        let why = match &self.candidate.fate {
            Fate::Due(Cause::Replaced(time)) => format!("replaced {time}"),
            Fate::Due(Cause::Lost) => "the store lost rows of it".to_owned(),
            Fate::Due(Cause::Released) => "its release was not ended, or rows came after it".to_owned(),
            Fate::Kept { until } => return ("kept", format!("until {until}")),
            Fate::NotReplaced => return ("kept", "no newer version is online yet".to_owned()),
            Fate::Unknown => return ("kept", "this registry does not know it".to_owned()),
            Fate::ToSettle => "its release was not ended, and the current version reads it".to_owned(),
        };
        match self.outcome {
            None if self.candidate.fate == Fate::ToSettle => ("to settle", why),
            None => ("to delete", why),
            Some(Outcome::Deleted { .. }) => ("deleted", why),
            Some(Outcome::Changed) => ("kept", "it changed meanwhile".to_owned()),
            Some(Outcome::UsedAgain { version }) => {
                ("kept", format!("version {version} reads it; materialize it again"))
            }
        }
    }

    fn rows(&self) -> u64 {
        match self.outcome {
            Some(Outcome::Deleted { rows }) => rows,
            _ => self.candidate.rows,
        }
    }
}

fn human(all: &[Done], dry_run: bool) -> String {
    if all.is_empty() {
        return "Every keyspace is in use".to_owned();
    }
    let rows = all.iter().map(|done| {
        let (what, why) = done.fate();
        let keyspace = &done.candidate.keyspace;
        vec![
            keyspace.view.to_string(),
            done.rows().to_string(),
            what.to_owned(),
            why,
            keyspace.to_string(),
        ]
    });
    let table = table(&["feature view", "rows", "fate", "why", "keyspace"], &[1], rows);
    let gone = all.iter().filter(|done| match done.outcome {
        None => matches!(done.candidate.fate, Fate::Due(_)),
        Some(outcome) => matches!(outcome, Outcome::Deleted { .. }),
    });
    let (count, rows) = gone.fold((0_usize, 0), |(count, rows), done| (count + 1, rows + done.rows()));
    let end = match (count, dry_run) {
        (0, true) => "Nothing would be deleted".to_owned(),
        (0, false) => "Nothing was deleted".to_owned(),
        _ => format!(
            "{} {} with {}",
            if dry_run { "Would delete" } else { "Deleted" },
            plural(count, "keyspace", "keyspaces"),
            plural(rows, "row", "rows")
        ),
    };
    format!("{table}\n\n{end}")
}

fn machine(all: &[Done], dry_run: bool) -> Value {
    let keyspaces = all.iter().map(|done| {
        let (what, why) = done.fate();
        json!({
            "keyspace": done.candidate.keyspace.to_string(),
            "feature_view": done.candidate.keyspace.view.as_str(),
            "rows": done.rows(),
            "fate": what,
            "why": why,
            "replaced": match &done.candidate.fate {
                Fate::Due(Cause::Replaced(time)) => Some(time.to_string()),
                _ => None,
            },
            "until": match &done.candidate.fate {
                Fate::Kept { until } => Some(until.to_string()),
                _ => None,
            },
        })
    });
    json!({"dry_run": dry_run, "keyspaces": keyspaces.collect::<Vec<_>>()})
}
