//! The only way to stdout and stderr: data and JSON to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use crate::args::{Global, Output};

/// Prints as the global options say.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    output: Output,
    quiet: bool,
    /// Whether stderr is a terminal that may show colours and progress bars.
    terminal: bool,
}

impl Printer {
    pub(crate) fn new(global: &Global) -> Self {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            output: global.output,
            quiet: global.quiet,
            terminal: colour && std::io::stderr().is_terminal(),
        }
    }

    /// Whether results are to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// Whether colours may be used on stderr.
    pub(crate) fn colour(&self) -> bool {
        self.terminal
    }

    /// Whether a bar may be drawn on stderr.
    pub(crate) fn draws_bars(&self) -> bool {
        self.terminal && !self.quiet
    }

    /// Prints a result: `json` as one document, or `human` as text.
    pub(crate) fn result(&self, human: impl FnOnce() -> String, json: impl FnOnce() -> serde_json::Value) {
        match self.output {
            Output::Human => self.data(human().trim_end()),
            Output::Json => {
                let text = serde_json::to_string_pretty(&json()).unwrap_or_else(|error| error.to_string());
                self.data(text);
            }
        }
    }

    /// Prints a line of data to stdout. A closed pipe is the reader's right and no error.
    pub(crate) fn data(&self, text: impl Display) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Tells a person what happens, on stderr, unless quiet.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// Prints to stderr even when quiet.
    pub(crate) fn complain(&self, text: impl Display) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// `text` in bold where stderr shows colours.
    pub(crate) fn bold(&self, text: &str) -> String {
        if self.terminal {
            format!("\x1b[1m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
