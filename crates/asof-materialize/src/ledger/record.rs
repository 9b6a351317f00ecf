//! What one object of the ledger says.

use asof_model::Timestamp;
use asof_online::{KeyspaceInfo, KeyspaceLife};

use crate::RowCounts;

/// A file of a source as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFile {
    /// The file's path, as the source's files are ordered by.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// What its store calls this content, if it does.
    pub etag: Option<String>,
    /// When it was last written, in microseconds since the epoch.
    pub modified_micros: i64,
    /// How many rows it has.
    pub rows: u64,
}

impl RecordedFile {
    /// Whether both are one content, by length and by the store's name of it, or else by when it was written.
    pub(crate) fn is_same_content(&self, other: &Self) -> bool {
        let same = match (&self.etag, &other.etag) {
            (Some(a), Some(b)) => a == b,
            _ => self.modified_micros == other.modified_micros,
        };
        same && self.size == other.size
    }
}

/// A finished run of one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The keyspace that was written.
    pub keyspace: String,
    /// The registry version that defined the view.
    pub registry_version: u64,
    /// The start of the interval, itself outside; `None`: everything up to `to`, which makes the entry complete.
    pub from: Option<Timestamp>,
    /// The end of the interval, itself inside.
    pub to: Timestamp,
    /// When the run had written everything.
    pub finished: Timestamp,
    /// What became of the rows.
    pub rows: RowCounts,
    /// The life of the keyspace when everything was written: what the entry says holds for lives that continue it.
    /// `None` in entries of version 1.
    pub life: Option<KeyspaceLife>,
    /// All files that the source had, in order, whether this run had to read them or an earlier one did.
    pub files: Vec<RecordedFile>,
}

impl LedgerEntry {
    /// Whether the store no longer holds what the run had written to the keyspace, of which it has `stored` now.
    pub(crate) fn is_lost(&self, stored: Option<&KeyspaceInfo>) -> bool {
        // Entries without a life cannot tell one keyspace from another of the same name.
        stored.is_none_or(|info| self.life.is_some_and(|life| !info.life.continues(life)))
    }
}

/// How far the giving up of a keyspace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseStage {
    /// Its rows may go from now on.
    Begun,
    /// No row goes any more.
    Ended {
        /// How many rows were deleted.
        deleted: u64,
    },
}

/// A step of giving a keyspace up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The keyspace.
    pub keyspace: String,
    /// The registry version that was current.
    pub registry_version: u64,
    /// When the step was taken.
    pub time: Timestamp,
    /// Which step it was.
    pub stage: ReleaseStage,
}

/// One object of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerRecord {
    /// A run that finished.
    Run(LedgerEntry),
    /// A step of giving the keyspace up. What was recorded before it holds no longer.
    Release(Release),
}

impl LedgerRecord {
    /// The run, if it is one.
    pub fn run(self) -> Option<LedgerEntry> {
        match self {
            Self::Run(entry) => Some(entry),
            Self::Release(_) => None,
        }
    }
}

/// The newest record of a keyspace, and its number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Its number; 0 when there is no record.
    pub number: u64,
    /// The record.
    pub newest: Option<LedgerRecord>,
}

impl Standing {
    /// Whether rows are online as far as the ledger knows: the newest record is a run.
    pub fn is_online(&self) -> bool {
        matches!(self.newest, Some(LedgerRecord::Run(_)))
    }

    /// Whether the keyspace is being given up, and rows may go at any moment.
    pub fn is_going(&self) -> bool {
        matches!(
            self.newest,
            Some(LedgerRecord::Release(Release {
                stage: ReleaseStage::Begun,
                ..
            }))
        )
    }
}

/// What became of a run's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It stands in the ledger, or another entry does that says more.
    Recorded,
    /// It was left out, because the keyspace was given up after the run had been planned: rows that it wrote, or
    /// counted on, may be gone.
    Released,
}
