//! `Verifier`: online rows beside the offline answer.

use std::num::NonZeroU64;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use asof_materialize::{
    Comparison, Counts, Difference, Share, Verdict, Verifier, VerifyProgress, ViewVerification, push,
};
use asof_model::{FixedClock, Timestamp, ViewName};
use asof_offline::{OfflineEngine, OfflineOptions};

use crate::world::{Row, VIEW, World, at, row, row_view, rows_batch, span, window_view};

struct Silent;

impl VerifyProgress for Silent {
    fn view_started(&self, _: &ViewName) {}
    fn rows_compared(&self, _: u64) {}
}

async fn verify_as(world: &World, share: Share, as_of: Option<Timestamp>, now: i64) -> Result<ViewVerification> {
    let engine = Arc::new(OfflineEngine::new(OfflineOptions::new(world.folder.path())));
    let clock = Arc::new(FixedClock(at(now)));
    let verifier = Verifier::new(engine, Arc::clone(&world.store), world.ledger(), clock);
    let verified = verifier.verify(&world.definitions, &[], share, as_of, &Silent).await?;
    verified.into_iter().next().context("there is a view")
}

async fn verify(world: &World) -> Result<ViewVerification> {
    verify_as(world, Share::All, None, 100).await
}

fn compared(verified: &ViewVerification) -> Result<&Comparison> {
    match &verified.verdict {
        Verdict::Compared(comparison) => Ok(comparison),
        other => bail!("{other:?}"),
    }
}

