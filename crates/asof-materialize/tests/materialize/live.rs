//! Which registry version readers see while changed views are brought online.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use asof_materialize::{LiveVersion, live_version};
use asof_model::definition::Definitions;
use asof_registry::{ApplyInfo, Registry, RegistryVersion};

use crate::world::{World, at, row, row_view};

fn info() -> ApplyInfo {
    ApplyInfo {
        time: at(0),
        author: "test".to_owned(),
        message: None,
        git: None,
    }
}

fn registry(world: &World) -> Result<Registry> {
    Ok(Registry::open("registry", world.folder.path(), &BTreeMap::new())?)
}

async fn apply(world: &World, definitions: &Definitions) -> Result<()> {
    let registry = registry(world)?;
    let expected = registry.current_version().await?;
    registry.apply(expected, definitions, info()).await?;
    Ok(())
}

async fn live(world: &World) -> Result<LiveVersion> {
    live_version(&registry(world)?, &world.ledger())
        .await?
        .context("a version was applied")
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_switch_to_a_changed_view_when_it_is_online_and_back_at_once() -> Result<()> {
    let mut world = World::new(row_view())?;
    world.write("a.parquet", &[row("one", 1, 1)])?;
    assert!(live_version(&registry(&world)?, &world.ledger()).await?.is_none());

    // A view that was never online holds nothing back.
    apply(&world, &world.definitions).await?;
    let first = live(&world).await?;
    assert_eq!((first.snapshot.version, first.waiting), (RegistryVersion(1), None));
    world.incremental(10).await?;

    // A changed view waits, and the version before answers.
    let former = world.definitions.clone();
    world.view_mut().filter = Some("x > 0".to_owned());
    apply(&world, &world.definitions).await?;
    let waiting = live(&world).await?;
    assert_eq!(waiting.snapshot.version, RegistryVersion(1));
    let newer = waiting.waiting.context("the new version waits")?;
    assert_eq!(newer.version, RegistryVersion(2));
    assert_eq!(newer.views, [world.view().name.clone()]);

    // What does not touch the rows is seen at once, but not past a change that waits.
    world.view_mut().metadata.owner = Some("someone".to_owned());
    apply(&world, &world.definitions).await?;
    assert_eq!(live(&world).await?.snapshot.version, RegistryVersion(1));

    world.incremental(10).await?;
    let complete = live(&world).await?;
    assert_eq!(
        (complete.snapshot.version, complete.waiting),
        (RegistryVersion(3), None)
    );

    // The former rows are still there.
    apply(&world, &former).await?;
    let back = live(&world).await?;
    assert_eq!((back.snapshot.version, back.waiting), (RegistryVersion(4), None));
    Ok(())
}
