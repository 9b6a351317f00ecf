//! What may go, and what is left when it has gone.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_keyspace_goes_a_grace_period_after_its_successor_went_live() -> Result<()> {
    let (project, first) = Project::replaced().await?;
    let old = keyspace(&first);
    let kept = project.candidate(14).await?;
    assert_eq!((&kept.keyspace, kept.rows), (&old, 2));
    let until = at(15 * MINUTE);
    assert_eq!(kept.fate, Fate::Kept { until });
    assert_eq!(project.collector(14)?.delete(&kept).await?, Outcome::Changed);

    let due = project.candidate(15).await?;
    let replaced = Cause::Replaced(at(10 * MINUTE));
    assert_eq!(due.fate, Fate::Due(replaced));
    // To tell it is not to do it.
    assert_eq!(project.rows().await?.len(), 2);
    assert_eq!(project.collect(15).await?, Outcome::Deleted { rows: 2 });
    assert_eq!(project.rows().await?, BTreeMap::from([(project.world.keyspace(), 1)]));
    assert_eq!(project.collector(15)?.candidates().await?, []);
    assert_eq!(project.versions().await?, (2, None));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_no_rows_does_not_begin_the_grace_period_anew() -> Result<()> {
    let (mut project, _) = Project::replaced().await?;
    project.world.view_mut().metadata.owner = Some("someone".to_owned());
    let third = project.world.definitions.clone();
    project.apply(&third, 14).await?;
    project.materialize(14).await?;
    let replaced = Cause::Replaced(at(10 * MINUTE));
    assert_eq!(project.candidate(15).await?.fate, Fate::Due(replaced));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_begins_it_anew_and_finds_its_rows() -> Result<()> {
    let (mut project, first) = Project::replaced().await?;
    let second = project.world.definitions.clone();
    project.apply(&first, 12).await?;
    assert_eq!(project.versions().await?, (3, None));
    project.apply(&second, 14).await?;
    let until = at(19 * MINUTE);
    assert_eq!(project.candidate(16).await?.fate, Fate::Kept { until });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_while_its_successor_is_not_online() -> Result<()> {
    let mut project = Project::new()?;
    let first = project.world.definitions.clone();
    project.apply(&first, 0).await?;
    project.materialize(1).await?;
    for (minute, filter) in [(2, "x > 0"), (3, "x > 1")] {
        project.world.view_mut().filter = Some(filter.to_owned());
        let next = project.world.definitions.clone();
        project.apply(&next, minute).await?;
    }
    // The first is live, the third is being built.
    assert_eq!(project.collector(1_000)?.candidates().await?, []);
    project.materialize(1_000).await?;
    let until = at(1_005 * MINUTE);
    assert_eq!(project.candidate(1_000).await?.fate, Fate::Kept { until });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_to_what_has_gone_waits_until_it_is_materialized_again() -> Result<()> {
    let (mut project, first) = Project::replaced().await?;
    project.collect(15).await?;
    project.apply(&first, 16).await?;
    assert_eq!(project.versions().await?, (2, Some(3)));
    // All of it comes back, though an incremental run was complete before.
    project.materialize(17).await?;
    assert_eq!(project.versions().await?, (3, None));
    project.world.assert_equal_to_full(100).await?;
    let until = at(22 * MINUTE);
    assert_eq!(project.candidate(18).await?.fate, Fate::Kept { until });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_comes_back_waits_for_its_rows_too() -> Result<()> {
    let mut project = Project::new()?;
    let with_view = project.world.definitions.clone();
    let mut without = with_view.clone();
    without.feature_views.clear();
    project.apply(&with_view, 0).await?;
    project.materialize(1).await?;
    project.apply(&without, 2).await?;
    project.collect(7).await?;
    assert_eq!(project.rows().await?, BTreeMap::new());
    project.apply(&with_view, 8).await?;
    assert_eq!(project.versions().await?, (2, Some(3)));
    project.materialize(9).await?;
    assert_eq!(project.versions().await?, (3, None));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_after_a_release_goes_too() -> Result<()> {
    let (project, first) = Project::replaced().await?;
    project.collect(15).await?;
    // By a materialization of former definitions that was ended before it was done, say.
    let old = Project::new()?;
    old.world.incremental(100).await?;
    let stray = old.world.scan().await?;
    let keys = stray.iter().map(|(key, _)| Some(&key[..])).collect();
    let rows = stray.iter().map(|(_, row)| &row[..]).collect();
    project.world.store.write(&keyspace(&first), &keys, &rows, None).await?;
    let left = project.candidate(15).await?;
    assert_eq!((left.fate.clone(), left.rows), (Fate::Due(Cause::Released), 2));
    assert_eq!(project.collect(15).await?, Outcome::Deleted { rows: 2 });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_registry_does_not_know_is_left_alone() -> Result<()> {
    let (project, _) = Project::replaced().await?;
    project.collect(15).await?;
    let mut foreign = project.world.keyspace();
    foreign.fingerprint = 2;
    let mut other_project = foreign.clone();
    other_project.project = "q".parse()?;
    let stored = project.world.scan().await?;
    let keys = stored.iter().map(|(key, _)| Some(&key[..])).collect();
    let rows = stored.iter().map(|(_, row)| &row[..]).collect();
    project.world.store.write(&foreign, &keys, &rows, None).await?;
    project.world.store.write(&other_project, &keys, &rows, None).await?;
    let unknown = project.candidate(1_000).await?;
    assert_eq!((&unknown.keyspace, &unknown.fate), (&foreign, &Fate::Unknown));
    assert_eq!(project.collect(1_000).await?, Outcome::Changed);
    assert_eq!(project.rows().await?.len(), 3);
    Ok(())
}
