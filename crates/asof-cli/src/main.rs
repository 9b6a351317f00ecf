//! The `asof` command: a feature store whose training sets and online answers cannot differ.
//!
//! `main` parses the command line, runs one command and turns its outcome into an exit code: 0 done, 1 refused or
//! failed, 2 usage. Every command is a module of [`commands`]; all of them print through [`printer::Printer`].

mod args;
mod commands;
mod error;
mod printer;
mod progress;
mod table;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::printer::Printer;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer::new(&cli.global);
    match commands::run(cli, &printer).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print(&printer);
            ExitCode::from(1)
        }
    }
}