/// Puts a row of a single feature online, whatever the source says.
async fn put(world: &World, rows: &[Row]) -> Result<()> {
    push(
        &world.definitions,
        world.store.as_ref(),
        VIEW,
        &[rows_batch(rows)],
        at(1_000),
    )
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_materialized_is_equal_and_what_came_later_is_fine() -> Result<()> {
    let world = World::new(row_view())?;
    assert_eq!(verify_empty(&world).await?, Verdict::NotMaterialized);
    world.write(
        "1.parquet",
        &[row("a", 10, 1), row("b", 10, 1), row("b", 11, 2), row("c", 50, 1)],
    )?;
    world.incremental(20).await?;
    // A file that came since, and rows beyond the end of the run, are not promised.
    world.write("2.parquet", &[row("a", 15, 3)])?;
    put(&world, &[row("a", 12, 5), row("d", 1, 1)]).await?;
    let verified = verify(&world).await?;
    assert!(verified.holds());
    let comparison = compared(&verified)?;
    assert_eq!((comparison.at, comparison.extra), (at(20), Some(1)));
    let expected = Counts {
        equal: 1,
        later: 1,
        ..Counts::default()
    };
    assert_eq!(comparison.counts, expected);
    assert_eq!(comparison.differences, []);
    Ok(())
}

async fn verify_empty(world: &World) -> Result<Verdict> {
    Ok(verify(world).await?.verdict)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_differs_is_told_with_examples() -> Result<()> {
    let world = World::new(row_view())?;
    let created = (Some("created"), 10, Some(5), Some(1));
    let source = [
        row("earlier", 10, 1),
        row("other", 10, 1),
        row("null", 10, 1),
        row("gone", 10, 1),
        created,
    ];
    world.write("1.parquet", &source)?;
    world.incremental(20).await?;
    world.store.delete_keyspace(&world.keyspace()).await?;
    let created = (Some("created"), 10, None, Some(1));
    put(
        &world,
        &[
            row("earlier", 9, 1),
            row("other", 10, 2),
            (Some("null"), 10, None, None),
            created,
        ],
    )
    .await?;
    let verified = verify(&world).await?;
    assert!(!verified.holds());
    let comparison = compared(&verified)?;
    let expected = Counts {
        missing: 1,
        differing: 4,
        ..Counts::default()
    };
    assert_eq!(comparison.counts, expected);
    let difference = |entity: &str, what: &str, online: &str, offline: &str| Difference {
        entity: format!("k={entity}"),
        what: what.to_owned(),
        online: online.to_owned(),
        offline: offline.to_owned(),
    };
    let time = "1970-01-01T00:00:00.00001Z";
    let expected = [
        difference("created", "created time", "none", "1970-01-01T00:00:00.000005Z"),
        difference("earlier", "event time", "1970-01-01T00:00:00.000009Z", time),
        difference("gone", "row", "none", &format!("of {time}")),
        difference("null", "x", "null", "1"),
        difference("other", "x", "2", "1"),
    ];
    let mut told = comparison.differences.clone();
    told.sort_by(|a, b| a.entity.cmp(&b.entity));
    assert_eq!(told, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_past_their_ttl_may_be_gone_unless_the_store_was_emptied() -> Result<()> {
    let mut view = row_view();
    view.admission.ttl = Some(span(50));
    let world = World::new(view)?;
    world.write("1.parquet", &[row("young", 15, 1)])?;
    world.incremental(20).await?;
    // As if a store had let it go.
    world.write("2.parquet", &[row("old", 10, 1)])?;
    let counts = async |now| {
        let verified = verify_as(&world, Share::All, Some(at(20)), now).await?;
        Ok::<_, anyhow::Error>(compared(&verified)?.counts)
    };
    let (fresh, old) = (counts(60).await?, counts(61).await?);
    assert_eq!((fresh.equal, fresh.expired, fresh.missing), (1, 0, 1));
    assert_eq!((old.equal, old.expired, old.missing, old.compared()), (1, 1, 0, 2));

    world.store.delete_keyspace(&world.keyspace()).await?;
    put(&world, &[row("other", 1, 1)]).await?;
    let lost = verify_as(&world, Share::All, None, 1_000).await?;
    let lost = compared(&lost)?;
    assert!(lost.is_emptied);
    assert_eq!((lost.counts.expired, lost.counts.missing), (0, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_changed_make_the_promise_impossible_to_check() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("1.parquet", &[row("a", 10, 1)])?;
    world.write("2.parquet", &[row("b", 10, 1)])?;
    world.incremental(20).await?;
    world.write("1.parquet", &[row("a", 10, 2), row("c", 10, 2)])?;
    fs_err::remove_file(world.file("2.parquet"))?;
    let verified = verify(&world).await?;
    assert!(!verified.holds());
    let Verdict::SourceChanged(changes) = verified.verdict else {
        bail!("{:?}", verified.verdict);
    };
    assert_eq!(
        (&changes.rewritten[..], &changes.deleted[..]),
        (&["data/1.parquet".to_owned()][..], &["data/2.parquet".to_owned()][..])
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn as_of_a_time_it_says_what_is_not_materialized_yet() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("1.parquet", &[row("a", 10, 1), row("a", 30, 2)])?;
    world.incremental(20).await?;
    world.write("2.parquet", &[row("b", 5, 1)])?;
    let counts = async |time| {
        let verified = verify_as(&world, Share::All, Some(at(time)), 100).await?;
        Ok::<_, anyhow::Error>(compared(&verified)?.counts)
    };
    let (before, now, after) = (counts(4).await?, counts(20).await?, counts(30).await?);
    assert_eq!(before.compared(), 0);
    assert_eq!((now.equal, now.missing), (1, 1));
    assert_eq!((after.differing, after.missing), (1, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_compare_as_rows_do() -> Result<()> {
    let world = World::new(window_view(10, 20))?;
    world.write("1.parquet", &[row("a", 5, 1), row("a", 15, 2), row("b", 31, 4)])?;
    world.incremental(40).await?;
    let verified = verify(&world).await?;
    let counts = compared(&verified)?.counts;
    assert_eq!((counts.equal, counts.compared()), (2, 2));
    world.store.delete_keyspace(&world.keyspace()).await?;
    assert!(!verify(&world).await?.holds());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_the_same_each_time_and_part_of_all() -> Result<()> {
    let names: Vec<&'static str> = (0..400)
        .map(|n| &*Box::leak(format!("key{n:03}").into_boxed_str()))
        .collect();
    let rows: Vec<Row> = names.iter().map(|name| row(name, 10, 1)).collect();
    let world = World::new(row_view())?;
    world.write("1.parquet", &rows)?;
    world.incremental(20).await?;
    let sample = async |wanted: u64| {
        let share = Share::Sample(NonZeroU64::new(wanted).context("above zero")?);
        let verified = verify_as(&world, share, None, 100).await?;
        Ok::<_, anyhow::Error>(compared(&verified)?.clone())
    };
    let small = sample(40).await?;
    assert!((20..=160).contains(&small.counts.equal), "{:?}", small.counts);
    assert_eq!(small, sample(40).await?);
    assert_eq!(small.extra, None);
    assert_eq!(sample(400).await?.counts.equal, 400);

    // Lost rows are looked for in no smaller a part, and the first ten are told.
    world.store.delete_keyspace(&world.keyspace()).await?;
    let lost = sample(40).await?;
    assert_eq!(lost.counts.missing, small.counts.equal);
    assert_eq!(lost.differences.len(), 10);
    Ok(())
}
