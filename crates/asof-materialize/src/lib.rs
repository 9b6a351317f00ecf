//! Brings feature rows online: the last row per entity of an interval, only what is new since the last run, or rows
//! that a caller pushes.
//!
//! ```text
//!  Materializer   which views, which rows; after a view is written, its ledger entry
//!       │ ViewTask
//!  Runner         carries a view's task out: here (LocalRunner), or elsewhere
//!       │
//!  files ──> OfflineEngine: last rows ──> expectations ──> key and row codecs ──> OnlineStore (guarded writes)
//! ```
//!
//! Writes are idempotent, and a ledger entry appears only when all writes of its view are durable. So a run that is
//! killed leaves no trace but rows that belong online anyway, and running it again ends in the same state.
//!
//! In reading order: [`Materializer`], [`ViewTask`], [`Runner`], [`Ledger`], [`live_version`], [`push()`],
//! [`keyspace_statuses`], [`GarbageCollector`], [`Verifier`].

mod changes;
mod encode;
mod error;
mod expectations;
mod files;
mod keyspaces;
mod ledger;
mod life;
mod live;
mod materializer;
mod objects;
mod progress;
mod push;
mod reads;
mod runner;
mod runs;
mod select;
mod summary;
mod task;
mod verify;

pub use changes::FileChanges;
pub use error::MaterializeError;
pub use expectations::BrokenExpectation;
pub use keyspaces::{
    Cause, Fate, GarbageCollector, GcCandidate, KeyspaceState, KeyspaceStatus, KeyspacesError, OnlineStatus, Outcome,
    keyspace_statuses,
};
pub use ledger::{Ledger, LedgerEntry, LedgerRecord, RecordedFile, Release, ReleaseStage, Standing};
pub use live::{LiveVersion, LiveVersionError, WaitingVersion, live_version};
pub use materializer::Materializer;
pub use progress::{NoProgress, Progress};
pub use push::{PushSummary, push};
pub use runner::{LocalRunner, Runner, StopFlag, TaskOutcome};
pub use runs::{
    InvalidRunId, Part, RunEnd, RunEnding, RunId, RunPlan, RunStatus, Runs, ShardDone, ShardEvent, ShardStatus,
};
pub use summary::{MaterializeSummary, RowCounts, ViewSummary};
pub use task::{Scope, ViewTask};
pub use verify::{Comparison, Counts, Difference, Share, Verdict, Verifier, VerifyProgress, ViewVerification};
