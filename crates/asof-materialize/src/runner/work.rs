//! The shards of a run, done by several workers here, and by whoever else has the same run.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asof_model::Timestamp;
use asof_model::definition::ViewBody;
use asof_online::KeyspaceLife;
use futures::TryStreamExt;
use futures::future::join_all;
use parking_lot::Mutex;

use super::doubt::Doubt;
use super::parts::{Parts, Planned};
use super::writer::{Writer, Written};
use super::{LocalRunner, lost, offline};
use crate::reads::Late;
use crate::runs::{Claim, LEASE, Open, Owner, RunEnding, ShardDone, ShardEvent};
use crate::{MaterializeError, Progress, RowCounts, ViewTask};

/// How often it is looked whether others have done their shards.
const PAUSE: Duration = Duration::from_millis(200);

/// What all shards came to.
pub(super) struct Done {
    pub(super) rows: RowCounts,
    pub(super) files_read: usize,
    /// The latest life of the keyspace that a shard ended with.
    pub(super) life: KeyspaceLife,
}

/// Does all shards of a run, or sees them done.
pub(super) async fn all(
    runner: &LocalRunner,
    task: &ViewTask,
    planned: &Planned<'_>,
    open: &Open,
    parts: &Parts,
    progress: &dyn Progress,
) -> Result<Done, MaterializeError> {
    let shards = open.plan.parts.len();
    progress.planned(&task.view.name, open.plan.rows(), shards);
    let crew = Crew {
        runner,
        task,
        planned,
        open,
        parts,
        progress,
        writer: Writer::new(runner, task, progress),
        owner: Owner::new(),
        taken: Mutex::new(HashSet::new()),
        done: Mutex::new(vec![None; shards]),
        life: Mutex::new(planned.life),
        failed: AtomicBool::new(false),
        read_all: AtomicBool::new(parts.has_fresh()),
    };
    let workers = runner.workers.min(shards.max(1));
    // All come to an end, also when one fails: the others let go of their shards.
    let ends = join_all((0..workers).map(|_| crew.work())).await;
    ends.into_iter().collect::<Result<Vec<()>, _>>()?;
    let done = crew.done.into_inner();
    let mut rows = RowCounts::default();
    for done in done.iter().flatten() {
        rows += done.rows;
    }
    let late = parts.late.as_ref().map_or(0, |late| late.files.len());
    Ok(Done {
        rows,
        files_read: if crew.read_all.into_inner() {
            planned.files.len()
        } else {
            late
        },
        life: crew.life.into_inner(),
    })
}

/// The workers of one run in this process.
struct Crew<'a> {
    runner: &'a LocalRunner,
    task: &'a ViewTask,
    planned: &'a Planned<'a>,
    open: &'a Open,
    parts: &'a Parts,
    progress: &'a dyn Progress,
    writer: Writer<'a>,
    owner: Owner,
    /// Shards that a worker here has begun.
    taken: Mutex<HashSet<usize>>,
    /// What is known to be done, here or elsewhere.
    done: Mutex<Vec<Option<ShardDone>>>,
    /// The latest life of the keyspace that was seen.
    life: Mutex<KeyspaceLife>,
    failed: AtomicBool,
    /// Whether all files were searched.
    read_all: AtomicBool,
}

/// What a worker does next.
enum Next {
    /// A shard it has claimed, by the event of this number.
    Shard { shard: usize, event: u64 },
    /// Nothing, for a while: others do what is left.
    Pause,
    /// All is done.
    Nothing,
}

