//! Logs on stderr: always for the server, for other commands when asked for.

use tracing_subscriber::EnvFilter;

use crate::args::{Global, Output};
use crate::printer::Printer;

/// Starts logs: text for people, JSON lines where JSON was asked for. `RUST_LOG` has the last word on what.
///
/// A `server` logs what it does; other commands say it with their results, and log only with `-v`.
pub(crate) fn start(global: &Global, server: bool) {
    let level = match (server, global.quiet, global.verbose) {
        (true, true, _) => "warn",
        (true, false, 0) => "info",
        (false, _, 0) => "off",
        (true, false, 1) => "info,asof_server=debug,asof_serving=debug",
        (false, _, 1) => "info",
        (_, _, _) => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(Printer::new(global).colour())
        .with_writer(std::io::stderr);
    // A second subscriber would be a mistake of this program; the first one stays.
    let _ = match global.output {
        Output::Human => logs.try_init(),
        Output::Json => logs.json().flatten_event(true).try_init(),
    };
}
