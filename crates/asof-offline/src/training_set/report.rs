//! What happened while a training set was made: the facts behind summaries, explanations, warnings and manifests.

use std::sync::Arc;
use std::time::Duration;

use asof_model::{SourceName, Timestamp, ViewName};
use parking_lot::Mutex;

use super::ContentRecord;
use crate::SourceFile;

/// What happened while a training set was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinReport {
    /// The spine.
    pub spine: SpineReport,
    /// How the spine is indexed: one index per list of key columns, shared by all lookups on them.
    pub indexes: Vec<IndexReport>,
    /// The views, in the order in which they were read.
    pub views: Vec<ViewReport>,
    /// The sources, each with the files that it had when it was opened.
    pub sources: Vec<SourceReport>,
    /// Over how many ranges of the spine the work went; 1 when the index of the whole spine fits the memory.
    pub passes: u64,
    /// In how many pieces of the spine features were gathered.
    pub chunks: u64,
    /// Bytes that went to temporary files because the memory was short.
    pub spilled_bytes: u64,
}

/// The spine of a training set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpineReport {
    /// Its rows.
    pub rows: u64,
    /// The first as-of time; `None` without rows.
    pub first: Option<Timestamp>,
    /// The last as-of time; `None` without rows.
    pub last: Option<Timestamp>,
    /// A hash of its content, in hex.
    pub hash: String,
}

/// An index of the spine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexReport {
    /// The columns of the spine that hold the join keys.
    pub keys: Vec<String>,
    /// Distinct keys, over all passes.
    pub entities: u64,
    /// Distinct pairs of a key and a time, over all passes.
    pub slots: u64,
}

/// The files of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReport {
    /// The source.
    pub source: SourceName,
    /// Its files when it was opened, sorted by path.
    pub files: Vec<SourceFile>,
    /// What tells the content of each of them.
    pub contents: Vec<ContentRecord>,
}

/// What happened to one view of a training set. Numbers are over all passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewReport {
    /// The view.
    pub view: ViewName,
    /// Its source.
    pub source: SourceName,
    /// Its lookups: one per list of spine columns that it is joined on.
    pub lookups: Vec<LookupReport>,
    /// Files of the source.
    pub files: u64,
    /// Files of which at least one row group was read.
    pub files_read: u64,
    /// Row groups of all files.
    pub row_groups: u64,
    /// Row groups of which keys and times were read.
    pub row_groups_read: u64,
    /// Row groups not read because their times cannot matter.
    pub row_groups_pruned_by_time: u64,
    /// Row groups not read because they cannot have a key of the spine.
    pub row_groups_pruned_by_key: u64,
    /// Pages of keys and times of which the range of values was looked at.
    pub pages: u64,
    /// Of these, pages not read because they have nothing that is asked for.
    pub pages_skipped: u64,
    /// Row groups of which feature columns were read.
    pub row_groups_with_values: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes read, footers aside.
    pub bytes_read: u64,
    /// Rows of all files.
    pub rows: u64,
    /// Rows of which keys and times were read and looked up in the index.
    pub rows_probed: u64,
    /// Of these, rows with a key of the spine and a time that can matter to it.
    pub rows_matched: u64,
    /// Of these, rows whose values are in the training set.
    pub winners: u64,
    /// The first event time of the source by the statistics of its files; `None` where they do not say.
    pub first_event: Option<Timestamp>,
    /// The last event time of the source by the statistics of its files; `None` where they do not say.
    pub last_event: Option<Timestamp>,
    /// How long keys and times were read and looked up.
    pub key_pass: Duration,
    /// How long values were read and computed.
    pub value_pass: Duration,
    /// The row groups that were read, by file and row group.
    pub parts: Vec<PartReport>,
}

/// A row group that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartReport {
    /// The position of its file in [`SourceReport::files`].
    pub file: u32,
    /// Its position in the file.
    pub row_group: u32,
    /// Whether values of the training set come from it.
    pub has_values: bool,
}

/// What one lookup found. `rows = matched + expired + without_row + null_key`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookupReport {
    /// The spine columns that hold the join keys, in the view's order of join keys.
    pub keys: Vec<String>,
    /// Rows of the spine.
    pub rows: u64,
    /// Rows that got a row of the view.
    pub matched: u64,
    /// Rows that had one in time, but all too old by the view's `ttl`.
    pub expired: u64,
    /// Rows with no row of the view in time.
    pub without_row: u64,
    /// Rows with a null in a join key.
    pub null_key: u64,
    /// Of `without_row`, rows with a key that no row read from the source has.
    pub unknown_key: u64,
}

impl ViewReport {
    /// A report in which nothing has happened yet.
    pub fn new(view: ViewName, source: SourceName) -> Self {
        Self {
            view,
            source,
            lookups: Vec::new(),
            files: 0,
            files_read: 0,
            row_groups: 0,
            row_groups_read: 0,
            row_groups_pruned_by_time: 0,
            row_groups_pruned_by_key: 0,
            pages: 0,
            pages_skipped: 0,
            row_groups_with_values: 0,
            bytes: 0,
            bytes_read: 0,
            rows: 0,
            rows_probed: 0,
            rows_matched: 0,
            winners: 0,
            first_event: None,
            last_event: None,
            key_pass: Duration::ZERO,
            value_pass: Duration::ZERO,
            parts: Vec::new(),
        }
    }
}

impl JoinReport {
    /// The report of a view, if it was read.
    pub fn view(&self, name: &ViewName) -> Option<&ViewReport> {
        self.views.iter().find(|view| view.view == *name)
    }

    /// The files of a source, if it was opened.
    pub fn source(&self, name: &SourceName) -> Option<&SourceReport> {
        self.sources.iter().find(|source| source.source == *name)
    }
}

/// Where the facts are noted while the work goes on. Clones note in the same report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<JoinReport>>);

impl Recorder {
    /// Notes something of the whole.
    pub(crate) fn note(&self, note: impl FnOnce(&mut JoinReport)) {
        note(&mut self.0.lock());
    }

    /// Notes something of a view, if it was opened.
    pub(crate) fn note_view(&self, name: &ViewName, note: impl FnOnce(&mut ViewReport)) {
        self.note(|report| {
            if let Some(view) = report.views.iter_mut().find(|view| view.view == *name) {
                note(view);
            }
        });
    }

    /// What was noted so far.
    pub(crate) fn report(&self) -> JoinReport {
        self.0.lock().clone()
    }
}
