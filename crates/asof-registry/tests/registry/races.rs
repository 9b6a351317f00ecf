//! Two who apply at once: one wins, the other is told so and changes nothing.

use std::process::{Command, Stdio};
use std::sync::Arc;

use asof_registry::RegistryError;

use super::*;

const FOLDER: &str = "ASOF_TEST_RACE_FOLDER";
const RACER: &str = "ASOF_TEST_RACER";
const ROUNDS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_threads_one_wins_each_round() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let expected = (round > 0).then_some(RegistryVersion(round));
        let start = Arc::new(tokio::sync::Barrier::new(6));
        let racers = (0..6).map(|racer| {
            let (registry, start) = (registry(folder.path()), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                let definitions = shop(racer);
                let won = registry
                    .apply(expected, &definitions, info(0, &format!("racer{racer}")))
                    .await;
                (racer, won)
            })
        });
        let mut winner = None;
        for racer in racers.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                (racer, Ok(snapshot)) => {
                    assert_eq!(winner.replace(racer), None, "two won version {}", snapshot.version);
                }
                (_, Err(RegistryError::Conflict { expected: told, found })) => {
                    assert_eq!((told, found), (expected, version(round + 1)));
                }
                (_, Err(other)) => panic!("{other}"),
            }
        }
        let current = registry(folder.path()).current().await.unwrap().unwrap();
        assert_eq!(*current.definitions, shop(winner.unwrap()));
    }
    assert_eq!(registry(folder.path()).history().await.unwrap().len() as u64, ROUNDS);
}

#[tokio::test]
async fn of_many_processes_one_wins_each_version() {
    let folder = tempfile::tempdir().unwrap();
    let racers: Vec<_> = (0..4)
        .map(|racer| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "races::a_racer", "--nocapture"])
                .env(FOLDER, folder.path())
                .env(RACER, format!("racer{racer}"))
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut won = Vec::new();
    for racer in racers {
        let output = racer.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        won.extend(
            text.lines()
                .filter_map(|line| line.strip_prefix("won "))
                .map(str::to_owned),
        );
    }
    won.sort();
    let history = registry(folder.path()).history().await.unwrap();
    let mut expected: Vec<String> = history
        .iter()
        .map(|record| format!("{:020} {}", record.version, record.info.author))
        .collect();
    expected.sort();
    assert_eq!(won, expected);
    assert_eq!(won.len() as u64, ROUNDS);
}

/// The other side of the test above; does nothing on its own.
#[tokio::test]
async fn a_racer() {
    let (Some(folder), Ok(name)) = (std::env::var_os(FOLDER), std::env::var(RACER)) else {
        return;
    };
    let registry = registry(folder.as_ref());
    loop {
        let current = registry.current_version().await.unwrap();
        if current == version(ROUNDS) {
            return;
        }
        match registry.apply(current, &shop(2), info(0, &name)).await {
            // On a line of its own, after what the test harness began.
            Ok(snapshot) => println!("\nwon {:020} {name}", snapshot.version),
            Err(RegistryError::Conflict { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}
