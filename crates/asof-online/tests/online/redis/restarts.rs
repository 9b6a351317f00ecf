//! One server that is killed, comes back, or does not, while it is written to and read from.

use std::time::Duration;

use asof_model::ErrorKind;
use asof_testkit::{Proxy, RedisOptions, RedisServer};

use super::busy::Busy;
use super::{at, millis, of, open, wait_until, write_ending};
use crate::sample::{event_times, keyspace, try_read, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_and_reads_go_on_after_a_restart_and_nothing_is_lost() {
    // Each command is on disk before it is answered.
    let options = RedisOptions::new()
        .setting("appendonly", "yes")
        .setting("appendfsync", "always");
    let mut server = RedisServer::start(options).unwrap();
    let busy = Busy::start(&of(&server));
    busy.rounds(3).await;
    for _ in 0..2 {
        let written = busy.written();
        server.restart_keeping_data().unwrap();
        // Whoever reads now still finds what was written before.
        let seen = event_times(&*open(&of(&server)).unwrap(), Busy::KEYS).await;
        assert!(
            seen.iter().all(|time| time.unwrap().micros() >= written),
            "{seen:?} from {written}"
        );
        busy.rounds(3).await;
    }
    busy.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_empty_has_another_life() {
    let mut server = RedisServer::start(RedisOptions::new()).unwrap();
    let store = open(&of(&server)).unwrap();
    write(&*store, 3, 1).await.unwrap();
    let before = store.advance(&keyspace()).await.unwrap();
    let same = store.advance(&keyspace()).await.unwrap();
    assert!(same.continues(before));

    let busy = Busy::start(&of(&server));
    busy.rounds(3).await;
    server.restart_empty().unwrap();
    busy.rounds(3).await;
    // Known before anybody advances it, so that it can be found and removed.
    let listed = store.keyspaces().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].keyspace, keyspace());
    assert_eq!(listed[0].rows, Busy::KEYS as u64);
    let after = store.advance(&keyspace()).await.unwrap();
    assert!(!after.continues(before), "{after:?} {before:?}");
    assert_eq!(after.birth, listed[0].life.birth);
    busy.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_is_told_in_time() {
    let mut server = RedisServer::start(RedisOptions::new()).unwrap();
    let mut config = of(&server);
    config.timeout = millis(3_000);
    let store = open(&config).unwrap();
    write(&*store, 1, 1).await.unwrap();
    try_read(&*store, 1).await.unwrap();
    server.kill();
    for _ in 0..2 {
        // Far longer than it takes, as a busy machine is no failure; and far less than a write waits.
        let read = tokio::time::timeout(Duration::from_secs(20), try_read(&*store, 1));
        let error = read.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains(&server.address()), "{error}");
        assert!(error.to_string().contains("cannot be reached"), "{error}");
    }
    assert_eq!(store.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
    server.restart_empty().unwrap();
    assert_eq!(try_read(&*store, 1).await.unwrap(), [None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_over_all_rows_survives_restarts() {
    let mut server = RedisServer::start(RedisOptions::new()).unwrap();
    let slow = Proxy::start(server.address()).unwrap();
    let store = open(&at([slow.address()])).unwrap();
    let count = 4_000;
    write(&*store, count, 1).await.unwrap();
    slow.set_latency(Duration::from_millis(20));
    let walk = tokio::spawn({
        let store = store.clone();
        async move { store.scan(&keyspace()).await }
    });
    let commands = |server: &RedisServer| -> u64 { server.info("cmdstat_scan").map_or(0, |stat| calls(&stat)) };
    wait_until(|| commands(&server) >= 2).await;
    server.restart_keeping_data().unwrap();
    let found = walk.await.unwrap().unwrap();
    assert_eq!(found.len(), count as usize);

    let removal = tokio::spawn({
        let store = store.clone();
        async move { store.delete_keyspace(&keyspace()).await }
    });
    wait_until(|| commands(&server) >= 2).await;
    server.restart_keeping_data().unwrap();
    removal.await.unwrap().unwrap();
    assert_eq!(server.cli(&["DBSIZE"]).unwrap(), "0");
}

/// The calls in a line such as `calls=2,usec=…`.
fn calls(stat: &str) -> u64 {
    let (calls, _) = stat.strip_prefix("calls=").unwrap().split_once(',').unwrap();
    calls.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgot_the_scripts_gets_them_again() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let store = open(&of(&server)).unwrap();
    let stored = |time: i64| write_ending(&*store, 300, time, millis(1_000_000_000_000));
    stored(1).await.unwrap();
    let life = store.advance(&keyspace()).await.unwrap();
    server.cli(&["SCRIPT", "FLUSH"]).unwrap();
    let summary = stored(2).await.unwrap();
    assert_eq!((summary.written, summary.kept), (300, 0));
    server.cli(&["SCRIPT", "FLUSH"]).unwrap();
    let summary = stored(1).await.unwrap();
    assert_eq!((summary.written, summary.kept), (0, 300));
    server.cli(&["SCRIPT", "FLUSH"]).unwrap();
    assert!(store.advance(&keyspace()).await.unwrap().continues(life));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_keeps_its_settings_to_itself_is_used_as_it_is() {
    let server = RedisServer::start(RedisOptions::new().forbid("CONFIG")).unwrap();
    let store = open(&of(&server)).unwrap();
    assert_eq!(write(&*store, 3, 1).await.unwrap(), 3);
    assert_eq!(event_times(&*store, 3).await.len(), 3);
    let life = store.advance(&keyspace()).await.unwrap();
    assert!(store.advance(&keyspace()).await.unwrap().continues(life));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_says_so_and_takes_the_same_write_when_it_has_room() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let store = open(&of(&server)).unwrap();
    let ttl = millis(1_000_000_000_000);
    write(&*store, 100, 1).await.unwrap();
    write_ending(&*store, 100, 1, ttl).await.unwrap();
    server
        .cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"])
        .unwrap();
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let errors = [
        write(&*store, 200, 2).await.unwrap_err(),
        write_ending(&*store, 200, 2, ttl).await.unwrap_err(),
        store
            .advance(&"flights/other@0000000000000002".parse().unwrap())
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Exhausted, "{error}");
        let text = error.to_string().replace(&server.address(), "SERVER");
        insta::allow_duplicates! {
            insta::assert_snapshot!(text, @"the online store at `redis://SERVER/0` is out of memory; raise its `maxmemory`, or remove what is not needed with `asof online gc`");
        }
    }
    let times = event_times(&*store, 100).await;
    assert!(times.iter().all(|time| time.unwrap().micros() == 1), "{times:?}");
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    assert_eq!(write(&*store, 200, 2).await.unwrap(), 200);
    assert_eq!(write_ending(&*store, 200, 2, ttl).await.unwrap().written, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_waits_for_a_replica_to_become_the_primary() {
    let primary = RedisServer::start(RedisOptions::new()).unwrap();
    write(&*open(&of(&primary)).unwrap(), 2, 1).await.unwrap();
    let replica = RedisServer::start(RedisOptions::new().replica_of(&primary)).unwrap();
    let store = open(&of(&replica)).unwrap();
    assert!(event_times(&*store, 2).await.iter().all(Option::is_some));
    let writing = tokio::spawn(async move { write(&*store, 2, 2).await });
    // It is refused at least twice. Before version 7 that is an error of the script, and each connection gives some more.
    wait_until(|| errors(&replica, "READONLY") >= 2 || errors(&replica, "ERR") >= 20).await;
    replica.cli(&["REPLICAOF", "NO", "ONE"]).unwrap();
    assert_eq!(writing.await.unwrap().unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_waits_for_the_replicas_that_the_server_asks_for() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]).unwrap();
    let store = open(&of(&server)).unwrap();
    let writing = tokio::spawn(async move { write(&*store, 2, 2).await });
    wait_until(|| errors(&server, "NOREPLICAS") >= 2).await;
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]).unwrap();
    assert_eq!(writing.await.unwrap().unwrap(), 2);
}

/// How often the server has answered with an error of this code.
fn errors(server: &RedisServer, code: &str) -> u64 {
    let count = server.info(&format!("errorstat_{code}"));
    count.map_or(0, |count| count.strip_prefix("count=").unwrap().parse().unwrap())
}
