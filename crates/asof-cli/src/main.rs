//! The `asof` command: a feature store whose training sets and online answers cannot differ.
//!
//! `main` parses the command line, runs one command and turns its outcome into an exit code: 0 done, 1 refused or
//! failed, 2 usage. Every command is a module of [`commands`]; all of them print through [`printer::Printer`].

mod args;
mod commands;
mod error;
mod logs;
mod printer;
mod progress;
mod table;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::error::{CliError, CliResult};
use crate::printer::Printer;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let printer = Printer::new(&cli.global);
    logs::start(&cli.global, matches!(cli.command, Command::Serve(_)));
    let result = if matches!(cli.command, Command::Serve(_)) {
        // It ends by a signal, in its own way.
        commands::run(cli, &printer).await
    } else {
        tokio::select! {
            result = commands::run(cli, &printer) => result,
            error = interrupted() => Err(error),
        }
    };
    match result {
        Ok(()) if printer.lost_output() => ExitCode::from(1),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print(&printer);
            ExitCode::from(1)
        }
    }
}

/// Prints help, the version or a usage error; the latter also as a JSON document where JSON was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let json = arguments.iter().any(|argument| argument == "--output=json")
        || arguments.windows(2).any(|pair| pair == ["--output", "json"]);
    if error.use_stderr() && json {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        Printer::json().result(
            String::new,
            || serde_json::json!({"error": first.trim_start_matches("error: ")}),
        );
    }
    // A closed pipe is the reader's right.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}

/// Waits for Ctrl-C or SIGTERM. What the command was doing is dropped then, with its temporary files.
async fn interrupted() -> CliError {
    let listen = async || -> CliResult { Ok(asof_server::terminated().await?) };
    match listen().await {
        Ok(()) => CliError::refused("interrupted"),
        Err(_) => std::future::pending().await,
    }
}
