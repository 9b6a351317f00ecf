//! What a command fails with, and how that is shown.

use std::fmt::Display;

use asof_repo::Diagnostic;

use crate::printer::{Printer, complain};
use crate::table::plural;

/// The outcome of a command.
pub(crate) type CliResult<T = ()> = Result<T, CliError>;

/// A signal that asks a command to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopSignal {
    /// Ctrl-C, SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// What a command fails with.
#[derive(Debug)]
pub(crate) enum CliError {
    /// Already reported in full; nothing is left to say.
    Reported,
    /// The repository has problems, rendered for people and as values.
    Diagnostics {
        /// The problems.
        diagnostics: Vec<Diagnostic>,
        /// The same, as a person reads them.
        rendered: String,
    },
    /// It was told to stop.
    Interrupted(StopSignal),
    /// Anything else, with its causes.
    Other(anyhow::Error),
}

impl CliError {
    /// A refusal in the command's own words.
    pub(crate) fn refused(text: impl Display) -> Self {
        Self::Other(anyhow::anyhow!("{text}"))
    }

    /// The exit code: 128 and the signal's number for a signal, as shells have it; else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted(StopSignal::Interrupt) => 130,
            Self::Interrupted(StopSignal::Terminate) => 143,
            Self::Reported | Self::Diagnostics { .. } | Self::Other(_) => 1,
        }
    }

    /// Prints the error: `error: …` with its causes on stderr, and as a JSON document where JSON was asked for.
    pub(crate) fn print(&self, printer: &Printer) {
        match self {
            Self::Reported => {}
            Self::Diagnostics { diagnostics, rendered } => {
                if printer.is_json() {
                    printer.result(
                        String::new,
                        || serde_json::json!({"error": self.to_string(), "diagnostics": asof_repo::to_json(diagnostics)}),
                    );
                } else {
                    complain(rendered.trim_end());
                }
            }
            Self::Interrupted(_) => {
                if printer.is_json() {
                    printer.result(String::new, || serde_json::json!({"error": self.to_string()}));
                }
                complain(self);
            }
            Self::Other(error) => {
                let mut causes: Vec<String> = Vec::new();
                for cause in error.chain().map(ToString::to_string) {
                    // Many errors quote their cause; it is said once.
                    if !causes.iter().any(|said| said.contains(&cause)) {
                        causes.push(cause);
                    }
                }
                if printer.is_json() {
                    printer.result(String::new, || serde_json::json!({"error": causes.join(": ")}));
                }
                let label = if printer.colour() {
                    "\x1b[1;31merror\x1b[0m"
                } else {
                    "error"
                };
                complain(format_args!("{label}: {}", causes.join(": ")));
            }
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl Display for CliError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reported => f.write_str("already reported"),
            Self::Diagnostics { diagnostics, .. } => write!(
                f,
                "the repository has {}; run `asof validate`",
                plural(diagnostics.len(), "problem", "problems")
            ),
            Self::Interrupted(signal) => {
                let signal = match signal {
                    StopSignal::Interrupt => "Ctrl-C",
                    StopSignal::Terminate => "SIGTERM",
                };
                write!(f, "stopped by {signal}; files that were not finished are removed")
            }
            Self::Other(error) => write!(f, "{error:#}"),
        }
    }
}
