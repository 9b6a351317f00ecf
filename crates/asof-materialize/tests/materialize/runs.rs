//! Runs: shared by who has the same to do, taken up where they were left, stopped and cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use asof_materialize::{
    MaterializeError, MaterializeSummary, NoProgress, Progress, RunEnd, RunEnding, RunStatus, StopFlag, ViewSummary,
};
use asof_model::ViewName;

use crate::world::{Row, World, at, row, row_view, runs, stored, text, window_view};

const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

/// A world of twelve entities in four files, two rows to a shard.
fn world() -> Result<World> {
    let mut world = World::new(row_view())?;
    world.rows_per_shard = 2;
    let rows: Vec<Row> = NAMES
        .iter()
        .enumerate()
        .map(|(n, name)| row(name, n as i64, n as i64))
        .collect();
    for (number, rows) in rows.chunks(3).enumerate() {
        world.write(&format!("{number}.parquet"), rows)?;
    }
    Ok(world)
}

async fn only_run(world: &World) -> Result<RunStatus> {
    let mut listed = runs(world.folder.path()).list(&world.keyspace().project).await?;
    assert_eq!(listed.len(), 1);
    listed.pop().context("there is a run")
}

/// Does something once so many shards are written.
struct AfterShards<F> {
    shards: usize,
    done: AtomicUsize,
    act: F,
}

impl<F: Fn() + Send + Sync> AfterShards<F> {
    fn new(shards: usize, act: F) -> Self {
        let done = AtomicUsize::new(0);
        Self { shards, done, act }
    }
}

impl<F: Fn() + Send + Sync> Progress for AfterShards<F> {
    fn view_started(&self, _: &ViewName) {}

    fn planned(&self, _: &ViewName, rows: Option<u64>, shards: usize) {
        assert_eq!((rows, shards), (Some(12), 4));
    }

    fn shard_done(&self, _: &ViewName) {
        if self.done.fetch_add(1, Ordering::SeqCst) + 1 == self.shards {
            (self.act)();
        }
    }

    fn rows_done(&self, _: &ViewName, _: u64) {}

    fn view_finished(&self, _: &ViewSummary) {}
}

/// A run that was told to stop when its first shard was written.
async fn stopped_after_a_shard(world: &World) -> Result<MaterializeSummary, MaterializeError> {
    let stop = world.stop.clone();
    let progress = AfterShards::new(1, move || stop.stop());
    let materializer = world.materializer();
    materializer.materialize_incremental(&[], at(100), &progress).await
}

#[tokio::test]
async fn a_run_keeps_what_became_of_its_shards() -> Result<()> {
    let world = world()?;
    let summary = world.incremental(100).await?;
    assert_eq!((summary.rows.read, summary.rows.written), (12, 12));
    let run = only_run(&world).await?;
    assert_eq!(run.end.map(|end| end.ending), Some(RunEnding::Done));
    assert_eq!(run.plan.registry_version, 7);
    assert_eq!(run.shards.len(), 4);
    for shard in &run.shards {
        let done = shard.done().context("all shards are done")?;
        assert_eq!((shard.attempts, done.rows.written), (1, 3));
        assert!(done.bytes > 0 && done.newest.is_some());
    }
    // Nothing is new: nothing to do, no run.
    world.incremental(100).await?;
    only_run(&world).await?;
    Ok(())
}

#[tokio::test]
async fn two_runs_share_the_shards() -> Result<()> {
    let world = world()?;
    let (one, two) = tokio::join!(world.incremental(100), world.incremental(100));
    assert_eq!((one?.rows.written, two?.rows.written), (12, 12));
    let run = only_run(&world).await?;
    let attempts: u32 = run.shards.iter().map(|shard| shard.attempts).sum();
    assert_eq!(attempts, 4, "no shard was done twice");
    world.assert_equal_to_full(100).await
}

#[tokio::test]
async fn a_run_that_was_stopped_goes_on_where_it_was() -> Result<()> {
    let mut world = world()?;
    let stopped = stopped_after_a_shard(&world).await;
    let run = only_run(&world).await?;
    assert_eq!(
        text(stopped),
        format!(
            "feature view `readings`: stopped before the end; run the same again, or `asof materializations resume {}`",
            run.id
        )
    );
    let done = run.shards.iter().filter(|shard| shard.done().is_some()).count();
    assert!((1..4).contains(&done), "{done} shards are done");
    assert_eq!(run.end, None);
    assert_eq!(world.ledger().entries(&world.keyspace()).await?, []);

    world.stop = StopFlag::default();
    let summary = world.incremental(100).await?;
    assert_eq!(summary.rows.written, 12);
    let run = only_run(&world).await?;
    let twice = run.shards.iter().filter(|shard| shard.attempts > 1).count();
    assert!(twice <= 4 - done, "shards that were done are not done again");
    assert_eq!(run.end.map(|end| end.ending), Some(RunEnding::Done));
    world.assert_equal_to_full(100).await
}

