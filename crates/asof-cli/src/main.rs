//! The `asof` command: a feature store whose training sets and online answers cannot differ.
//!
//! `main` parses the command line, runs one command and turns its outcome into an exit code: 0 done, 1 refused or
//! failed, 2 usage, 130 and 143 stopped by Ctrl-C and SIGTERM. Every command is a module of [`commands`]; all of them print through [`printer::Printer`].

mod args;
mod commands;
mod error;
mod logs;
mod printer;
mod progress;
mod table;
mod workspace;

use std::ffi::{c_int, c_long};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Runtime;

use crate::args::{Cli, Command};
use crate::error::{CliError, CliResult, StopSignal};
use crate::printer::Printer;

/// Decoding and encoding columns allocates and frees large buffers all the time. The system's allocator gives each back
/// to the kernel, and gets it again page by page. (Without huge pages: the kernel would clear more than is used.)
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lets the allocator give memory back that was free for so long, in milliseconds: its usual second is a gigabyte when
/// values go to temporary files as fast as they come.
const FREE_MEMORY: c_long = 100;

/// `mi_option_purge_delay` of the version that is pinned, whose bindings do not name it.
const PURGE_DELAY: c_int = 15;

/// How long a command that was interrupted may take to clean up.
const GRACE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    #[expect(unsafe_code, reason = "the allocator's options can be set by its C interface only")]
    // SAFETY: it stores a number in a table, and checks the option's number.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, FREE_MEMORY);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let printer = Printer::new(&cli.global);
    logs::start(&cli.global, matches!(cli.command, Command::Serve(_)));
    let result = match Runtime::new() {
        Ok(runtime) => {
            let result = runtime.block_on(supervise(cli, &printer));
            // Work that cannot be stopped, such as a read that never ends, ends with the process.
            runtime.shutdown_timeout(GRACE);
            result
        }
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) if printer.lost_output() => ExitCode::from(1),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print(&printer);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Runs the command to its end, or until Ctrl-C or SIGTERM. Then it is dropped, and its temporary files with it.
async fn supervise(cli: Cli, printer: &Printer) -> CliResult {
    use Command::{Materialize, MaterializeIncremental, Serve};

    if matches!(cli.command, Serve(_) | Materialize(_) | MaterializeIncremental(_)) {
        // They end by a signal, in their own way.
        return commands::run(cli, printer).await;
    }
    let mut command = {
        let printer = printer.clone();
        tokio::spawn(async move { commands::run(cli, &printer).await })
    };
    tokio::select! {
        ended = &mut command => ended.unwrap_or_else(|_| {
            Err(CliError::refused("asof has a bug here, and stopped; please report what is said above"))
        }),
        error = interrupted() => {
            command.abort();
            // Either way it is over; what took too long is left to the end of the process.
            match tokio::time::timeout(GRACE, command).await {
                // It had come to its end by itself.
                Ok(Ok(ended)) => ended,
                _ => Err(error),
            }
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

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() -> CliError {
    let signal = async {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};

            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                _ = terminate.recv() => Ok(StopSignal::Terminate),
                pressed = tokio::signal::ctrl_c() => pressed.map(|()| StopSignal::Interrupt),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.map(|()| StopSignal::Interrupt)
    };
    let signal: std::io::Result<StopSignal> = signal.await;
    match signal {
        Ok(signal) => CliError::Interrupted(signal),
        // Where signals cannot be heard, they end the process as they always do.
        Err(_) => std::future::pending().await,
    }
}
