//! Progress of long work: a bar on a terminal, a line now and then elsewhere, nothing when quiet.

mod training;

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

pub(crate) use training::TrainingProgress;

use crate::printer::Printer;

/// How far long work is, told to a person on stderr.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    bar: ProgressBar,
    /// Where lines go, off a terminal.
    lines: Option<Arc<Printer>>,
}

impl Reporter {
    /// A reporter of `what`, which counts `unit`s.
    pub(crate) fn new(printer: &Printer, what: &str, unit: &str) -> Self {
        if !printer.draws_bars() {
            return Self {
                bar: ProgressBar::hidden(),
                lines: Some(Arc::new(printer.clone())),
            };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) =
            ProgressStyle::with_template(&format!("{{spinner}} {{msg}}  {{human_pos}} {unit}  {{elapsed}}"))
        {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, lines: None }
    }

    /// Says what is worked on now; it replaces what was said before.
    pub(crate) fn now(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// Begins to count anew, up to what is known to come; `None`: that is not known.
    pub(crate) fn expect(&self, count: Option<u64>, unit: &str) {
        let template = match count {
            Some(_) => {
                format!(
                    "{{spinner}} {{msg}}  [{{bar:24}}] {{human_pos}} of {{human_len}} {unit}  {{per_sec}}  {{eta}} left"
                )
            }
            None => format!("{{spinner}} {{msg}}  {{human_pos}} {unit}  {{per_sec}}  {{elapsed}}"),
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            self.bar.set_style(style);
        }
        self.bar.reset();
        count.map_or_else(|| self.bar.unset_length(), |count| self.bar.set_length(count));
    }

    /// Counts so many more.
    pub(crate) fn add(&self, count: u64) {
        self.bar.inc(count);
    }

    /// Says something that stays to be read, where there is no bar.
    pub(crate) fn line(&self, text: impl FnOnce() -> String) {
        if let Some(printer) = &self.lines {
            printer.note(text());
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
