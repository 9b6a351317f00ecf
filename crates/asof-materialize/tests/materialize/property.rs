//! Whatever arrives, and whenever runs happen: the online store equals a full materialization.

use anyhow::Result;
use asof_model::definition::{ExpectationAction, FeatureView};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::world::{Row, World, expectation, row_view, span, window_view};

/// What happens to a project between two looks at it: a file appears, named so that it may sort anywhere among the
/// others, and then perhaps time passes and a run brings what is new.
#[derive(Debug, Clone)]
struct Step {
    name: u8,
    rows: Vec<Row>,
    run_after: Option<i64>,
}

fn any_row() -> impl Strategy<Value = Row> {
    let key = prop_oneof![9 => prop::sample::select(vec!["a", "b", ""]).prop_map(Some), 1 => Just(None)];
    // Few distinct times make many ties.
    let event = prop_oneof![5 => (0_i64..3).prop_map(|n| n * 10), 1 => -10_i64..70];
    let created = prop_oneof![4 => Just(None), 1 => Just(Some(0)), 1 => (-10_i64..70).prop_map(Some)];
    (key, event, created, prop::option::weighted(0.9, 0_i64..9))
}

fn any_step() -> impl Strategy<Value = Step> {
    (
        any::<u8>(),
        vec(any_row(), 1..5),
        prop::option::weighted(0.7, 0_i64..15),
    )
        .prop_map(|(name, rows, run_after)| Step { name, rows, run_after })
}

fn any_view() -> impl Strategy<Value = FeatureView> {
    let body = prop_oneof![
        2 => Just(row_view()),
        1 => (1_i64..12, 1_i64..4).prop_map(|(every, windows)| window_view(every, every * windows)),
    ];
    let lag = prop::option::weighted(0.3, 1_i64..20);
    (body, lag, prop::bool::weighted(0.2), any::<bool>()).prop_map(|(mut view, lag, from_created, held)| {
        view.admission.availability_lag = lag.map(span);
        view.admission.visible_from_created = from_created;
        if held {
            // Always kept, but rows wait until all are checked.
            view.expectations = vec![expectation("natural", "x >= 0", ExpectationAction::Fail)];
        }
        view
    })
}

async fn check(view: FeatureView, shards: u32, first: Vec<Row>, steps: Vec<Step>) -> Result<()> {
    let mut world = World::new(view)?;
    world.shards = shards;
    world.write("m.parquet", &first)?;
    let mut now = 20;
    world.incremental(now).await?;
    for (number, step) in steps.into_iter().enumerate() {
        let name = char::from(b'a' + step.name % 26);
        world.write(&format!("{name}{number}.parquet"), &step.rows)?;
        if let Some(later) = step.run_after {
            now += later;
            world.incremental(now).await?;
            world.assert_equal_to_full(now).await?;
        }
    }
    world.incremental(now).await?;
    world.assert_equal_to_full(now).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_to_full(
        view in any_view(),
        shards in 1_u32..3,
        first in vec(any_row(), 1..9),
        steps in vec(any_step(), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let checked = runtime.block_on(check(view, shards, first, steps));
        checked.map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
    }
}
