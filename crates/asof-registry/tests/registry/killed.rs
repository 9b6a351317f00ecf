//! Killed anywhere in an apply, the registry is at the old version or at the new one, never between.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

const FOLDER: &str = "ASOF_TEST_KILLED_FOLDER";

/// Definitions large enough that writing them takes a while.
fn large(version: u64) -> Definitions {
    let mut all = shop(200);
    for entity in all.entities.values_mut() {
        entity.metadata.description = Some(format!("{version} ").repeat(100));
    }
    all
}

#[tokio::test]
async fn a_killed_apply_leaves_the_old_version_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 0..16_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::applies_until_it_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acknowledged = None;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut lines = lines.filter_map(|line| line.strip_prefix("applied ").and_then(|n| n.parse::<u64>().ok()));
        for _ in 0..=round % 3 {
            acknowledged = lines.next();
        }
        // A different moment of the next apply in every round.
        for _ in 0..round * 4000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged = lines.last().or(acknowledged);

        let registry = registry(folder.path());
        let current = registry.current().await.unwrap().unwrap();
        let acknowledged = acknowledged.expect("the child says what it applied");
        assert!(
            current.version.0 == acknowledged || current.version.0 == acknowledged + 1,
            "version {} after {acknowledged} was acknowledged",
            current.version
        );
        assert!(current.version.0 > last);
        let new = last + 1..=current.version.0;
        last = current.version.0;
        for number in new {
            assert_eq!(
                *registry.get(RegistryVersion(number)).await.unwrap().definitions,
                large(number)
            );
        }
        let numbers: Vec<u64> = registry.history().await.unwrap().iter().map(|r| r.version.0).collect();
        assert_eq!(numbers, (1..=last).rev().collect::<Vec<_>>());
    }
}

/// The one that is killed in the test above; does nothing on its own.
#[tokio::test]
async fn applies_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let registry = registry(folder.as_ref());
    let mut current = registry.current_version().await.unwrap();
    loop {
        let next = current.map_or(1, |version| version.0 + 1);
        let applied = registry
            .apply(current, &large(next), info(next as i64, "child"))
            .await
            .unwrap();
        println!("\napplied {}", applied.version);
        current = Some(applied.version);
    }
}