impl Crew<'_> {
    async fn work(&self) -> Result<(), MaterializeError> {
        let worked = self.work_on().await;
        if worked.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        worked
    }

    async fn work_on(&self) -> Result<(), MaterializeError> {
        loop {
            if self.runner.stop.is_set() {
                return Err(MaterializeError::Stopped {
                    view: self.task.view.name.clone(),
                    run: self.open.id.clone(),
                });
            }
            if self.failed.load(Ordering::Relaxed) {
                return Ok(());
            }
            match self.next().await? {
                Next::Nothing => return Ok(()),
                Next::Pause => {
                    self.must_go_on().await?;
                    tokio::time::sleep(PAUSE).await;
                }
                Next::Shard { shard, event } => {
                    self.must_go_on().await?;
                    self.shard(shard, event).await?;
                }
            }
        }
    }

    /// An error when somebody has ended the run.
    async fn must_go_on(&self) -> Result<(), MaterializeError> {
        match self.open.ended().await?.map(|end| end.ending) {
            None | Some(RunEnding::Done) => Ok(()),
            Some(RunEnding::Cancelled) => Err(MaterializeError::Cancelled {
                view: self.task.view.name.clone(),
                run: self.open.id.clone(),
            }),
            Some(RunEnding::Lost) => Err(lost(self.task)),
        }
    }

    /// Claims a shard that nobody does.
    async fn next(&self) -> Result<Next, MaterializeError> {
        let known: Vec<bool> = self.done.lock().iter().map(Option::is_some).collect();
        if known.iter().all(|done| *done) {
            return Ok(Next::Nothing);
        }
        let now = self.runner.clock.now();
        let states = self.open.states(&known).await?;
        let mut waits = false;
        for (shard, state) in states.into_iter().enumerate() {
            if known[shard] {
                continue;
            }
            waits = true;
            let event = match state {
                Some((_, ShardEvent::Done(done))) => {
                    self.note(shard, done);
                    continue;
                }
                Some((_, ShardEvent::Claimed(claim))) if claim.is_valid(now) => continue,
                Some((event, _)) => event,
                None => 0,
            };
            if !self.taken.lock().insert(shard) {
                continue;
            }
            let claim = ShardEvent::Claimed(Claim::new(self.owner.name(), now, false));
            if self.open.add(shard, event, &claim).await? {
                return Ok(Next::Shard {
                    shard,
                    event: event + 1,
                });
            }
            self.taken.lock().remove(&shard);
        }
        Ok(if waits { Next::Pause } else { Next::Nothing })
    }

    fn note(&self, shard: usize, done: ShardDone) {
        let mut life = self.life.lock();
        if done.life.continues(*life) {
            *life = done.life;
        }
        self.done.lock()[shard] = Some(done);
    }

    /// Does a shard, and renews the claim meanwhile.
    async fn shard(&self, shard: usize, mut event: u64) -> Result<(), MaterializeError> {
        let started = self.runner.clock.now();
        let mut work = std::pin::pin!(self.write(shard));
        let written = loop {
            if let Ok(written) = tokio::time::timeout(LEASE / 3, &mut work).await {
                break written;
            }
            let renewed = Claim::new(self.owner.name(), self.runner.clock.now(), true);
            // Who has lost the claim goes on: what it writes is not wrong.
            if self.open.add(shard, event, &ShardEvent::Claimed(renewed)).await? {
                event += 1;
            }
        };
        let at = self.runner.clock.now();
        let done = match written {
            Ok(Some(written)) => self.confirm(written, started, at).await,
            Ok(None) => {
                self.open.add(shard, event, &ShardEvent::Released { at }).await?;
                self.taken.lock().remove(&shard);
                return Ok(());
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => {
                let noted = ShardEvent::Done(done.clone());
                while !self.open.add(shard, event, &noted).await? {
                    event += 1;
                }
                self.note(shard, done);
                self.progress.shard_done(&self.task.view.name);
                Ok(())
            }
            Err(error) => {
                let problem = error.to_string();
                self.open.add(shard, event, &ShardEvent::Failed { at, problem }).await?;
                Err(error)
            }
        }
    }

    /// What was done, once the store has confirmed that it is still there.
    async fn confirm(
        &self,
        written: Written,
        started: Timestamp,
        at: Timestamp,
    ) -> Result<ShardDone, MaterializeError> {
        let before = *self.life.lock();
        let life = self.runner.advance(self.task, Some(before)).await?;
        let took = u64::try_from(at.micros().saturating_sub(started.micros())).unwrap_or_default();
        Ok(ShardDone {
            owner: self.owner.name().to_owned(),
            at,
            took: Duration::from_micros(took),
            rows: written.rows,
            bytes: written.bytes,
            checksum: written.checksum,
            newest: written.newest,
            life,
        })
    }

    /// Writes the rows of a shard; `None`: it was told to stop before the end.
    async fn write(&self, shard: usize) -> Result<Option<Written>, MaterializeError> {
        let stopping = || self.runner.stop.is_set() || self.failed.load(Ordering::Relaxed);
        match (self.parts.read(self.runner, self.task, shard).await?, &self.parts.late) {
            (Some(rows), _) => self.writer.write_all(rows, stopping).await,
            (None, Some(late)) => self.late(late).await.map(Some),
            (None, None) => Ok(Some(Written::default())),
        }
    }

    /// Writes the late rows, and those of all files of the entities that are in doubt.
    async fn late(&self, late: &Late) -> Result<Written, MaterializeError> {
        let (runner, task) = (self.runner, self.task);
        let mut doubt = Doubt::new(task);
        let mut total = Written::default();
        let mut rows = runner.stream(task, &self.planned.late_request(late)).await?;
        while let Some(batch) = rows.try_next().await.map_err(|source| offline(task, source))? {
            match &task.view.body {
                ViewBody::Windows(_) => doubt.add_all(&batch)?,
                ViewBody::Rows(_) => {
                    let clear = doubt.add_ties(runner.store.as_ref(), &batch).await?;
                    total.add(self.writer.write(clear).await?);
                }
            }
        }
        if let Some((entities, after)) = doubt.open() {
            self.read_all.store(true, Ordering::Relaxed);
            let request = self.planned.request(late.at, after, Some(entities));
            let mut rows = runner.stream(task, &request).await?;
            while let Some(batch) = rows.try_next().await.map_err(|source| offline(task, source))? {
                total.add(self.writer.write(batch).await?);
            }
        }
        Ok(total)
    }
}
