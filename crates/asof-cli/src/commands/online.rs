//! `asof online`: what the online store holds, whether it is right, and what of it can go.

mod gc;
mod status;
mod verify;

use clap::{Args, Subcommand};

use crate::args::Global;
use crate::error::CliResult;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  asof online status
  asof online verify --sample 10000
  asof online gc --older-than 7d --dry-run";

/// Options of `asof online`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

/// What to do with the online store.
#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// List the keyspaces: what each is for, how many rows it has, how far it is materialized.
    Status(status::StatusArgs),
    /// Delete keyspaces that no reader and no rollback needs any longer.
    Gc(gc::GcArgs),
    /// Compare online rows with the offline answer, byte for byte.
    Verify(verify::VerifyArgs),
}

pub(crate) async fn run(global: &Global, args: &StoreArgs, printer: &Printer) -> CliResult {
    match &args.command {
        StoreCommand::Status(args) => status::run(global, args, printer).await,
        StoreCommand::Gc(args) => gc::run(global, args, printer).await,
        StoreCommand::Verify(args) => verify::run(global, args, printer).await,
    }
}
