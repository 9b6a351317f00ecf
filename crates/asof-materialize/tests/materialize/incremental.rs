//! `materialize-incremental` of row features: equal to a full run, at the cost of what is new.

use anyhow::Result;
use asof_materialize::push;

use crate::world::{VIEW, World, at, row, row_view, rows_batch, span, stored, text};

#[tokio::test]
async fn late_rows_in_new_files_and_time_that_passes_both_land() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("1.parquet", &[row("a", 10, 1), row("b", 10, 2), row("b", 25, 3)])?;
    world.incremental(20).await?;
    assert_eq!(world.stored().await?, [stored("a", 10, 1), stored("b", 10, 2)]);

    // `a` has a late row, `c` is new and old, `b` becomes visible in the file that is known.
    world.write("2.parquet", &[row("a", 15, 4), row("c", -5, 5)])?;
    let summary = world.incremental(30).await?;
    assert_eq!(
        world.stored().await?,
        [stored("a", 15, 4), stored("b", 25, 3), stored("c", -5, 5)]
    );
    assert_eq!((summary.files.added.len(), summary.files.unchanged.len()), (1, 1));
    assert_eq!(summary.rows.written, 3);
    world.assert_equal_to_full(30).await
}

#[tokio::test]
async fn nothing_new_reads_no_file_and_only_new_files_are_read_for_late_rows() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("1.parquet", &[row("a", 10, 1)])?;
    world.incremental(20).await?;
    let again = world.incremental(20).await?;
    assert_eq!((again.files_read, again.rows.read), (0, 0));
    world.write("2.parquet", &[row("a", 9, 2), row("b", 9, 2)])?;
    let late = world.incremental(20).await?;
    assert_eq!((late.files_read, late.rows.written, late.rows.kept), (1, 1, 1));
    world.assert_equal_to_full(20).await
}

#[tokio::test]
async fn the_rows_read_follow_what_is_new() -> Result<()> {
    let world = World::new(row_view())?;
    let old: Vec<_> = (0..100).map(|event| row("a", event, event)).collect();
    world.write("1.parquet", &old)?;
    assert_eq!(world.cost_of_incremental(100).await?, 100);
    world.write("2.parquet", &[row("a", 110, 0), row("b", 110, 0)])?;
    assert_eq!(world.cost_of_incremental(120).await?, 2);
    world.write("3.parquet", &[row("a", 5, 0), row("c", 5, 0), row("c", 6, 0)])?;
    assert_eq!(world.cost_of_incremental(120).await?, 3);
    assert_eq!(world.cost_of_incremental(130).await?, 0);
    world.assert_equal_to_full(130).await
}

#[tokio::test]
async fn the_availability_lag_moves_what_became_visible() -> Result<()> {
    let mut world = World::new(row_view())?;
    world.view_mut().admission.availability_lag = Some(span(5));
    world.write(
        "1.parquet",
        &[row("a", 15, 1), row("a", 16, 2), row("a", 25, 3), row("a", 26, 4)],
    )?;
    world.incremental(20).await?;
    assert_eq!(world.stored().await?, [stored("a", 15, 1)]);
    world.incremental(30).await?;
    assert_eq!(world.stored().await?, [stored("a", 25, 3)]);
    world.assert_equal_to_full(30).await
}

#[tokio::test]
async fn a_row_of_an_old_event_that_was_written_since_lands() -> Result<()> {
    let mut world = World::new(row_view())?;
    world.view_mut().admission.visible_from_created = true;
    world.write(
        "1.parquet",
        &[(Some("a"), 5, Some(5), Some(1)), (Some("a"), 10, Some(25), Some(2))],
    )?;
    world.incremental(20).await?;
    world.incremental(30).await?;
    assert_eq!(world.stored().await?, [("a".to_owned(), 10, Some(25), Some(2))]);
    world.assert_equal_to_full(30).await
}

