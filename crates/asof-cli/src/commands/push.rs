//! `asof push`: feature rows straight to the online store.

use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use asof_model::Timestamp;
use clap::Args;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use crate::args::Global;
use crate::error::CliResult;
use crate::printer::Printer;
use crate::table::plural;
use crate::workspace::Workspace;

/// Options of `asof push`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof push origin_weather --input latest.parquet")]
pub(crate) struct PushArgs {
    /// The feature view.
    view: String,
    /// A Parquet file with the view's join keys, event time (and created time), and features.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
}

pub(crate) async fn run(global: &Global, args: &PushArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let snapshot = workspace.applied().await?;
    let store = workspace.store_to_write(printer).await?;
    store.define(&snapshot.definitions);
    let rows = read(&args.input)?;
    let pushed = asof_materialize::push(
        &snapshot.definitions,
        store.as_ref(),
        &args.view,
        &rows,
        Timestamp::now(),
    )
    .await?;
    printer.result(
        || {
            format!(
                "Pushed to {}: {} written, {} kept because the store has later ones",
                pushed.view,
                plural(pushed.written, "row", "rows"),
                pushed.kept
            )
        },
        || serde_json::json!({"feature_view": pushed.view.as_str(), "written": pushed.written, "kept": pushed.kept}),
    );
    Ok(())
}

/// All rows of a Parquet file.
fn read(path: &Path) -> CliResult<Vec<RecordBatch>> {
    let file = fs_err::File::open(path)?;
    let named = |error: ParquetError| {
        anyhow::Error::new(error).context(format!(
            "`{}` cannot be read as Parquet, which is what push takes",
            path.display()
        ))
    };
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.into_parts().0)
        .map_err(named)?
        .build()
        .map_err(named)?;
    let rows: Result<Vec<RecordBatch>, _> = reader.collect();
    Ok(rows.map_err(|error| named(error.into()))?)
}
