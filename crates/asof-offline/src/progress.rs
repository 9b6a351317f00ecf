//! Progress: what the engine tells while it works, for bars and logs.

use std::fmt;
use std::sync::Arc;

/// A step of the work. Numbers are increments, not totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A view's source was opened.
    Opened {
        /// The view.
        view: String,
        /// How many files it has.
        files: u64,
        /// How many rows those have.
        rows: u64,
    },
    /// Rows of a view's source were read.
    Read {
        /// The view.
        view: String,
        /// How many more.
        rows: u64,
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
