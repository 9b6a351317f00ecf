//! Several processes share a store; one of them dies; the disk fills up.

use std::collections::BTreeSet;
use std::process::Command;

use asof_model::Timestamp;
use asof_online::{EmbeddedStore, OnlineStore};

use super::child::{BATCH, Other};
use super::sample;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

#[tokio::test]
async fn another_process_reads_and_writes_while_this_one_has_the_store_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    sample::write(&store, 1, 10).await.unwrap();
    let mut other = Other::start("exchange", folder.path());
    assert_eq!(other.next().as_deref(), Some("10"));
    assert_eq!(other.next().as_deref(), Some("written"));
    assert_eq!(sample::event_times(&store, 3).await, [Some(at(20)), Some(at(20)), None]);
    assert!(other.process.wait().unwrap().success());
    // The other's row guards against this process too.
    assert_eq!(sample::write(&store, 2, 19).await.unwrap(), 0);
}

/// The one event time of all rows, seen by one read.
async fn whole_batch(store: &dyn OnlineStore) -> i64 {
    let times: BTreeSet<_> = sample::event_times(store, BATCH).await.into_iter().collect();
    assert_eq!(times.len(), 1, "rows of several writes: {times:?}");
    times.into_iter().next().flatten().map_or(0, Timestamp::micros)
}

#[tokio::test]
async fn a_writer_killed_at_any_moment_leaves_whole_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let mut announced = 0;
    for round in 0..6 {
        let mut other = Other::start("write until killed", folder.path());
        for _ in 0..=round % 3 {
            announced = announced.max(other.next().unwrap().parse().unwrap());
        }
        // Reading takes a while, a different one each time: the next write is somewhere in the middle.
        for _ in 0..round {
            assert!(whole_batch(&store).await >= announced);
        }
        other.process.kill().unwrap();
        other.process.wait().unwrap();
        assert!(whole_batch(&store).await >= announced);
    }
    drop(store);
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let last = whole_batch(&store).await;
    assert!(last >= announced);
    assert_eq!(sample::write(&store, BATCH, last + 1).await.unwrap(), BATCH as u64);
    assert_eq!(store.keyspaces().await.unwrap()[0].rows, BATCH as u64);
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_is_an_error_that_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    sample::write(&store, 10, 0).await.unwrap();
    // The shell limits how large the child's files may grow, which fails like a disk without room.
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"trap "" XFSZ; ulimit -f 1000; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap());
    let mut other = Other::start_by(command, "write until full", folder.path());
    let refused: i64 = other.next().unwrap().parse().unwrap();
    assert_eq!(other.next().as_deref(), Some("Exhausted"));
    let message = other.next().unwrap();
    assert!(
        message.starts_with("no room is left for the online store at `"),
        "{message}"
    );
    assert!(message.contains(&*folder.path().to_string_lossy()), "{message}");
    assert!(refused > 1, "the limit must leave room for the first write");

    let count = refused * 100;
    let times = sample::event_times(&store, count).await;
    let before = ((refused - 1) * 100) as usize;
    assert!(times[..before].iter().all(|time| *time == Some(at(refused - 1))));
    assert!(times[before..].iter().all(Option::is_none));
    assert_eq!(sample::write(&store, count, refused).await.unwrap(), count as u64);
}
