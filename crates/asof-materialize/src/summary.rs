//! What a run did.

use std::ops::AddAssign;
use std::time::Duration;

use asof_model::{Keyspace, Timestamp, ViewName};

use crate::{BrokenExpectation, FileChanges};

/// Feature rows by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowCounts {
    /// Last rows per entity that were found offline.
    pub read: u64,
    /// Those that stand in the online store now.
    pub written: u64,
    /// Those for which the online store held a later row, which was kept.
    pub kept: u64,
}

impl AddAssign for RowCounts {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.written += other.written;
        self.kept += other.kept;
    }
}

/// What a run did for one view.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewSummary {
    /// The view.
    pub view: ViewName,
    /// Where its rows went.
    pub keyspace: Keyspace,
    /// The start of the interval, itself outside; `None`: the beginning of time.
    pub from: Option<Timestamp>,
    /// The end of the interval, itself inside.
    pub to: Timestamp,
    /// Its rows.
    pub rows: RowCounts,
    /// The source's files, beside what the ledger knew of them.
    pub files: FileChanges,
    /// How many of the source's files were read.
    pub files_read: usize,
    /// Expectations that rows broke, all of them of the kind that warns.
    pub warnings: Vec<BrokenExpectation>,
    /// How long it took, by the run's clock.
    pub took: Duration,
}

/// What a run did, view by view in the order of their names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MaterializeSummary {
    /// The views.
    pub views: Vec<ViewSummary>,
}

impl MaterializeSummary {
    /// The rows of all views.
    pub fn rows(&self) -> RowCounts {
        let mut total = RowCounts::default();
        for view in &self.views {
            total += view.rows;
        }
        total
    }
}
