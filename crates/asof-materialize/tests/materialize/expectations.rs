//! Expectations: rows that break them are reported, or stop the view.

use anyhow::Result;
use asof_model::ErrorKind;
use asof_model::definition::ExpectationAction;

use crate::world::{World, expectation, row, row_view, stored, text};

#[tokio::test]
async fn a_failing_expectation_leaves_nothing_online_and_no_entry() -> Result<()> {
    let mut world = World::new(row_view())?;
    world.view_mut().expectations = vec![
        expectation("small", "x < 100", ExpectationAction::Fail),
        expectation("odd", "x % 2 = 1 -- half of them", ExpectationAction::Fail),
        expectation("positive", "x > 0", ExpectationAction::Fail),
    ];
    let mut rows: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|key| row(key, 1, 3)).into();
    rows.push(row("g", 2, 100));
    rows.push((Some("null"), 2, None, None));
    world.write("a.parquet", &rows)?;
    let failed = world.incremental(10).await;
    assert_eq!(failed.as_ref().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(
        text(failed),
        "feature view `readings` was not written: expectation `small` is broken by 1 of 8 rows, among them k=g; \
         expectation `odd` is broken by 1 of 8 rows, among them k=g"
    );
    assert_eq!(world.stored().await?, []);
    assert_eq!(world.ledger().entries(&world.keyspace()).await?, []);

    // Only rows that go online are checked, so a correction heals the view.
    world.write("b.parquet", &[row("g", 3, 5)])?;
    assert_eq!(world.incremental(10).await?.rows.written, 8);
    Ok(())
}

#[tokio::test]
async fn a_warning_is_reported_and_the_rows_go_online() -> Result<()> {
    let mut world = World::new(row_view())?;
    world.view_mut().expectations = vec![expectation("small", "x < 100", ExpectationAction::Warn)];
    world.write("a.parquet", &[row("a", 1, 100), row("b", 1, 1), row("c", 1, 300)])?;
    let summary = world.incremental(10).await?;
    let warning = &summary.warnings[0];
    assert_eq!(
        (warning.name.as_str(), warning.broken, warning.checked),
        ("small", 2, 3)
    );
    assert!(
        warning
            .to_string()
            .starts_with("expectation `small` is broken by 2 of 3 rows, among them k=")
    );
    assert_eq!(
        world.stored().await?,
        [stored("a", 1, 100), stored("b", 1, 1), stored("c", 1, 300)]
    );
    Ok(())
}

#[tokio::test]
async fn an_expectation_that_does_not_compile_is_named() -> Result<()> {
    let mut world = World::new(row_view())?;
    world.view_mut().expectations = vec![expectation("small", "y < 100", ExpectationAction::Warn)];
    world.write("a.parquet", &[row("a", 1, 100)])?;
    let error = text(world.incremental(10).await);
    assert!(
        error.contains("`readings`") && error.contains("`small`") && error.contains("`y`"),
        "{error}"
    );
    Ok(())
}
