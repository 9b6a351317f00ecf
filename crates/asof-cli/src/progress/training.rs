//! Progress of a training set: on a terminal a bar per view, elsewhere a line now and then.

mod lines;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asof_offline::{Progress, ProgressSink};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use lines::Lines;
use parking_lot::Mutex;

use crate::printer::Printer;

const OPENING: &str = "{msg:24} [{bar:24}] {percent:>3}%  {human_pos} of {human_len} files  {eta} left";
const READING: &str = "{msg:24} [{bar:24}] {percent:>3}%  {human_pos} of {human_len} rows  {prefix}  {eta} left";
const FETCHING: &str = "{msg:24} {spinner} {human_pos} rows  {prefix}  {elapsed}";
const WRITING: &str = "{msg:24} [{bar:24}] {percent:>3}%  {human_pos} of {human_len} rows  {eta} left";

/// How far a training set is, told to a person on stderr.
#[derive(Clone)]
pub(crate) struct TrainingProgress(Shown);

/// Where it is shown.
#[derive(Clone)]
enum Shown {
    Bars(Arc<Mutex<Bars>>),
    Lines(Arc<Mutex<Lines>>, Printer),
}

impl TrainingProgress {
    pub(crate) fn new(printer: &Printer) -> Self {
        Self(if printer.draws_bars() {
            Shown::Bars(Arc::default())
        } else {
            Shown::Lines(Arc::default(), printer.clone())
        })
    }

    /// Where the engine reports to.
    pub(crate) fn sink(&self) -> ProgressSink {
        let shown = self.0.clone();
        ProgressSink::new(move |step| match &shown {
            Shown::Bars(bars) => bars.lock().take(step),
            Shown::Lines(lines, printer) => {
                let line = lines.lock().take(step, Instant::now());
                if let Some(line) = line {
                    printer.note(line);
                }
            }
        })
    }

    /// Takes the bars away.
    pub(crate) fn finish(&self) {
        if let Shown::Bars(bars) = &self.0 {
            // What was drawn goes with the bars; a terminal that is gone is no error.
            let _ = bars.lock().all.clear();
        }
    }
}

/// A bar for each source that is opened, for what is read of each view, one for the features fetched, and one for what is written.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    opening: BTreeMap<String, ProgressBar>,
    reading: BTreeMap<String, (ProgressBar, u64)>,
    fetching: BTreeMap<String, (ProgressBar, u64)>,
    writing: Option<ProgressBar>,
    asked: u64,
}

impl Bars {
    fn take(&mut self, step: Progress) {
        match step {
            Progress::Asked { rows } => self.asked = rows,
            Progress::Footers { source, files, of } => {
                let all = &self.all;
                let bar = self.opening.entry(source.clone()).or_insert_with(|| {
                    let bar = new_bar(all, OPENING, &format!("opening {source}"));
                    bar.set_length(of);
                    bar
                });
                bar.inc(files);
                if bar.position() >= of {
                    bar.finish_and_clear();
                }
            }
            Progress::Opened { view, rows, .. } => {
                let all = &self.all;
                let (bar, _) = self
                    .reading
                    .entry(view.clone())
                    .or_insert_with(|| (new_bar(all, READING, &view), 0));
                bar.inc_length(rows);
            }
            Progress::Read { view, rows, bytes } => {
                if let Some((bar, read)) = self.reading.get_mut(&view) {
                    count(bar, read, rows, bytes);
                }
            }
            Progress::Fetched { view, rows, bytes } => {
                let all = &self.all;
                let (bar, fetched) = self
                    .fetching
                    .entry(view.clone())
                    .or_insert_with(|| (new_bar(all, FETCHING, &format!("values of {view}")), 0));
                count(bar, fetched, rows, bytes);
            }
            Progress::Written { rows } => {
                let (all, asked) = (&self.all, self.asked);
                let bar = self.writing.get_or_insert_with(|| {
                    let bar = new_bar(all, WRITING, "writing");
                    bar.set_length(asked);
                    bar
                });
                bar.inc(rows);
            }
        }
    }
}

fn new_bar(all: &MultiProgress, template: &str, message: &str) -> ProgressBar {
    let bar = all.add(ProgressBar::new(0));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(message.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn count(bar: &ProgressBar, all_bytes: &mut u64, rows: u64, bytes: u64) {
    *all_bytes += bytes;
    bar.inc(rows);
    if bytes > 0 {
        bar.set_prefix(indicatif::BinaryBytes(*all_bytes).to_string());
    }
}
