//! `materialize-incremental` of window features.

use anyhow::Result;

use crate::world::{World, row, stored, window_view};

#[tokio::test]
async fn windows_move_with_time_and_the_last_one_stays() -> Result<()> {
    let world = World::new(window_view(10, 30))?;
    world.write("1.parquet", &[row("a", 5, 1), row("a", 15, 2), row("b", 1, 4)])?;
    world.incremental(20).await?;
    assert_eq!(world.stored().await?, [stored("a", 20, 3), stored("b", 20, 4)]);
    world.incremental(45).await?;
    // At 40 the events after 10 count; the last window of `b` with an event in it ends at 30.
    assert_eq!(world.stored().await?, [stored("a", 40, 2), stored("b", 30, 4)]);
    world.assert_equal_to_full(45).await?;
    world.incremental(1_000).await?;
    assert_eq!(world.stored().await?, [stored("a", 40, 2), stored("b", 30, 4)]);
    world.assert_equal_to_full(1_000).await
}

#[tokio::test]
async fn a_late_event_changes_windows_that_were_online_and_no_others() -> Result<()> {
    let world = World::new(window_view(10, 30))?;
    world.write("1.parquet", &[row("a", 5, 1), row("b", 5, 1), row("c", 45, 1)])?;
    world.incremental(50).await?;
    assert_eq!(
        world.stored().await?,
        [stored("a", 30, 1), stored("b", 30, 1), stored("c", 50, 1)]
    );
    world.write("2.parquet", &[row("a", 9, 10), row("c", 48, 10), row("d", 11, 7)])?;
    let summary = world.incremental(50).await?;
    assert_eq!(summary.rows.read, 3);
    let expected = [
        stored("a", 30, 11),
        stored("b", 30, 1),
        stored("c", 50, 11),
        stored("d", 40, 7),
    ];
    assert_eq!(world.stored().await?, expected);
    world.assert_equal_to_full(50).await
}

#[tokio::test]
async fn an_event_between_the_last_cutoff_and_the_watermark_counts_at_the_next() -> Result<()> {
    let world = World::new(window_view(10, 20))?;
    world.write("1.parquet", &[row("a", 13, 1)])?;
    world.incremental(15).await?;
    assert_eq!(world.stored().await?, []);
    world.write("2.parquet", &[row("a", 12, 2)])?;
    world.incremental(29).await?;
    assert_eq!(world.stored().await?, [stored("a", 20, 3)]);
    world.assert_equal_to_full(29).await
}
