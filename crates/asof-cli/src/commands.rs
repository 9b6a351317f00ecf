//! The commands, one module each, and the one place that picks among them.

pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod get_historical_features;
pub(crate) mod get_online_features;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod materializations;
pub(crate) mod materialize;
pub(crate) mod online;
pub(crate) mod plan;
pub(crate) mod push;
pub(crate) mod rollback;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod training_sets;
pub(crate) mod validate;

use std::sync::Arc;

use asof_model::{Clock, FixedClock, SystemClock, Timestamp};

use crate::args::{Cli, Command};
use crate::error::CliResult;
use crate::printer::Printer;

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli, printer: &Printer) -> CliResult {
    let global = &cli.global;
    match cli.command {
        Command::Init(args) => init::run(&args, printer),
        Command::Validate(args) => validate::run(global, &args, printer).await,
        Command::Schema => schema::run(printer),
        Command::Plan(args) => plan::run(global, &args, printer).await,
        Command::Apply(args) => apply::run(global, &args, printer).await,
        Command::History(args) => history::run(global, &args, printer).await,
        Command::Rollback(args) => rollback::run(global, &args, printer).await,
        Command::Show(args) => show::run(global, &args, printer).await,
        Command::GetHistoricalFeatures(args) => get_historical_features::run(global, &args, printer).await,
        Command::TrainingSets(args) => training_sets::run(global, &args, printer).await,
        Command::Materialize(args) => materialize::run(global, &args, printer).await,
        Command::MaterializeIncremental(args) => materialize::run_incremental(global, &args, printer).await,
        Command::Materializations(args) => materializations::run(global, &args, printer).await,
        Command::GetOnlineFeatures(args) => get_online_features::run(global, &args, printer).await,
        Command::Online(args) => online::run(global, &args, printer).await,
        Command::Push(args) => push::run(global, &args, printer).await,
        Command::Serve(args) => serve::run(global, &args, printer).await,
        Command::Demo(args) => demo::run(global, &args, printer).await,
        Command::Completions(args) => {
            completions::run(&args, printer);
            Ok(())
        }
        Command::Doctor(args) => doctor::run(global, &args, printer).await,
    }
}

/// The clock of `--as-of`: it stands still at that time. Without it, the wall clock.
fn clock(as_of: Option<Timestamp>) -> Arc<dyn Clock> {
    match as_of {
        Some(time) => Arc::new(FixedClock(time)),
        None => Arc::new(SystemClock),
    }
}
