//! Releases that meet runs, rollbacks, other collectors, and their own death.

use std::sync::atomic::{AtomicUsize, Ordering};

use asof_materialize::{Progress, RunEnding, TaskOutcome, ViewTask};
use async_trait::async_trait;

use super::stubborn::{Deletion, Stubborn};
use super::*;

/// A project in which a release of the former keyspace has begun, and its owner died before a row went.
async fn begun() -> Result<(Project, Definitions)> {
    let (project, first) = Project::replaced().await?;
    let stubborn = Arc::new(Stubborn(Arc::clone(&project.world.store), Deletion::Fails));
    let due = project.candidate(15).await?;
    assert!(project.collector_of(stubborn, 15)?.delete(&due).await.is_err());
    assert!(project.world.ledger().standing(&keyspace(&first)).await?.is_going());
    Ok((project, first))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_begun_is_ended_by_the_next_collector() -> Result<()> {
    let (project, _) = begun().await?;
    let left = project.candidate(15).await?;
    assert_eq!(left.fate, Fate::Due(Cause::Released));
    assert_eq!(project.collect(15).await?, Outcome::Deleted { rows: 2 });
    // Whoever saw it before that comes too late.
    assert_eq!(project.collector(15)?.delete(&left).await?, Outcome::Changed);
    assert_eq!(project.collector(15)?.candidates().await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_half_deleted_is_neither_read_nor_materialized_until_the_release_ends() -> Result<()> {
    let (mut project, first) = begun().await?;
    project.apply(&first, 16).await?;
    assert_eq!(project.versions().await?, (2, Some(3)));
    let refused = project.materialize(17).await.expect_err("rows may go").to_string();
    let expected = format!(
        "feature view `readings`: its keyspace `{}` is being deleted; \
         run `asof online gc` until it says that it is done, then materialize",
        keyspace(&first)
    );
    assert_eq!(refused, expected);
    assert_eq!(project.candidate(17).await?.fate, Fate::ToSettle);
    let version = asof_registry::RegistryVersion(3);
    assert_eq!(project.collect(17).await?, Outcome::UsedAgain { version });
    assert_eq!(project.versions().await?, (2, Some(3)));
    project.materialize(18).await?;
    assert_eq!(project.versions().await?, (3, None));
    project.world.assert_equal_to_full(100).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_after_the_decision_keeps_the_rows() -> Result<()> {
    let (mut project, first) = Project::replaced().await?;
    let due = project.candidate(15).await?;
    project.apply(&first, 15).await?;
    assert_eq!(project.versions().await?, (3, None));
    let version = asof_registry::RegistryVersion(3);
    assert_eq!(
        project.collector(15)?.delete(&due).await?,
        Outcome::UsedAgain { version }
    );
    // Servers that follow already read whole rows; all others are told to wait.
    assert_eq!(project.rows().await?.len(), 2);
    assert_eq!(project.versions().await?, (2, Some(3)));
    project.materialize(16).await?;
    assert_eq!(project.versions().await?, (3, None));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_finished_after_the_decision_keeps_the_keyspace() -> Result<()> {
    let (project, first) = Project::replaced().await?;
    let due = project.candidate(15).await?;
    let runner = Arc::new(project.runner());
    let materializer = project.materializer(&first, runner);
    materializer.materialize_incremental(&[], at(101), &NoProgress).await?;
    assert_eq!(project.collector(15)?.delete(&due).await?, Outcome::Changed);
    assert_eq!(project.rows().await?.len(), 2);
    assert!(project.world.ledger().standing(&due.keyspace).await?.is_online());
    Ok(())
}

/// Runs a task, and then has the one candidate deleted, the first time.
struct Collected {
    inner: LocalRunner,
    collector: GarbageCollector,
    runs: AtomicUsize,
}

#[async_trait]
impl Runner for Collected {
    async fn run(&self, task: &ViewTask, progress: &dyn Progress) -> Result<TaskOutcome, MaterializeError> {
        let outcome = self.inner.run(task, progress).await?;
        if self.runs.fetch_add(1, Ordering::SeqCst) == 0 {
            let candidates = self.collector.candidates().await.expect("all can be read");
            let deleted = self.collector.delete(&candidates[0]).await;
            assert_eq!(deleted.expect("all can be written"), Outcome::Deleted { rows: 2 });
        }
        Ok(outcome)
    }

    async fn settled(&self, task: &ViewTask, outcome: &TaskOutcome, ending: RunEnding) -> Result<(), MaterializeError> {
        self.inner.settled(task, outcome, ending).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_rows_go_under_its_hands_begins_anew() -> Result<()> {
    for interval in [false, true] {
        let (mut project, first) = Project::replaced().await?;
        let runner = Arc::new(Collected {
            inner: project.runner(),
            collector: project.collector(15)?,
            runs: AtomicUsize::new(0),
        });
        let materializer = project.materializer(&first, Arc::clone(&runner) as Arc<dyn Runner>);
        if interval {
            materializer.materialize(&[], at(0), at(100), &NoProgress).await?;
        } else {
            // Nothing is new since the complete run, so it writes nothing at first.
            materializer.materialize_incremental(&[], at(100), &NoProgress).await?;
        }
        assert_eq!(runner.runs.load(Ordering::SeqCst), 2);
        project.world.definitions = first;
        project.world.assert_equal_to_full(100).await?;
        let complete = project.world.ledger().last_complete(&project.world.keyspace()).await?;
        assert_eq!(complete.is_some(), !interval);
    }
    Ok(())
}
