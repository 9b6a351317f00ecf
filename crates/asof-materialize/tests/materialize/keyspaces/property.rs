//! Whatever is applied, materialized and collected in whatever order: no reader and no rollback misses rows.

use proptest::prelude::*;

use super::*;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// The two views are applied under these definitions each; `None`: without the view.
    Apply(Option<u8>, Option<u8>),
    /// One view of the current version is materialized, if it has it.
    Materialize(bool),
    /// Keyspaces that are due are deleted.
    Collect,
    /// So many minutes pass.
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let variant = || prop_oneof![4 => (0..3_u8).prop_map(Some), 1 => Just(None)];
    prop_oneof![
        3 => (variant(), variant()).prop_map(|(a, b)| Step::Apply(a, b)),
        4 => any::<bool>().prop_map(Step::Materialize),
        4 => Just(Step::Collect),
        3 => (1..7_i64).prop_map(Step::Wait),
    ]
}

/// The view under the definition of that number.
fn define(definitions: &mut Definitions, name: &str, variant: Option<u8>) {
    let Some(variant) = variant else { return };
    let mut view = row_view();
    view.name = name.parse().expect("it is a name");
    view.filter = Some(format!("x > -{}", 3 + variant));
    definitions.feature_views.insert(view.name.clone(), view);
}

fn keyspaces(definitions: &Definitions) -> Vec<Keyspace> {
    let views = definitions.feature_views.values();
    views
        .map(|view| Keyspace::of(&definitions.project, view, &definitions.sources[&view.source]))
        .collect()
}

async fn play(steps: Vec<Step>) -> Result<()> {
    let mut project = Project::new()?;
    let mut empty = project.world.definitions.clone();
    empty.feature_views.clear();
    project.apply(&empty, 0).await?;
    // When each keyspace was read last.
    let mut read: BTreeMap<Keyspace, i64> = BTreeMap::new();
    for step in steps {
        let minute = project.now;
        match step {
            Step::Apply(a, b) => {
                let mut next = empty.clone();
                define(&mut next, "a", a);
                define(&mut next, "b", b);
                project.apply(&next, minute).await?;
            }
            Step::Materialize(first) => {
                let name = if first { "a" } else { "b" };
                if project.world.definitions.feature_views.contains_key(name) {
                    let runner = Arc::new(project.runner());
                    let materializer = project.materializer(&project.world.definitions, runner);
                    let views = [name.to_owned()];
                    materializer
                        .materialize_incremental(&views, at(100), &NoProgress)
                        .await?;
                }
            }
            Step::Collect => {
                let collector = project.collector(minute)?;
                for candidate in collector.candidates().await? {
                    if let Outcome::Deleted { .. } = collector.delete(&candidate).await? {
                        let last = read.get(&candidate.keyspace);
                        let used = keyspaces(&project.world.definitions);
                        anyhow::ensure!(
                            !used.contains(&candidate.keyspace),
                            "a keyspace of the current version went"
                        );
                        anyhow::ensure!(
                            last.is_none_or(|last| (minute - last) * MINUTE >= GRACE),
                            "{} was read in minute {last:?} and went in minute {minute}",
                            candidate.keyspace
                        );
                    }
                }
            }
            Step::Wait(minutes) => project.now += minutes,
        }
        // Also the live version of the moments before now.
        let live = project.live().await?.snapshot;
        let rows = project.rows().await?;
        for keyspace in keyspaces(&live.definitions) {
            let online = project.world.ledger().watermark(&keyspace).await?.is_some();
            anyhow::ensure!(online == rows.contains_key(&keyspace), "{keyspace}: {online}, {rows:?}");
            anyhow::ensure!(
                rows.get(&keyspace).is_none_or(|rows| *rows == 2),
                "{keyspace} has other rows"
            );
            read.insert(keyspace, project.now);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_goes_that_a_reader_or_a_rollback_within_the_grace_period_needs(
        steps in prop::collection::vec(step(), 1..48)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let played = runtime.block_on(play(steps));
        played.map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
    }
}
