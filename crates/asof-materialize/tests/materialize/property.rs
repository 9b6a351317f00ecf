//! Whatever arrives, and whenever runs happen: the online store equals a full materialization.

use anyhow::Result;
use asof_model::definition::FeatureView;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::world::{Row, World, row_view, span, window_view};

/// What happens to a project between two looks at it.
#[derive(Debug, Clone)]
enum Step {
    /// A new file appears, named so that it may sort anywhere among the others.
    File { name: u8, rows: Vec<Row> },
    /// Time passes, and a run brings what is new.
    Run { later: i64 },
}

fn any_row() -> impl Strategy<Value = Row> {
    let key = prop_oneof![8 => prop::sample::select(vec!["a", "b", "c", ""]).prop_map(Some), 1 => Just(None)];
    // Few distinct times make many ties.
    let event = prop_oneof![2 => (-1_i64..6).prop_map(|n| n * 10), 1 => -10_i64..70];
    let created = prop_oneof![2 => Just(None), 2 => Just(Some(0)), 1 => (-10_i64..70).prop_map(Some)];
    (key, event, created, prop::option::weighted(0.9, 0_i64..5))
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<u8>(), vec(any_row(), 1..8)).prop_map(|(name, rows)| Step::File { name, rows }),
        2 => (0_i64..25).prop_map(|later| Step::Run { later }),
    ]
}

fn any_view() -> impl Strategy<Value = FeatureView> {
    let body = prop_oneof![
        2 => Just(row_view()),
        1 => (1_i64..12, 1_i64..4).prop_map(|(every, windows)| window_view(every, every * windows)),
    ];
    (body, prop::option::of(1_i64..20), any::<bool>()).prop_map(|(mut view, lag, from_created)| {
        view.admission.availability_lag = lag.map(span);
        view.admission.visible_from_created = from_created;
        view
    })
}

async fn check(view: FeatureView, shards: u32, first: Vec<Row>, steps: Vec<Step>) -> Result<()> {
    let mut world = World::new(view)?;
    world.shards = shards;
    world.write("m.parquet", &first)?;
    let mut now = 0;
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::File { name, rows } => {
                world.write(&format!("{}{number}.parquet", char::from(b'a' + name % 26)), &rows)?
            }
            Step::Run { later } => {
                now += later;
                world.incremental(now).await?;
                world.assert_equal_to_full(now).await?;
            }
        }
    }
    world.incremental(now).await?;
    world.assert_equal_to_full(now).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_to_full(
        view in any_view(),
        shards in 1_u32..4,
        first in vec(any_row(), 1..12),
        steps in vec(any_step(), 1..7),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(check(view, shards, first, steps)).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
    }
}
