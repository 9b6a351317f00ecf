//! Progress in lines, for logs: what begins is said at once, how far it is now and then.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use asof_offline::Progress;
use indicatif::{BinaryBytes, HumanCount};

use crate::table::plural;

/// How often it is said how far a view is.
const EVERY: Duration = Duration::from_secs(10);

/// How far each view is.
#[derive(Default)]
pub(super) struct Lines {
    /// By source: how many files are opened, and when that was said.
    opening: BTreeMap<String, (u64, Instant)>,
    reading: BTreeMap<String, Count>,
    fetching: BTreeMap<String, Count>,
    writing: Option<Count>,
    asked: u64,
}

/// How far something is.
struct Count {
    rows: u64,
    /// How many there are to come and were; zero where that is not known.
    all: u64,
    bytes: u64,
    since: Instant,
    said: Instant,
}

impl Count {
    fn new(now: Instant) -> Self {
        Self {
            rows: 0,
            all: 0,
            bytes: 0,
            since: now,
            said: now,
        }
    }

    /// Counts so many more, and says how far it is when that was not said for a while.
    fn add(&mut self, what: &str, rows: u64, bytes: u64, now: Instant) -> Option<String> {
        self.rows += rows;
        self.bytes += bytes;
        if now.duration_since(self.said) < EVERY {
            return None;
        }
        self.said = now;
        let mut parts = Vec::new();
        parts.push(match (100 * self.rows).checked_div(self.all) {
            Some(percent) => format!("{percent}% of {} rows", HumanCount(self.all)),
            None => format!("{} rows", HumanCount(self.rows)),
        });
        if self.bytes > 0 {
            parts.push(BinaryBytes(self.bytes).to_string());
        }
        if self.rows > 0 && self.rows < self.all {
            let elapsed = now.duration_since(self.since).as_secs_f64();
            let left = elapsed * (self.all - self.rows) as f64 / self.rows as f64;
            parts.push(format!("about {left:.0} s left"));
        }
        Some(format!("{what}: {}", parts.join(", ")))
    }
}

impl Lines {
    /// Takes a step in, and returns the line that is due now, if one is.
    pub(super) fn take(&mut self, step: Progress, now: Instant) -> Option<String> {
        match step {
            Progress::Asked { rows } => {
                self.asked = rows;
                None
            }
            Progress::Footers { source, files, of } => {
                let (opened, said) = self.opening.entry(source.clone()).or_insert((0, now));
                *opened += files;
                let is_due = now.duration_since(*said) >= EVERY;
                if is_due {
                    *said = now;
                }
                is_due.then(|| format!("opening {source}: {} of {} files", HumanCount(*opened), HumanCount(of)))
            }
            Progress::Opened { view, files, rows } => {
                let known = self.reading.contains_key(&view);
                let count = self.reading.entry(view.clone()).or_insert_with(|| Count::new(now));
                count.all += rows;
                (!known).then(|| format!("reading {view}: {rows} rows in {}", plural(files, "file", "files")))
            }
            Progress::Read { view, rows, bytes } => {
                let what = format!("reading {view}");
                self.reading.get_mut(&view)?.add(&what, rows, bytes, now)
            }
            Progress::Fetched { view, rows, bytes } => {
                let what = format!("reading values of {view}");
                let count = self.fetching.entry(view).or_insert_with(|| Count::new(now));
                count.add(&what, rows, bytes, now)
            }
            Progress::Written { rows } => {
                let count = self.writing.get_or_insert_with(|| Count::new(now));
                count.all = self.asked;
                count.add("writing", rows, 0, now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_view_is_is_said_now_and_then() {
        let start = Instant::now();
        let mut lines = Lines::default();
        let view = || "weather".to_owned();
        let read = |rows, bytes| Progress::Read {
            view: view(),
            rows,
            bytes,
        };
        let footers = |files| Progress::Footers {
            source: "stations".to_owned(),
            files,
            of: 4_000,
        };
        let steps = [
            (0, Progress::Asked { rows: 1_000 }),
            (0, footers(1)),
            (9, footers(999)),
            (10, footers(1_000)),
            (12, footers(2_000)),
            (
                0,
                Progress::Opened {
                    view: view(),
                    files: 3,
                    rows: 2_000_000,
                },
            ),
            (1, read(100_000, 1 << 20)),
            (9, read(100_000, 1 << 20)),
            (10, read(300_000, 1 << 20)),
            (15, read(500_000, 1 << 20)),
            (20, read(500_000, 0)),
            // Another pass over the same source.
            (
                21,
                Progress::Opened {
                    view: view(),
                    files: 3,
                    rows: 2_000_000,
                },
            ),
            (40, read(500_000, 0)),
            (
                41,
                Progress::Fetched {
                    view: view(),
                    rows: 10,
                    bytes: 5,
                },
            ),
            (
                60,
                Progress::Fetched {
                    view: view(),
                    rows: 1_000,
                    bytes: 1 << 12,
                },
            ),
            (61, Progress::Written { rows: 10 }),
            (75, Progress::Written { rows: 890 }),
            (90, Progress::Written { rows: 100 }),
        ];
        let mut said = Vec::new();
        for (second, step) in steps {
            said.extend(lines.take(step, start + Duration::from_secs(second)));
        }
        insta::assert_snapshot!(said.join("\n"), @r"
        opening stations: 2,000 of 4,000 files
        reading weather: 2000000 rows in 3 files
        reading weather: 25% of 2,000,000 rows, 3.00 MiB, about 30 s left
        reading weather: 75% of 2,000,000 rows, 4.00 MiB, about 7 s left
        reading weather: 50% of 4,000,000 rows, 4.00 MiB, about 40 s left
        reading values of weather: 1,010 rows, 4.00 KiB
        writing: 90% of 1,000 rows, about 2 s left
        writing: 100% of 1,000 rows
        ");
    }
}
