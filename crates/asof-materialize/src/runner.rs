//! Who carries a view's task out.

mod doubt;
mod sink;

use std::num::NonZeroU32;
use std::sync::Arc;

use asof_model::Timestamp;
use asof_model::definition::ViewBody;
use asof_offline::{KeyFilter, OfflineEngine, OfflineError, RowsRequest};
use asof_online::{KeyspaceLife, OnlineError, OnlineStore};
use async_trait::async_trait;
use doubt::Doubt;
use futures::TryStreamExt;
use sink::Sink;

use crate::files::source_files;
use crate::reads::{Late, Reads};
use crate::{BrokenExpectation, FileChanges, MaterializeError, Progress, RecordedFile, RowCounts, Scope, ViewTask};

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
}

/// Carries tasks out in this process.
///
/// Rows pass through in batches, except those of a view with an expectation that fails: they are held back, encoded,
/// until all are checked.
#[derive(Debug, Clone)]
pub struct LocalRunner {
    engine: Arc<OfflineEngine>,
    store: Arc<dyn OnlineStore>,
    shards: NonZeroU32,
}

impl LocalRunner {
    /// A runner that reads through `engine` and writes to `store`.
    ///
    /// A view's entities are done in so many `shards`, one after the other: more take less memory, which follows the
    /// entities of one shard, and more reading, as each shard reads the files anew. No result depends on their number.
    pub fn new(engine: Arc<OfflineEngine>, store: Arc<dyn OnlineStore>, shards: NonZeroU32) -> Self {
        Self { engine, store, shards }
    }
}

#[async_trait]
impl Runner for LocalRunner {
    async fn run(&self, task: &ViewTask, progress: &dyn Progress) -> Result<TaskOutcome, MaterializeError> {
        let files = source_files(&self.engine, &task.view.name, &task.source).await?;
        let online = |source| online(task, source);
        let before = self.store.advance(&task.keyspace).await.map_err(online)?;
        let scope = by_life(&task.scope, before);
        let recorded: &[RecordedFile] = match &scope {
            Scope::UpTo { done: Some(done), .. } => &done.files,
            Scope::UpTo { done: None, .. } | Scope::Interval { .. } => &[],
        };
        let changes = FileChanges::between(recorded, &files);
        let reads = Reads::plan(&task.view, &scope, &changes);
        let mut files_read = 0;
        let mut sink = Sink::new(task, self.store.as_ref(), progress)?;
        for shard in self.shards() {
            if let Some(fresh) = &reads.fresh {
                files_read = files.len();
                let request = request(task, task.scope.to(), fresh.after, shard.clone());
                self.take_all(task, &request, &mut sink).await?;
            }
            if let Some(late) = &reads.late {
                files_read = files_read.max(late.files.len());
                if self.take_late(task, late, shard, &mut sink).await? {
                    files_read = files.len();
                }
            }
        }
        let (rows, warnings) = sink.finish().await?;
        let life = self.store.advance(&task.keyspace).await.map_err(online)?;
        if !life.continues(before) {
            return Err(MaterializeError::StoreLost {
                view: task.view.name.clone(),
                keyspace: task.keyspace.clone(),
            });
        }
        Ok(TaskOutcome {
            rows,
            files,
            changes,
            files_read,
            life,
            warnings,
        })
    }
}

impl LocalRunner {
    fn shards(&self) -> impl Iterator<Item = Option<KeyFilter>> + use<> {
        let of = self.shards.get();
        (0..of).map(move |index| (of > 1).then_some(KeyFilter::Shard { index, of }))
    }

    /// Takes the rows asked for.
    async fn take_all(
        &self,
        task: &ViewTask,
        request: &RowsRequest,
        sink: &mut Sink<'_>,
    ) -> Result<(), MaterializeError> {
        let mut batches = self
            .engine
            .latest_rows(request)
            .await
            .map_err(|source| offline(task, source))?;
        while let Some(batch) = batches.try_next().await.map_err(|source| offline(task, source))? {
            sink.take(&batch).await?;
        }
        Ok(())
    }

    /// Takes the late rows; whether all files had to be read for those in doubt.
    async fn take_late(
        &self,
        task: &ViewTask,
        late: &Late,
        shard: Option<KeyFilter>,
        sink: &mut Sink<'_>,
    ) -> Result<bool, MaterializeError> {
        let mut doubt = Doubt::new(task);
        let mut of_new_files = request(task, late.at, None, shard);
        of_new_files.files = Some(late.files.iter().cloned().collect());
        let mut batches = self
            .engine
            .latest_rows(&of_new_files)
            .await
            .map_err(|source| offline(task, source))?;
        while let Some(batch) = batches.try_next().await.map_err(|source| offline(task, source))? {
            match &task.view.body {
                ViewBody::Windows(_) => doubt.add_all(&batch)?,
                ViewBody::Rows(_) => {
                    let clear = doubt.add_ties(self.store.as_ref(), &batch).await?;
                    sink.take(&clear).await?;
                }
            }
        }
        let Some((entities, after)) = doubt.open() else {
            return Ok(false);
        };
        self.take_all(task, &request(task, late.at, after, Some(entities)), sink)
            .await?;
        Ok(true)
    }
}

/// A request for rows of all files.
fn request(task: &ViewTask, at: Timestamp, after: Option<Timestamp>, keys: Option<KeyFilter>) -> RowsRequest {
    RowsRequest {
        view: Arc::clone(&task.view),
        source: Arc::clone(&task.source),
        at,
        after,
        files: None,
        keys,
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
