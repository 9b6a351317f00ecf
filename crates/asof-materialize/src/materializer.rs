//! Runs over views: which are meant, what is online already, and the ledger entry when a view is done.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use asof_model::definition::{Definitions, FeatureView, Source};
use asof_model::{Clock, Keyspace, Timestamp};

use crate::ledger::Appended;
use crate::{
    Ledger, LedgerEntry, MaterializeError, MaterializeSummary, Progress, RunEnding, Runner, Scope, ViewSummary,
    ViewTask, select,
};

/// Brings the views of one registry version online.
///
/// Views are done one after the other, in the order of their names. The first that fails ends the run: views before
/// it are online and recorded, it and those after it are not recorded.
///
/// A view whose keyspace is given up while it is written begins anew, as rows may have gone; one whose keyspace is being
/// given up fails.
#[derive(Clone)]
pub struct Materializer {
    definitions: Arc<Definitions>,
    registry_version: u64,
    ledger: Ledger,
    runner: Arc<dyn Runner>,
    clock: Arc<dyn Clock>,
}

/// A task, and the ledger's newest record when it was planned.
struct Planned {
    task: ViewTask,
    number: u64,
}

impl fmt::Debug for Materializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Materializer")
            .field("project", &self.definitions.project)
            .field("registry_version", &self.registry_version)
            .finish_non_exhaustive()
    }
}

