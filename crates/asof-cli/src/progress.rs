//! Progress of long work: a bar on a terminal, a line now and then elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::printer::Printer;

/// A bar that counts `unit`s of `what` up to `total`; 0 when the total is not known.
///
/// Off a terminal nothing is drawn: commands say there in lines what they have done.
pub(crate) fn bar(printer: &Printer, what: &str, unit: &str, total: u64) -> ProgressBar {
    if !printer.draws_bars() {
        return ProgressBar::hidden();
    }
    let (bar, template) = if total == 0 {
        (
            ProgressBar::new_spinner(),
            format!("{{spinner}} {{msg}}  {{human_pos}} {unit}  {{elapsed}}"),
        )
    } else {
        let bar = ProgressBar::new(total);
        (
            bar,
            format!("{{msg}}  {{wide_bar}}  {{human_pos}}/{{human_len}} {unit}  {{elapsed}}"),
        )
    };
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