#[tokio::test]
async fn rows_of_equal_times_are_decided_by_the_path_of_their_file_whichever_came_first() -> Result<()> {
    for (first, second, winner) in [("a.parquet", "b.parquet", 2), ("b.parquet", "a.parquet", 1)] {
        let world = World::new(row_view())?;
        world.write(first, &[row("tie", 10, 1), row("other", 10, 0)])?;
        world.incremental(20).await?;
        world.write(second, &[row("tie", 10, 2), row("other", 9, 0)])?;
        let summary = world.incremental(20).await?;
        assert_eq!(summary.files_read, 2);
        assert_eq!(
            world.stored().await?,
            [stored("tie", 10, winner), stored("other", 10, 0)]
        );
        world.assert_equal_to_full(20).await?;
    }
    Ok(())
}

#[tokio::test]
async fn rewritten_and_deleted_files_are_reported_and_all_is_read_again() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("1.parquet", &[row("a", 10, 1)])?;
    world.write("2.parquet", &[row("b", 10, 1)])?;
    world.write("3.parquet", &[row("c", 10, 1)])?;
    world.incremental(20).await?;
    world.write("2.parquet", &[row("b", 10, 2), row("d", 1, 2)])?;
    fs_err::remove_file(world.file("3.parquet"))?;
    let summary = world.incremental(20).await?;
    let names = |paths: &[String]| -> Vec<String> {
        paths
            .iter()
            .map(|path| path.rsplit('/').next().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(names(&summary.files.rewritten), ["2.parquet"]);
    assert_eq!(names(&summary.files.deleted), ["3.parquet"]);
    assert_eq!(summary.files_read, 2);
    let expected = [
        stored("a", 10, 1),
        stored("b", 10, 2),
        stored("c", 10, 1),
        stored("d", 1, 2),
    ];
    assert_eq!(world.stored().await?, expected);
    assert!(world.incremental(20).await?.files.deleted.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_watermark_moves_with_complete_runs_and_does_not_go_back() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("1.parquet", &[row("a", 10, 1)])?;
    world.incremental(20).await?;
    world.interval(0, 90).await?;
    assert_eq!(world.ledger().watermark(&world.keyspace()).await?, Some(at(20)));
    assert_eq!(
        text(world.incremental(19).await),
        "feature view `readings` is already online up to 1970-01-01T00:00:00.00002Z; \
         ask for that time or a later one, not 1970-01-01T00:00:00.000019Z"
    );
    Ok(())
}

#[tokio::test]
async fn a_store_that_was_emptied_is_filled_again() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("1.parquet", &[row("a", 10, 1)])?;
    world.incremental(20).await?;
    world.store.delete_keyspace(&world.keyspace()).await?;
    world.incremental(20).await?;
    assert_eq!(world.stored().await?, [stored("a", 10, 1)]);
    Ok(())
}

#[tokio::test]
async fn a_push_into_an_emptied_store_does_not_hide_what_was_lost() -> Result<()> {
    let world = World::new(row_view())?;
    world.write("1.parquet", &[row("a", 10, 1), row("b", 10, 1)])?;
    world.incremental(20).await?;
    world.store.delete_keyspace(&world.keyspace()).await?;
    let pushed = [rows_batch(&[row("b", 15, 2)])];
    push(&world.definitions, world.store.as_ref(), VIEW, &pushed, at(20)).await?;
    world.incremental(20).await?;
    assert_eq!(world.stored().await?, [stored("a", 10, 1), stored("b", 15, 2)]);
    Ok(())
}

#[tokio::test]
async fn two_runs_at_once_end_in_the_state_of_the_later_one() -> Result<()> {
    let world = World::new(row_view())?;
    world.write(
        "1.parquet",
        &[row("a", 10, 1), row("a", 25, 2), row("b", 15, 3), row("c", 28, 4)],
    )?;
    let (earlier, later) = tokio::join!(world.incremental(20), world.incremental(30));
    later?;
    // It is refused when the later run was done before it began.
    earlier.ok();
    assert_eq!(world.ledger().watermark(&world.keyspace()).await?, Some(at(30)));
    world.assert_equal_to_full(30).await
}
