//! `asof training-sets explain`: where the values of one row come from.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use asof_model::conform::conform;
use asof_model::retrieval::RetrievalPlan;
use asof_serving::json::values;
use clap::Args;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::changes::{definition_changes, file_changes};
use super::compare::is_parquet;
use super::opened::Opened;
use super::origin::Origins;
use crate::args::Global;
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::workspace::Workspace;

const EXAMPLES: &str = "\
Rows, row groups and the rows in them are counted from zero, as data frames and Parquet tools do.

Why a row with the right key is not the one:
  future            its event time is after the row's as-of time
  not yet visible   it had happened, but a lag or its created time held it back, or its cutoff is to come
  expired           it is older than the view's ttl, or than the longest window
  superseded        the row that answers is later in the order of rows

Examples:
  asof training-sets explain train.parquet.manifest.json --row 3
  asof training-sets explain train.parquet --row 3 --output json";

/// Options of `asof training-sets explain`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExplainArgs {
    /// The manifest, or the training set that it stands beside.
    manifest: PathBuf,
    /// The row of the training set, from zero.
    #[arg(long, value_name = "N")]
    row: u64,
}

pub(super) async fn run(global: &Global, args: &ExplainArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let opened = Opened::read(&args.manifest, &workspace).await?;
    let (plan, _) = opened.arguments()?.plan(&opened.snapshot.definitions)?;
    let (file, row) = find(&opened, args.row)?;
    let features = plan.outputs.len();
    let spine_columns = check_columns(&row, &plan, &file)?;
    let spine = row.project(&(0..spine_columns).collect::<Vec<_>>())?;
    let mut changes = definition_changes(&opened, &plan);
    changes.extend(file_changes(&workspace, &opened.manifest, &plan).await?);
    let engine = workspace.offline(None)?;
    let trace = engine.trace(&plan, &spine, &opened.manifest.as_of).await?;
    let mut made = Vec::with_capacity(features);
    for (column, output) in row.columns()[spine_columns..].iter().zip(&plan.outputs) {
        let column = conform(column, output.value_type)
            .map_err(|error| CliError::refused(format!("`{}`: {error}", output.name)))?;
        made.push(values(&column).into_iter().next().unwrap_or(Value::Null));
    }
    let origins = Origins {
        plan: &plan,
        trace: &trace,
        made: &made,
    };
    for name in origins.differing() {
        changes.push(format!("`{name}` is no longer what the training set has"));
    }
    printer.result(
        || {
            let head = format!("row {} of {}, as of {}", args.row, file.display(), trace.as_of);
            let mut parts = vec![head];
            parts.extend(changes.iter().map(|change| format!("changed since: {change}")));
            format!("{}\n\n{}", parts.join("\n"), origins.human())
        },
        || {
            json!({
                "row": args.row,
                "file": file,
                "as_of": trace.as_of.to_string(),
                "changes": changes,
                "features": origins.json(),
            })
        },
    );
    Ok(())
}

/// The file that holds a row of the training set, and the row.
fn find(opened: &Opened, row: u64) -> CliResult<(PathBuf, RecordBatch)> {
    let output = &opened.manifest.output;
    let mut before = 0;
    for (file, record) in opened.files().into_iter().zip(&output.files) {
        if row < before + record.rows {
            let batch = read(&file, row - before)?;
            return Ok((file, batch));
        }
        before += record.rows;
    }
    Err(CliError::refused(format!(
        "the training set has {} rows, so there is no row {row}: rows are counted from zero",
        output.rows
    )))
}

fn read(file: &Path, row: u64) -> CliResult<RecordBatch> {
    if !is_parquet(file)? {
        return Err(CliError::refused(format!(
            "`{}` is not Parquet: in tensors the spine's keys and times are lost; make the training set as Parquet to \
             have it explained",
            file.display()
        )));
    }
    let opened = fs_err::File::open(file)?.into_file();
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(opened)?
        .with_offset(usize::try_from(row)?)
        .with_limit(1)
        .build()?;
    let batch = reader.next().transpose()?.filter(|batch| batch.num_rows() == 1);
    batch.ok_or_else(|| {
        CliError::refused(format!(
            "`{}` is no longer the file that the manifest was written for: it has fewer rows",
            file.display()
        ))
    })
}

/// How many columns of the row are the spine's: all but the last, which must be the features.
fn check_columns(row: &RecordBatch, plan: &RetrievalPlan, file: &Path) -> CliResult<usize> {
    let schema = row.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let spine_columns = names.len().checked_sub(plan.outputs.len());
    let fits = |at: &usize| {
        names[*at..]
            .iter()
            .zip(&plan.outputs)
            .all(|(name, output)| *name == output.name)
    };
    spine_columns.filter(fits).ok_or_else(|| {
        CliError::refused(format!(
            "`{}` is no longer the file that the manifest was written for: its columns are {}",
            file.display(),
            names.join(", ")
        ))
    })
}
