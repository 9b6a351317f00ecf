//! What each keyspace is said to be for.

use asof_materialize::{KeyspaceState, OnlineStatus, keyspace_statuses};

use super::*;

async fn status(project: &Project) -> Result<OnlineStatus> {
    let store = project.world.store.as_ref();
    let status = keyspace_statuses(&project.registry()?, &project.world.ledger(), store).await?;
    status.context("a version was applied")
}

/// State and rows of each, and whether rows were lost.
async fn states(project: &Project) -> Result<Vec<(KeyspaceState, Option<u64>, bool)>> {
    let keyspaces = status(project).await?.keyspaces.into_iter();
    Ok(keyspaces.map(|of| (of.state, of.rows, of.is_emptied)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn keyspaces_are_live_building_previous_released_and_gone() -> Result<()> {
    let (mut project, first) = Project::replaced().await?;
    let second = project.world.definitions.clone();
    project.world.view_mut().filter = Some("x > 1".to_owned());
    let third = project.world.definitions.clone();
    project.apply(&third, 11).await?;
    let now = status(&project).await?;
    assert_eq!(now.live.0, 2);
    assert_eq!(now.waiting.map(|waiting| waiting.version.0), Some(3));
    let [live, building, previous] = &now.keyspaces[..] else {
        bail!("{:?}", now.keyspaces);
    };
    assert_eq!(
        (live.state, live.rows, &live.keyspace),
        (KeyspaceState::Live, Some(1), &keyspace(&second))
    );
    let newest = live.newest.as_ref().context("it was materialized")?;
    assert_eq!((newest.to, newest.finished), (at(100), at(10 * MINUTE)));
    assert_eq!((building.state, building.rows), (KeyspaceState::Building, None));
    assert_eq!((&building.newest, building.is_emptied), (&None, false));
    assert_eq!(
        (previous.state, &previous.keyspace),
        (KeyspaceState::Previous, &keyspace(&first))
    );

    project.collect(15).await?;
    let expected = [
        (KeyspaceState::Live, Some(1), false),
        (KeyspaceState::Building, None, false),
    ];
    assert_eq!(states(&project).await?, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_store_lost_are_told_of() -> Result<()> {
    let (mut project, first) = Project::replaced().await?;
    for info in project.world.store.keyspaces().await? {
        project.world.store.delete_keyspace(&info.keyspace).await?;
    }
    let expected = [(KeyspaceState::Live, None, true), (KeyspaceState::Previous, None, true)];
    assert_eq!(states(&project).await?, expected);
    // A rollback target without rows is given up soon, so that no rollback is answered by nothing.
    let until = at(11 * MINUTE);
    assert_eq!(project.candidate(10).await?.fate, Fate::Kept { until });
    let lost = project.candidate(11).await?;
    assert_eq!((&lost.keyspace, lost.fate), (&keyspace(&first), Fate::Due(Cause::Lost)));
    assert_eq!(project.collect(11).await?, Outcome::Deleted { rows: 0 });
    project.apply(&first, 11).await?;
    assert_eq!(project.versions().await?, (2, Some(3)));
    let expected = [
        (KeyspaceState::Live, None, true),
        (KeyspaceState::Building, None, false),
    ];
    assert_eq!(states(&project).await?, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_after_the_loss_do_not_hide_it() -> Result<()> {
    let (project, _) = Project::replaced().await?;
    let lost = project.world.keyspace();
    let rows = project.world.scan().await?;
    project.world.store.delete_keyspace(&lost).await?;
    let keys = rows.iter().map(|(key, _)| Some(&key[..])).collect();
    let rows = rows.iter().map(|(_, row)| &row[..]).collect();
    project.world.store.write(&lost, &keys, &rows, None).await?;
    assert_eq!(states(&project).await?[0], (KeyspaceState::Live, Some(1), true));
    // What was written for an interval is there, but is not all.
    let materializer = project.materializer(&project.world.definitions, Arc::new(project.runner()));
    materializer.materialize(&[], at(0), at(1), &NoProgress).await?;
    assert!(states(&project).await?[0].2);
    materializer.materialize_incremental(&[], at(100), &NoProgress).await?;
    assert!(!states(&project).await?[0].2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_without_rows_lost_none() -> Result<()> {
    let mut project = Project::new()?;
    project.world.view_mut().filter = Some("x > 100".to_owned());
    let empty = project.world.definitions.clone();
    project.apply(&empty, 0).await?;
    project.materialize(1).await?;
    assert_eq!(states(&project).await?, [(KeyspaceState::Live, Some(0), false)]);
    Ok(())
}
