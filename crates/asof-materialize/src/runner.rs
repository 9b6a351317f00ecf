//! Who carries a view's task out.

mod doubt;
mod parts;
mod work;
mod writer;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use asof_model::Clock;
use asof_offline::{OfflineEngine, OfflineError};
use asof_online::{KeyspaceLife, OnlineError, OnlineStore};
use async_trait::async_trait;

use crate::files::source_files;
use crate::runs::{Open, RunEnd, RunEnding, RunId, RunPlan, Runs, ShardEvent};
use crate::{BrokenExpectation, FileChanges, MaterializeError, Progress, RecordedFile, RowCounts, Scope, ViewTask};
use parts::{Parts, Planned};

/// About how many rows a shard has: about a second of work.
const ROWS_PER_SHARD: u64 = 250_000;

/// What carrying out a task came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskOutcome {
    /// What became of the rows.
    pub rows: RowCounts,
    /// All files that the source has, in order.
    pub files: Vec<RecordedFile>,
    /// The same, beside those that the last complete run recorded.
    pub changes: FileChanges,
    /// How many of the files were searched for rows.
    pub files_read: usize,
    /// The life of the keyspace once everything was written.
    pub life: KeyspaceLife,
    /// Expectations that rows broke, all of them of the kind that warns.
    pub warnings: Vec<BrokenExpectation>,
    /// The run that did it; `None`: there was nothing to do.
    pub run: Option<RunId>,
}

/// Carries out the task of one view, wherever that is.
///
/// A runner may stop at any point, and a task may be carried out again or by two runners at once: every write is
/// guarded and idempotent. It must not return `Ok` before every write is durable.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Brings the task's rows online.
    ///
    /// # Errors
    /// When rows cannot be read, break an expectation that fails (nothing is written then), or cannot be written.
    ///
    /// # Cancel safety
    /// Dropped at any point, some of the rows are online; running again brings the rest.
    async fn run(&self, task: &ViewTask, progress: &dyn Progress) -> Result<TaskOutcome, MaterializeError>;

    /// Is told what became of the outcome: the ledger holds it ([`RunEnding::Done`]), or it came to nothing
    /// ([`RunEnding::Lost`]). Whatever was kept to take the task up again may go.
    ///
    /// # Errors
    /// When that cannot be noted.
    async fn settled(&self, task: &ViewTask, outcome: &TaskOutcome, ending: RunEnding) -> Result<(), MaterializeError>;
}

/// Asks runners to stop: they finish the rows under way and let others have the rest. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks all that have this flag.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Carries tasks out in this process, together with whoever else has the same to do: see [`Runs`].
///
/// First the rows that go online are found, which takes the keys and times of all files; then they are read in shards,
/// in the order of the files, and written while the next are read. Neither takes more memory than the engine may have.
/// The rows of a view with expectations are read once more before, and checked, so that nothing is written if one fails.
#[derive(Debug, Clone)]
pub struct LocalRunner {
    engine: Arc<OfflineEngine>,
    store: Arc<dyn OnlineStore>,
    runs: Runs,
    clock: Arc<dyn Clock>,
    shards: NonZeroU32,
    rows_per_shard: u64,
    workers: usize,
    stop: StopFlag,
}

