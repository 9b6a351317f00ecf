//! Keyspaces: what each is for, which may go, and what a release does to runs and readers.

mod collected;
mod killed;
mod property;
mod races;
mod redis;
mod status;
mod stubborn;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use asof_materialize::{
    Cause, Fate, GarbageCollector, GcCandidate, LiveVersion, LocalRunner, MaterializeError, Materializer, NoProgress,
    Outcome, Runner, live_version,
};
use asof_model::definition::Definitions;
use asof_model::{FixedClock, Keyspace, TimeSpan};
use asof_offline::{OfflineEngine, OfflineOptions};
use asof_online::OnlineStore;
use asof_registry::{ApplyInfo, Registry};

use crate::world::{World, at, row, row_view, runs, span};

const MINUTE: i64 = 60_000_000;

/// The grace period of the tests.
const GRACE: i64 = 5 * MINUTE;

/// A project with a registry, in which time passes by the minute.
struct Project {
    world: World,
    /// Now, in minutes since the epoch.
    now: i64,
}

impl Project {
    /// A source of two rows; nothing is applied.
    fn new() -> Result<Self> {
        let world = World::new(row_view())?;
        world.write("a.parquet", &[row("one", 1, 1), row("two", 2, -2)])?;
        Ok(Self { world, now: 0 })
    }

    /// The first version is online since minute 1, the second, with another keyspace, was applied in minute 2 and is
    /// online since minute 10. The definitions of the first.
    async fn replaced() -> Result<(Self, Definitions)> {
        let mut project = Self::new()?;
        let first = project.world.definitions.clone();
        project.apply(&first, 0).await?;
        project.materialize(1).await?;
        project.world.view_mut().filter = Some("x > 0".to_owned());
        let second = project.world.definitions.clone();
        project.apply(&second, 2).await?;
        project.materialize(10).await?;
        Ok((project, first))
    }

    fn registry(&self) -> Result<Registry> {
        Ok(Registry::open("registry", self.world.folder.path(), &BTreeMap::new())?)
    }

    async fn apply(&mut self, definitions: &Definitions, minute: i64) -> Result<()> {
        self.now = minute;
        let registry = self.registry()?;
        let info = ApplyInfo {
            time: at(minute * MINUTE),
            author: "test".to_owned(),
            message: None,
            git: None,
        };
        registry
            .apply(registry.current_version().await?, definitions, info)
            .await?;
        self.world.definitions = definitions.clone();
        Ok(())
    }

    fn materializer(&self, definitions: &Definitions, runner: Arc<dyn Runner>) -> Materializer {
        let clock = Arc::new(FixedClock(at(self.now * MINUTE)));
        Materializer::new(Arc::new(definitions.clone()), 1, self.world.ledger(), runner, clock)
    }

    fn runner(&self) -> LocalRunner {
        let engine = OfflineEngine::new(OfflineOptions {
            partitions: 1,
            ..OfflineOptions::new(self.world.folder.path())
        });
        let clock = Arc::new(FixedClock(at(self.now * MINUTE)));
        let runs = runs(self.world.folder.path());
        LocalRunner::new(Arc::new(engine), Arc::clone(&self.world.store), runs, clock)
    }

    /// Brings all views of the current version online.
    async fn materialize(&mut self, minute: i64) -> Result<(), MaterializeError> {
        self.now = minute;
        let materializer = self.materializer(&self.world.definitions, Arc::new(self.runner()));
        materializer.materialize_incremental(&[], at(100), &NoProgress).await?;
        Ok(())
    }

    fn collector_of(&self, store: Arc<dyn OnlineStore>, minute: i64) -> Result<GarbageCollector> {
        let clock = Arc::new(FixedClock(at(minute * MINUTE)));
        Ok(GarbageCollector::new(self.registry()?, store, clock, span(GRACE))?)
    }

    fn collector(&self, minute: i64) -> Result<GarbageCollector> {
        self.collector_of(Arc::clone(&self.world.store), minute)
    }

    /// The one candidate.
    async fn candidate(&self, minute: i64) -> Result<GcCandidate> {
        let mut candidates = self.collector(minute)?.candidates().await?;
        match (candidates.pop(), candidates.len()) {
            (Some(candidate), 0) => Ok(candidate),
            (last, more) => bail!("{last:?} and {more} more candidates"),
        }
    }

    /// Deletes the one candidate.
    async fn collect(&self, minute: i64) -> Result<Outcome> {
        let candidate = self.candidate(minute).await?;
        Ok(self.collector(minute)?.delete(&candidate).await?)
    }

    async fn live(&self) -> Result<LiveVersion> {
        let live = live_version(&self.registry()?, &self.world.ledger()).await?;
        live.context("a version was applied")
    }

    /// The number of the live version, and of the one that waits.
    async fn versions(&self) -> Result<(u64, Option<u64>)> {
        let live = self.live().await?;
        Ok((live.snapshot.version.0, live.waiting.map(|waiting| waiting.version.0)))
    }

    /// How many rows each stored keyspace has.
    async fn rows(&self) -> Result<BTreeMap<Keyspace, u64>> {
        let stored = self.world.store.keyspaces().await?;
        Ok(stored.into_iter().map(|info| (info.keyspace, info.rows)).collect())
    }
}

/// The keyspace of the one view.
fn keyspace(definitions: &Definitions) -> Keyspace {
    let view = definitions.feature_views.values().next().expect("there is a view");
    Keyspace::of(&definitions.project, view, &definitions.sources[&view.source])
}

#[test]
fn the_grace_period_is_a_minute_at_least() -> Result<()> {
    let project = Project::new()?;
    let collector = |grace: i64| {
        let clock = Arc::new(FixedClock(at(0)));
        let store = Arc::clone(&project.world.store);
        GarbageCollector::new(project.registry()?, store, clock, TimeSpan::from_micros(grace)?).map_err(Into::into)
    };
    let refused: Result<_> = collector(MINUTE - 1);
    assert_eq!(
        refused.err().map(|error| error.to_string()).as_deref(),
        Some("a grace period of 59s999ms999us is too short: servers may need 1m to follow a new version; give more")
    );
    assert!(collector(MINUTE).is_ok());
    Ok(())
}

#[tokio::test]
async fn without_a_version_there_is_nothing_to_tell() -> Result<()> {
    let project = Project::new()?;
    assert_eq!(project.collector(0)?.candidates().await?, []);
    Ok(())
}
