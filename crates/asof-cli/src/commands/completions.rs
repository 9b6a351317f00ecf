//! `asof completions`: a completion script for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::printer::Printer;

/// Options of `asof completions`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof completions bash > ~/.local/share/bash-completion/completions/asof")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, printer: &Printer) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "asof", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let shell = args.shell.to_string();
    printer.result(
        || script.clone(),
        || serde_json::json!({"shell": shell, "script": script}),
    );
}
