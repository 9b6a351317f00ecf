//! The same in Redis, where keyspaces go row by row and rows end by themselves.

use std::path::Path;

use asof_materialize::{Cause, KeyspaceState, Share, Verdict, Verifier, VerifyProgress, keyspace_statuses};
use asof_model::definition::{RedisAddress, RedisConfig};
use asof_model::{SystemClock, ViewName};
use asof_online::RedisStore;
use asof_testkit::{RedisOptions, RedisServer};

use super::*;

struct Silent;

impl VerifyProgress for Silent {
    fn view_started(&self, _: &ViewName) {}
    fn rows_compared(&self, _: u64) {}
}

async fn verify(project: &Project) -> Result<asof_materialize::Comparison> {
    let engine = Arc::new(OfflineEngine::new(OfflineOptions::new(project.world.folder.path())));
    let store = Arc::clone(&project.world.store);
    let verifier = Verifier::new(engine, store, project.world.ledger(), Arc::new(SystemClock));
    let definitions = &project.world.definitions;
    let mut verified = verifier.verify(definitions, &[], Share::All, None, &Silent).await?;
    match verified.pop().map(|view| view.verdict) {
        Some(Verdict::Compared(comparison)) => Ok(comparison),
        other => bail!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keyspaces_go_and_losses_are_told() -> Result<()> {
    let mut server = RedisServer::start(RedisOptions::new())?;
    let address = RedisAddress::server(RedisServer::HOST, server.port());
    let store = RedisStore::open(&RedisConfig::new(vec![address]), Path::new("/"))?;
    let mut project = Project::new()?;
    project.world.store = Arc::new(store);
    let first = project.world.definitions.clone();
    project.apply(&first, 0).await?;
    project.materialize(1).await?;
    // A `ttl` is part of the keyspace's name. All rows are past it, and stay for the store's grace.
    project.world.view_mut().admission.ttl = Some(span(10));
    let second = project.world.definitions.clone();
    project.apply(&second, 2).await?;
    project.materialize(10).await?;
    assert_eq!(verify(&project).await?.counts.equal, 2);

    assert_eq!(
        project.candidate(15).await?.fate,
        Fate::Due(Cause::Replaced(at(10 * MINUTE)))
    );
    assert_eq!(project.collect(15).await?, Outcome::Deleted { rows: 2 });
    assert_eq!(project.collector(15)?.candidates().await?, []);
    let after = verify(&project).await?;
    assert_eq!((after.counts.equal, after.extra), (2, Some(0)));

    // One row ended.
    let ended = server.cli(&["KEYS", "asof:t:p:*"])?;
    let ended = ended.lines().next().context("there are rows")?;
    server.cli(&["DEL", ended])?;
    let one = verify(&project).await?;
    assert_eq!((one.counts.equal, one.counts.expired, one.is_emptied), (1, 1, false));
    server.restart_empty()?;
    let none = verify(&project).await?;
    assert_eq!(
        (none.counts.missing, none.counts.expired, none.is_emptied),
        (2, 0, true)
    );
    let status = keyspace_statuses(
        &project.registry()?,
        &project.world.ledger(),
        project.world.store.as_ref(),
    )
    .await?;
    let status = status.context("a version was applied")?;
    let [live] = &status.keyspaces[..] else {
        bail!("{:?}", status.keyspaces);
    };
    assert_eq!(
        (live.state, live.rows, live.is_emptied),
        (KeyspaceState::Live, None, true)
    );
    project.materialize(16).await?;
    assert_eq!(verify(&project).await?.counts.equal, 2);
    Ok(())
}
