//! `asof training-sets verify`: makes a training set again and compares.

use std::path::PathBuf;

use asof_offline::{Manifest, OutputFile, hash_file};
use clap::Args;
use serde_json::json;

use super::changes::{definition_changes, file_changes};
use super::compare::{Difference, compare, is_parquet};
use super::opened::Opened;
use crate::args::Global;
use crate::commands::get_historical_features::{file_at, training_set_of};
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::table::plural;
use crate::workspace::Workspace;

const EXAMPLES: &str = "\
The training set is made again into a temporary folder (TMPDIR says where), from the registry version and by the
command that the manifest names. Relative paths of that command start at the current folder.

Exit codes: 0 the same training set comes out, bit for bit; 1 it does not, or cannot be made.

Examples:
  asof training-sets verify train.parquet.manifest.json
  asof training-sets verify train.parquet --spine moved/spine.parquet";

/// Options of `asof training-sets verify`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct VerifyArgs {
    /// The manifest, or the training set that it stands beside.
    manifest: PathBuf,
    /// The spine, where it is no longer where the manifest says.
    #[arg(long, value_name = "FILE")]
    spine: Option<PathBuf>,
}

/// What came of it.
struct Verdict {
    /// What is not as it was, in words: definitions, files, the spine, the output.
    changes: Vec<String>,
    outcome: Outcome,
}

/// How the training set that was made again compares.
enum Outcome {
    /// Byte for byte.
    SameBytes,
    /// Value for value, in other bytes: another version wrote them, or the sources say more or less beside.
    SameRows,
    /// It differs.
    Different(Difference),
    /// Its bytes differ, and the rows cannot be compared: the training set is gone, not what it was, or no Parquet.
    Unknown,
}

pub(super) async fn run(global: &Global, args: &VerifyArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let opened = Opened::read(&args.manifest, &workspace).await?;
    let verdict = verify(&workspace, &opened, args, printer).await?;
    printer.result(|| verdict.human(&opened.manifest), || verdict.json());
    if verdict.outcome.is_same() {
        Ok(())
    } else {
        Err(CliError::Reported)
    }
}

async fn verify(workspace: &Workspace, opened: &Opened, args: &VerifyArgs, printer: &Printer) -> CliResult<Verdict> {
    let manifest = &opened.manifest;
    let historical = opened.arguments()?;
    let (plan, _) = historical.plan(&opened.snapshot.definitions)?;
    let mut changes = definition_changes(opened, &plan);
    changes.extend(file_changes(workspace, manifest, &plan).await?);
    let folder = tempfile::Builder::new().prefix("asof-verify-").tempdir()?;
    let name = historical.out().file_name().unwrap_or("out.parquet".as_ref());
    let out = folder.path().join(name);
    let again = historical.again(args.spine.clone(), out);
    let summary = training_set_of(&opened.snapshot, workspace, &again, printer).await?;
    let made = summary.manifest.as_ref().map_or(&[][..], |made| &made.output.files);
    if summary.report.spine.hash != manifest.spine.hash {
        changes.push(format!("the spine `{}` is another", manifest.spine.location));
    }
    let was = opened.files();
    let damage = output_changes(&was, &manifest.output.files)?;
    let is_there = was.iter().all(|file| file.exists());
    let is_as_it_was = damage.is_empty() || !is_there;
    changes.extend(damage);
    let bytes = |files: &[OutputFile]| files.iter().map(|file| file.hash.clone()).collect::<Vec<_>>();
    let outcome = if bytes(made) == bytes(&manifest.output.files) && is_as_it_was {
        Outcome::SameBytes
    } else if is_there && was.iter().all(|file| is_parquet(file).unwrap_or(false)) {
        let is: Vec<PathBuf> = made.iter().map(|file| file_at(again.out(), file)).collect();
        match compare(&was, &is)? {
            Difference::None => Outcome::SameRows,
            difference => Outcome::Different(difference),
        }
    } else {
        Outcome::Unknown
    };
    Ok(Verdict { changes, outcome })
}

/// What happened to the training set since it was made.
fn output_changes(files: &[PathBuf], records: &[OutputFile]) -> CliResult<Vec<String>> {
    let mut changes = Vec::new();
    for (file, record) in files.iter().zip(records) {
        let shown = file.display();
        if !file.exists() {
            changes.push(format!("the training set's file `{shown}` is missing"));
        } else if hash_file(file)? != record.hash {
            changes.push(format!("the training set's file `{shown}` changed"));
        }
    }
    Ok(changes)
}

impl Outcome {
    fn is_same(&self) -> bool {
        matches!(self, Self::SameBytes | Self::SameRows)
    }
}

impl Verdict {
    fn human(&self, manifest: &Manifest) -> String {
        let mut lines = self.changes.clone();
        let rows = plural(manifest.output.rows, "row", "rows");
        lines.push(match &self.outcome {
            Outcome::SameBytes => format!("The same {rows} come out, byte for byte"),
            Outcome::SameRows => {
                format!("The same {rows} come out, in other bytes")
            }
            Outcome::Different(Difference::Value { row, column, was, is }) => {
                format!("Another training set comes out: row {row} (from zero), column `{column}`: was {was}, is {is}")
            }
            Outcome::Different(Difference::Rows { was, is }) => {
                format!(
                    "Another training set comes out: it had {}, there are {is}",
                    plural(*was, "row", "rows")
                )
            }
            Outcome::Different(Difference::Columns { was, is }) => {
                format!("Another training set comes out: its columns were {was}; they are {is}")
            }
            Outcome::Different(Difference::None) | Outcome::Unknown => {
                "Another file comes out; which rows differ can only be said of Parquet, and with the training set as it was"
                    .to_owned()
            }
        });
        lines.join("\n")
    }

    fn json(&self) -> serde_json::Value {
        let difference = match &self.outcome {
            Outcome::Different(Difference::Value { row, column, was, is }) => {
                json!({"row": row, "column": column, "was": was, "is": is})
            }
            Outcome::Different(Difference::Rows { was, is }) => json!({"rows": {"was": was, "is": is}}),
            Outcome::Different(Difference::Columns { was, is }) => json!({"columns": {"was": was, "is": is}}),
            _ => serde_json::Value::Null,
        };
        json!({
            "same": self.outcome.is_same(),
            "same_bytes": matches!(self.outcome, Outcome::SameBytes),
            "changes": self.changes,
            "difference": difference,
        })
    }
}
