//! The only way to stdout and stderr: data and JSON to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use asof_repo::Coloring;

use crate::args::{Global, Output};

/// Prints as the global options say.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    output: Output,
    quiet: bool,
    /// Whether stderr is a terminal.
    terminal: bool,
    /// Whether stdout is a terminal.
    data_terminal: bool,
    /// Whether the user allows colours.
    colours: bool,
    /// Whether some of stdout could not be written.
    lost: Arc<AtomicBool>,
}

impl Printer {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            output: global.output,
            quiet: global.quiet,
            terminal: std::io::stderr().is_terminal(),
            data_terminal: std::io::stdout().is_terminal(),
            colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            lost: Arc::default(),
        }
    }

    /// A printer of JSON, for when the command line is not understood.
    pub(crate) fn json() -> Self {
        Self {
            output: Output::Json,
            quiet: false,
            terminal: false,
            data_terminal: false,
            colours: false,
            lost: Arc::default(),
        }
    }

    /// Whether results are to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// Whether colours may be used on stderr.
    pub(crate) fn colour(&self) -> bool {
        self.terminal && self.colours
    }

    /// Whether diagnostics on stderr may carry colours.
    pub(crate) fn coloring(&self) -> Coloring {
        coloring(self.colour())
    }

    /// Whether data on stdout may carry colours.
    pub(crate) fn data_coloring(&self) -> Coloring {
        coloring(self.data_terminal && self.colours)
    }

    /// Whether a bar may be drawn on stderr.
    pub(crate) fn draws_bars(&self) -> bool {
        self.terminal && !self.quiet
    }

    /// The same, but without lines of progress where no bar can be drawn.
    pub(crate) fn bars_only(&self) -> Self {
        Self {
            quiet: self.quiet || !self.terminal,
            ..self.clone()
        }
    }

    /// Whether results were printed that could not be written, other than for a reader that left.
    pub(crate) fn lost_output(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
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
        let mut stdout = std::io::stdout().lock();
        let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                self.lost.store(true, Ordering::Relaxed);
                complain(format_args!("error: standard output cannot be written: {error}"));
            }
            _ => {}
        }
    }

    /// Tells a person what happens, on stderr, unless quiet.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            complain(text);
        }
    }

    /// `text` in bold where stderr shows colours.
    pub(crate) fn bold(&self, text: &str) -> String {
        if self.colour() {
            format!("\x1b[1m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Prints to stderr even when quiet.
pub(crate) fn complain(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn coloring(colours: bool) -> Coloring {
    if colours { Coloring::Colored } else { Coloring::Plain }
}
