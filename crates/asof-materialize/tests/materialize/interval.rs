//! `materialize`: the last row per entity of an interval.

use anyhow::Result;
use asof_materialize::NoProgress;
use asof_model::ErrorKind;

use crate::world::{World, at, row, row_view, span, stored, text};

#[tokio::test]
async fn the_last_row_after_the_start_up_to_and_at_the_end_goes_online() -> Result<()> {
    let world = World::new(row_view())?;
    world.write(
        "a.parquet",
        &[
            row("at_start", 10, 1),
            row("inside", 11, 2),
            row("inside", 12, 3),
            row("at_end", 20, 4),
            row("at_end", 21, 5),
            row("after", 21, 6),
            (None, 15, None, Some(7)),
        ],
    )?;
    let summary = world.interval(10, 20).await?;
    assert_eq!(
        world.stored().await?,
        [stored("at_end", 20, 4), stored("inside", 12, 3)]
    );
    assert_eq!((summary.rows.read, summary.rows.written, summary.rows.kept), (2, 2, 0));
    assert_eq!(summary.files.added.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_row_goes_online_only_once_it_is_visible_and_whatever_its_age() -> Result<()> {
    let mut world = World::new(row_view())?;
    world.view_mut().admission.availability_lag = Some(span(5));
    world.view_mut().admission.visible_from_created = true;
    world.view_mut().admission.ttl = Some(span(1));
    world.write(
        "a.parquet",
        &[
            (Some("lag"), 15, Some(0), Some(1)),
            (Some("lag"), 16, Some(0), Some(2)),
            (Some("created"), 10, Some(20), Some(3)),
            (Some("created"), 11, Some(21), Some(4)),
            (Some("old"), -100, None, Some(5)),
        ],
    )?;
    world.interval(-1_000, 20).await?;
    let stored = world.stored().await?;
    let expected = [
        ("created".to_owned(), 10, Some(20), Some(3)),
        ("lag".to_owned(), 15, Some(0), Some(1)),
        ("old".to_owned(), -100, None, Some(5)),
    ];
    assert_eq!(stored, sorted_by_key_length(expected));
    Ok(())
}

/// Keys are stored with their length first.
fn sorted_by_key_length<T: Ord + Clone>(
    rows: [(String, i64, Option<i64>, T); 3],
) -> Vec<(String, i64, Option<i64>, T)> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (row.0.len(), row.0.clone()));
    rows
}

#[tokio::test]
async fn a_later_row_that_is_online_is_kept() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("a.parquet", &[row("k", 10, 1), row("k", 30, 2)])?;
    world.interval(0, 40).await?;
    let summary = world.interval(0, 20).await?;
    assert_eq!((summary.rows.written, summary.rows.kept), (0, 1));
    assert_eq!(world.stored().await?, [stored("k", 30, 2)]);
    Ok(())
}

#[tokio::test]
async fn an_interval_is_recorded_and_does_not_move_the_watermark() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("a.parquet", &[row("k", 10, 1)])?;
    world.interval(0, 20).await?;
    let entries = world.ledger().entries(&world.keyspace()).await?;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].from, entries[0].to, entries[0].finished),
        (Some(at(0)), at(20), at(1_000))
    );
    assert_eq!(
        (
            entries[0].registry_version,
            entries[0].files.len(),
            entries[0].files[0].rows
        ),
        (7, 1, 1)
    );
    assert_eq!(world.ledger().watermark(&world.keyspace()).await?, None);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anything_runs() -> Result<()> {
    let mut world = World::new(row_view())?;
    let run = async |world: &World, views: &[&str], from, to| {
        let views: Vec<String> = views.iter().map(|&v| v.to_owned()).collect();
        world
            .materializer()
            .materialize(&views, at(from), at(to), &NoProgress)
            .await
    };
    assert_eq!(
        text(run(&world, &[], 5, 5).await),
        "the interval from 1970-01-01T00:00:00.000005Z to 1970-01-01T00:00:00.000005Z is empty; \
         its end must lie after its start"
    );
    let unknown = run(&world, &["readngs"], 0, 5).await;
    assert_eq!(unknown.as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        text(unknown),
        "feature view `readngs` is not defined; did you mean `readings`?"
    );
    assert_eq!(
        text(run(&world, &["on_demand"], 0, 5).await),
        "`on_demand` is an on-demand feature view, which is computed when asked for; name the views it reads"
    );
    world.view_mut().online = false;
    assert_eq!(
        text(run(&world, &["readings"], 0, 5).await),
        "feature view `readings` has `online: false`; set it to true and apply to bring it online"
    );
    assert!(run(&world, &[], 0, 5).await?.views.is_empty());
    Ok(())
}
