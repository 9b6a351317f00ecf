//! Progress: what the engine tells while it works, for bars and logs.

use std::fmt;
use std::sync::Arc;

/// A step of the work. Numbers are increments, not totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The spine of a training set was opened.
    Asked {
        /// How many rows it has.
        rows: u64,
    },
    /// Footers of a source's files were read.
    Footers {
        /// The source.
        source: String,
        /// How many more files.
        files: u64,
        /// How many files the source has.
        of: u64,
    },
    /// A source is about to be read for a view, or for several that are read together; once per pass.
    Opened {
        /// The view, or the views.
        view: String,
        /// How many files the source has.
        files: u64,
        /// How many rows will be read or skipped.
        rows: u64,
    },
    /// Keys and times of rows were read, or skipped.
    Read {
        /// The view, or the views, as in [`Self::Opened`].
        view: String,
        /// How many more rows.
        rows: u64,
        /// How many more bytes.
        bytes: u64,
    },
    /// Features of rows were read that are in the training set.
    Fetched {
        /// The view.
        view: String,
        /// How many more rows.
        rows: u64,
        /// How many more bytes.
        bytes: u64,
    },
    /// Rows of the training set were written.
    Written {
        /// How many more.
        rows: u64,
    },
}

/// Where progress goes. It is called from many threads, often, and must be quick.
#[derive(Clone)]
pub struct ProgressSink(Arc<dyn Fn(Progress) + Send + Sync>);

impl ProgressSink {
    /// A sink that calls `report`.
    pub fn new(report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    pub(crate) fn report(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProgressSink")
    }
}