impl LocalRunner {
    /// A runner that reads through `engine` and writes to `store`, and keeps what it has done in `runs`.
    pub fn new(engine: Arc<OfflineEngine>, store: Arc<dyn OnlineStore>, runs: Runs, clock: Arc<dyn Clock>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            engine,
            store,
            runs,
            clock,
            shards: NonZeroU32::MIN,
            rows_per_shard: ROWS_PER_SHARD,
            workers: processors.clamp(1, 8),
            stop: StopFlag::default(),
        }
    }

    /// Does the entities of an aggregated view in so many shards: more take less memory, which follows the entities of
    /// one shard, and more reading, as each shard reads the files anew. No result depends on their number.
    #[must_use]
    pub fn with_shards(mut self, shards: NonZeroU32) -> Self {
        self.shards = shards;
        self
    }

    /// Gives shards about so many rows, a quarter of a million unless told; at least one.
    #[must_use]
    pub fn with_rows_per_shard(mut self, rows: u64) -> Self {
        self.rows_per_shard = rows.max(1);
        self
    }

    /// Stops when the flag says so.
    #[must_use]
    pub fn stopped_by(mut self, stop: StopFlag) -> Self {
        self.stop = stop;
        self
    }

    /// The run that does the task, with its parts: one that is open, or a new one. Rows are checked before a run begins.
    async fn open(
        &self,
        task: &ViewTask,
        parts: Planned<'_>,
    ) -> Result<(Open, Parts, Vec<BrokenExpectation>), MaterializeError> {
        let (id, open) = self.runs.find(&task.keyspace, parts.inputs()).await?;
        let mut attempt = id;
        if let Some(open) = open {
            if parts.life.continues(open.plan.life) && !self.has_lost(&open, parts.life).await? {
                let (opened, warnings) = Parts::open(self, task, &parts, &open).await?;
                return Ok((open, opened, warnings));
            }
            self.end(task, &open.id, RunEnding::Lost).await?;
            attempt.attempt += 1;
        }
        let (found, warnings) = Parts::find(self, task, &parts).await?;
        let plan = RunPlan {
            keyspace: task.keyspace.clone(),
            registry_version: task.registry_version,
            from: task.scope.from(),
            to: task.scope.to(),
            planned: self.clock.now(),
            life: parts.life,
            rows_per_shard: self.rows_per_shard,
            parts: found.parts(),
        };
        let open = self.runs.begin(attempt, plan, found.to_bytes()).await?;
        Ok((open, found, warnings))
    }

    /// Whether the store no longer holds what the run's shards have written.
    async fn has_lost(&self, open: &Open, life: KeyspaceLife) -> Result<bool, MaterializeError> {
        let states = open.states(&[]).await?;
        Ok(states
            .iter()
            .flatten()
            .any(|(_, event)| matches!(event, ShardEvent::Done(done) if !life.continues(done.life))))
    }

    async fn end(&self, task: &ViewTask, id: &RunId, ending: RunEnding) -> Result<(), MaterializeError> {
        let at = self.clock.now();
        let end = RunEnd { ending, at };
        self.runs.end(&task.keyspace.project, id, end).await.map(|_| ())
    }

    async fn advance(&self, task: &ViewTask, after: Option<KeyspaceLife>) -> Result<KeyspaceLife, MaterializeError> {
        let life = self.store.advance(&task.keyspace).await;
        let life = life.map_err(|source| online(task, source))?;
        if after.is_none_or(|after| life.continues(after)) {
            return Ok(life);
        }
        Err(lost(task))
    }
}

#[async_trait]
impl Runner for LocalRunner {
    async fn run(&self, task: &ViewTask, progress: &dyn Progress) -> Result<TaskOutcome, MaterializeError> {
        let files = source_files(&self.engine, &task.view.name, &task.source).await?;
        let before = self.advance(task, None).await?;
        let scope = by_life(&task.scope, before);
        let planned = Planned::new(task, &scope, files, before);
        let mut outcome = TaskOutcome {
            rows: RowCounts::default(),
            files: planned.files.clone(),
            changes: planned.changes.clone(),
            files_read: 0,
            life: before,
            warnings: Vec::new(),
            run: None,
        };
        if planned.is_nothing() {
            return Ok(outcome);
        }
        let (open, parts, warnings) = self.open(task, planned.clone()).await?;
        let done = work::all(self, task, &planned, &open, &parts, progress).await;
        let done = match done {
            Err(lost @ MaterializeError::StoreLost { .. }) => {
                self.end(task, &open.id, RunEnding::Lost).await?;
                return Err(lost);
            }
            done => done?,
        };
        outcome.rows = done.rows;
        outcome.files_read = done.files_read;
        outcome.warnings = warnings;
        outcome.life = self.advance(task, Some(done.life)).await?;
        outcome.run = Some(open.id);
        Ok(outcome)
    }

    async fn settled(&self, task: &ViewTask, outcome: &TaskOutcome, ending: RunEnding) -> Result<(), MaterializeError> {
        match &outcome.run {
            Some(id) => self.end(task, id, ending).await,
            None => Ok(()),
        }
    }
}

/// The scope, without what the ledger says is online when the keyspace does not hold it any more: somebody emptied the
/// store, set it back to a former state, or named another one.
fn by_life(scope: &Scope, life: KeyspaceLife) -> Scope {
    match scope {
        Scope::UpTo { to, done } => Scope::UpTo {
            to: *to,
            done: done
                .clone()
                .filter(|done| done.life.is_some_and(|earlier| life.continues(earlier))),
        },
        Scope::Interval { .. } => scope.clone(),
    }
}

/// That the store does not hold any more what the task had written.
fn lost(task: &ViewTask) -> MaterializeError {
    MaterializeError::StoreLost {
        view: task.view.name.clone(),
        keyspace: task.keyspace.clone(),
    }
}

fn online(task: &ViewTask, source: OnlineError) -> MaterializeError {
    MaterializeError::Online {
        view: task.view.name.clone(),
        source,
    }
}

fn offline(task: &ViewTask, source: OfflineError) -> MaterializeError {
    MaterializeError::Offline {
        view: task.view.name.clone(),
        source: Box::new(source),
    }
}
