//! A collector that is killed at any moment leaves what the next one ends.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::stubborn::{Deletion, REACHED, Stubborn};
use super::*;
use crate::world::open_store;

const FOLDER: &str = "ASOF_TEST_KILLED_COLLECTOR_FOLDER";
const AFTER: &str = "ASOF_TEST_KILLED_COLLECTOR_AFTER";

/// The collector that is killed; it is a test so that the test binary can be told to run it, and does nothing otherwise.
#[tokio::test]
async fn collect_until_halted() -> Result<()> {
    let (Ok(folder), Ok(after)) = (std::env::var(FOLDER), std::env::var(AFTER)) else {
        return Ok(());
    };
    let folder = std::path::Path::new(&folder);
    let deletion = match after.as_str() {
        "yes" => Deletion::HaltsAfter,
        _ => Deletion::HaltsBefore,
    };
    let store = Arc::new(Stubborn(open_store(folder)?, deletion));
    let registry = Registry::open("registry", folder, &BTreeMap::new())?;
    let clock = Arc::new(FixedClock(at(15 * MINUTE)));
    let collector = GarbageCollector::new(registry, store, clock, span(GRACE))?;
    for candidate in collector.candidates().await? {
        collector.delete(&candidate).await?;
    }
    bail!("the collector came to its end")
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_or_after_the_rows_went_it_is_ended_by_the_next() -> Result<()> {
    for (after, left) in [("no", 2), ("yes", 0)] {
        let (mut project, first) = Project::replaced().await?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", "keyspaces::killed::collect_until_halted", "--nocapture"])
            .env(FOLDER, project.world.folder.path())
            .env(AFTER, after)
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().context("standard output is piped")?);
        let reached = output.lines().map_while(Result::ok).any(|line| line == REACHED);
        child.kill()?;
        child.wait()?;
        assert!(reached, "the collector ended before it was killed");
        assert!(project.world.ledger().standing(&keyspace(&first)).await?.is_going());
        assert_eq!(project.versions().await?, (2, None));
        assert_eq!(project.collect(15).await?, Outcome::Deleted { rows: left });

        project.apply(&first, 16).await?;
        assert_eq!(project.versions().await?, (2, Some(3)));
        project.materialize(17).await?;
        assert_eq!(project.versions().await?, (3, None));
        project.world.assert_equal_to_full(100).await?;
    }
    Ok(())
}
