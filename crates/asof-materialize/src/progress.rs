//! How a run tells how far it is.

use asof_model::ViewName;

use crate::ViewSummary;

/// What a run tells while it goes on. Calls come from the task that runs it and must not block.
pub trait Progress: Send + Sync {
    /// A view's turn begins.
    fn view_started(&self, view: &ViewName);
    /// It is known what is to be done: how many rows (`None`: that shows only when they are read), in how many shards.
    fn planned(&self, view: &ViewName, rows: Option<u64>, shards: usize);
    /// A shard is written.
    fn shard_done(&self, view: &ViewName);
    /// So many more feature rows of the view have been put to the online store, whether written or kept there.
    fn rows_done(&self, view: &ViewName, rows: u64);
    /// All of the view is written and recorded in the ledger.
    fn view_finished(&self, summary: &ViewSummary);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn view_started(&self, _: &ViewName) {}
    fn planned(&self, _: &ViewName, _: Option<u64>, _: usize) {}
    fn shard_done(&self, _: &ViewName) {}
    fn rows_done(&self, _: &ViewName, _: u64) {}
    fn view_finished(&self, _: &ViewSummary) {}
}