impl Materializer {
    /// A materializer of the definitions that `registry_version` holds. The clock is asked when a view begins and when
    /// it is done.
    pub fn new(
        definitions: Arc<Definitions>,
        registry_version: u64,
        ledger: Ledger,
        runner: Arc<dyn Runner>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            definitions,
            registry_version,
            ledger,
            runner,
            clock,
        }
    }

    /// Brings online, for each view, the last row per entity among rows with `from < event_time <= to` that are
    /// visible at `to`. `views` empty: all views that are online.
    ///
    /// The interval is recorded, and says nothing about the rows before it: it does not move the watermark of
    /// [`Self::materialize_incremental`].
    ///
    /// # Errors
    /// When the interval is empty, a named view is unknown, computed on demand or not online (nothing is done then),
    /// or a view fails.
    pub async fn materialize(
        &self,
        views: &[String],
        from: Timestamp,
        to: Timestamp,
        progress: &dyn Progress,
    ) -> Result<MaterializeSummary, MaterializeError> {
        if from >= to {
            return Err(MaterializeError::EmptyInterval { from, to });
        }
        let mut tasks = Vec::new();
        for (view, source) in select::views(&self.definitions, views)? {
            let number = self.newest_record(&self.keyspace(view, source)).await?;
            let task = self.task(view, source, Scope::Interval { from, to });
            tasks.push(Planned { task, number });
        }
        self.run(tasks, progress).await
    }

    /// Makes the online store equal to one that was filled, from empty, with the last row per entity among all rows
    /// visible at `to`: rows that came late, or in new files, included. `views` empty: all views that are online.
    ///
    /// The cost follows what is new since the last such run: files that it read are read again only for rows that have
    /// become visible since, or whose entity is in doubt because a new file has rows of the same times, or events in
    /// windows that were computed before. When a file that it read was rewritten or is gone, all files are read again,
    /// and the summary says so: a row that only the former file held stays online until a later one takes its place.
    ///
    /// The same happens when the online store does not hold the keyspace any more that the last run filled, whatever the
    /// ledger says: it was emptied, set back, or is another store.
    ///
    /// A row that another writer put online and that is later in the order is kept.
    ///
    /// # Errors
    /// When a named view is unknown, computed on demand or not online, or a view's watermark lies after `to` (nothing
    /// is done then), or a view fails.
    pub async fn materialize_incremental(
        &self,
        views: &[String],
        to: Timestamp,
        progress: &dyn Progress,
    ) -> Result<MaterializeSummary, MaterializeError> {
        let mut tasks = Vec::new();
        for (view, source) in select::views(&self.definitions, views)? {
            let keyspace = self.keyspace(view, source);
            let number = self.newest_record(&keyspace).await?;
            let done = self.ledger.last_complete(&keyspace).await?;
            if let Some(done) = done.as_ref().filter(|done| done.to > to) {
                return Err(MaterializeError::BehindWatermark {
                    view: view.name.clone(),
                    watermark: done.to,
                    to,
                });
            }
            let task = self.task(view, source, Scope::UpTo { to, done });
            tasks.push(Planned { task, number });
        }
        self.run(tasks, progress).await
    }

    fn keyspace(&self, view: &FeatureView, source: &Source) -> Keyspace {
        Keyspace::of(&self.definitions.project, view, source)
    }

    /// The number of the keyspace's newest record, by which a run is planned.
    ///
    /// # Errors
    /// When the keyspace is being given up.
    async fn newest_record(&self, keyspace: &Keyspace) -> Result<u64, MaterializeError> {
        let standing = self.ledger.standing(keyspace).await?;
        if standing.is_going() {
            return Err(MaterializeError::KeyspaceGoes {
                view: keyspace.view.clone(),
                keyspace: keyspace.clone(),
            });
        }
        Ok(standing.number)
    }

    fn task(&self, view: &FeatureView, source: &Source, scope: Scope) -> ViewTask {
        ViewTask {
            registry_version: self.registry_version,
            keyspace: self.keyspace(view, source),
            view: Arc::new(view.clone()),
            source: Arc::new(source.clone()),
            scope,
        }
    }

    async fn run(&self, tasks: Vec<Planned>, progress: &dyn Progress) -> Result<MaterializeSummary, MaterializeError> {
        let mut summary = MaterializeSummary::default();
        for planned in tasks {
            let view = self.run_view(planned, progress).await?;
            progress.view_finished(&view);
            summary.views.push(view);
        }
        Ok(summary)
    }

    async fn run_view(&self, planned: Planned, progress: &dyn Progress) -> Result<ViewSummary, MaterializeError> {
        let started = self.clock.now();
        let Planned { mut task, mut number } = planned;
        progress.view_started(&task.view.name);
        let (outcome, finished) = loop {
            let outcome = self.runner.run(&task, progress).await?;
            // The runner has returned, so every write is durable; only now may the ledger say so.
            let finished = self.clock.now();
            let entry = LedgerEntry {
                keyspace: task.keyspace.to_string(),
                registry_version: self.registry_version,
                from: task.scope.from(),
                to: task.scope.to(),
                finished,
                rows: outcome.rows,
                life: Some(outcome.life),
                files: outcome.files.clone(),
            };
            match self.ledger.append(&task.keyspace, &entry, number).await? {
                Appended::Recorded => {
                    self.runner.settled(&task, &outcome, RunEnding::Done).await?;
                    break (outcome, finished);
                }
                Appended::Released => {
                    self.runner.settled(&task, &outcome, RunEnding::Lost).await?;
                    number = self.newest_record(&task.keyspace).await?;
                    task.scope = task.scope.anew();
                    tracing::warn!(view = %task.view.name, "its rows were deleted while they were written, it begins anew");
                }
            }
        };
        tracing::info!(
            view = %task.view.name,
            rows = outcome.rows.read,
            written = outcome.rows.written,
            kept = outcome.rows.kept,
            files_read = outcome.files_read,
            "view materialized"
        );
        Ok(ViewSummary {
            view: task.view.name.clone(),
            keyspace: task.keyspace.clone(),
            from: task.scope.from(),
            to: task.scope.to(),
            rows: outcome.rows,
            files: outcome.changes,
            files_read: outcome.files_read,
            warnings: outcome.warnings,
            took: Duration::from_micros(u64::try_from(finished.micros() - started.micros()).unwrap_or_default()),
        })
    }
}