#[tokio::test]
async fn a_cancelled_run_ends_and_the_next_begins_anew() -> Result<()> {
    let mut world = world()?;
    let stopped = stopped_after_a_shard(&world).await;
    assert!(matches!(stopped, Err(MaterializeError::Stopped { .. })));
    world.stop = StopFlag::default();
    let run = only_run(&world).await?;
    let cancelled = RunEnd {
        ending: RunEnding::Cancelled,
        at: at(1_000),
    };
    let runs = runs(world.folder.path());
    assert!(runs.end(&world.keyspace().project, &run.id, cancelled).await?);
    world.incremental(100).await?;
    let listed = runs.list(&world.keyspace().project).await?;
    let attempts: Vec<_> = listed
        .iter()
        .map(|run| (run.id.attempt, run.end.map(|end| end.ending)))
        .collect();
    assert_eq!(attempts, [(2, Some(RunEnding::Done)), (1, Some(RunEnding::Cancelled))]);
    world.assert_equal_to_full(100).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_cancelled_meanwhile_stops() -> Result<()> {
    let world = world()?;
    let (runs, project) = (runs(world.folder.path()), world.keyspace().project);
    let progress = AfterShards::new(1, move || {
        let (runs, project) = (runs.clone(), project.clone());
        let cancel = async move {
            let run = runs.list(&project).await?.remove(0);
            let ending = RunEnding::Cancelled;
            runs.end(&project, &run.id, RunEnd { ending, at: at(5) }).await
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(cancel)).unwrap();
    });
    let cancelled = world
        .materializer()
        .materialize_incremental(&[], at(100), &progress)
        .await;
    assert!(
        matches!(cancelled, Err(MaterializeError::Cancelled { .. })),
        "{cancelled:?}"
    );
    assert_eq!(world.ledger().entries(&world.keyspace()).await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_emptied_meanwhile_is_noticed_and_filled_by_the_next_run() -> Result<()> {
    let world = world()?;
    let (store, keyspace) = (Arc::clone(&world.store), world.keyspace());
    let progress = AfterShards::new(1, move || {
        let emptied = store.delete_keyspace(&keyspace);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(emptied)).unwrap();
    });
    let lost = world
        .materializer()
        .materialize_incremental(&[], at(100), &progress)
        .await;
    assert!(matches!(lost, Err(MaterializeError::StoreLost { .. })), "{lost:?}");
    assert_eq!(world.ledger().entries(&world.keyspace()).await?, []);
    let run = only_run(&world).await?;
    assert_eq!(run.end.map(|end| end.ending), Some(RunEnding::Lost));
    world.incremental(100).await?;
    world.assert_equal_to_full(100).await
}

#[tokio::test]
async fn a_file_that_changes_between_two_attempts_makes_another_run() -> Result<()> {
    let mut world = world()?;
    let stopped = stopped_after_a_shard(&world).await;
    assert!(stopped.is_err());
    world.stop = StopFlag::default();
    world.write("4.parquet", &[row("a", 50, 50)])?;
    world.incremental(100).await?;
    assert!(world.stored().await?.contains(&stored("a", 50, 50)));
    let listed = runs(world.folder.path()).list(&world.keyspace().project).await?;
    assert_eq!(listed.len(), 2);
    world.assert_equal_to_full(100).await
}

#[tokio::test]
async fn windows_are_cut_by_entities() -> Result<()> {
    let mut world = World::new(window_view(10, 20))?;
    world.shards = 3;
    let rows: Vec<Row> = NAMES
        .iter()
        .enumerate()
        .map(|(n, name)| row(name, n as i64, n as i64))
        .collect();
    world.write("1.parquet", &rows)?;
    world
        .materializer()
        .materialize_incremental(&[], at(100), &NoProgress)
        .await?;
    let run = only_run(&world).await?;
    assert_eq!((run.shards.len(), run.plan.rows()), (3, None));
    world.assert_equal_to_full(100).await
}
