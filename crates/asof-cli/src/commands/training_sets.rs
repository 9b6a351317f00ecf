//! `asof training-sets`: what a training set was made from, and whether it can be made again.

mod changes;
mod compare;
mod explain;
mod opened;
mod origin;
mod verify;

use clap::{Args, Subcommand};

use crate::args::Global;
use crate::error::CliResult;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  asof training-sets verify train.parquet.manifest.json
  asof training-sets explain train.parquet --row 3";

/// Options of `asof training-sets`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TrainingSetsArgs {
    #[command(subcommand)]
    command: TrainingSetsCommand,
}

/// What to do with a training set that is there.
#[derive(Debug, Subcommand)]
enum TrainingSetsCommand {
    /// Make the training set again and compare; say what changed since.
    Verify(verify::VerifyArgs),
    /// Say where the values of one row come from, and which rows came close.
    Explain(explain::ExplainArgs),
}

pub(crate) async fn run(global: &Global, args: &TrainingSetsArgs, printer: &Printer) -> CliResult {
    match &args.command {
        TrainingSetsCommand::Verify(args) => verify::run(global, args, printer).await,
        TrainingSetsCommand::Explain(args) => explain::run(global, args, printer).await,
    }
}
