//! A network that is slow, hangs or breaks between the store and its server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asof_model::ErrorKind;
use asof_online::ReadRequest;
use asof_testkit::{Proxy, RedisOptions, RedisServer};

use super::{at, millis, open, wait_for_reads, wait_until};
use crate::sample::{event_times, key, keyspace, number, try_read, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_too_slow_is_told_with_the_time_it_had() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let mut config = at([proxy.address()]);
    config.timeout = millis(200);
    let store = open(&config).unwrap();
    write(&*store, 3, 1).await.unwrap();
    wait_for_reads(&*store).await;

    proxy.set_latency(Duration::from_millis(250));
    let error = try_read(&*store, 3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let text = error.to_string().replace(&proxy.address(), "PROXY");
    insta::assert_snapshot!(text, @"the online store at `redis://PROXY/0` did not answer within 200ms; see what keeps it busy, or raise `timeout`");
    // A write has more time.
    assert_eq!(write(&*store, 3, 2).await.unwrap(), 3);
    proxy.set_latency(Duration::ZERO);
    wait_for_reads(&*store).await;
    assert!(
        event_times(&*store, 3)
            .await
            .iter()
            .all(|time| time.unwrap().micros() == 2)
    );
}

/// Connecting takes several ways there and back: more than one request may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_nearly_too_slow_is_connected_to_all_the_same() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let mut config = at([proxy.address()]);
    config.connect_timeout = millis(20_000);
    let store = open(&config).unwrap();
    write(&*store, 3, 1).await.unwrap();
    proxy.set_latency(Duration::from_millis(300));
    wait_for_reads(&*store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hung_is_used_again() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let mut config = at([server.address()]);
    config.timeout = millis(300);
    let store = open(&config).unwrap();
    write(&*store, 3, 1).await.unwrap();
    wait_for_reads(&*store).await;
    server.pause().unwrap();
    for _ in 0..3 {
        assert_eq!(try_read(&*store, 3).await.unwrap_err().kind(), ErrorKind::Timeout);
    }
    let writing = tokio::spawn({
        let store = store.clone();
        async move { write(&*store, 3, 2).await }
    });
    server.resume().unwrap();
    assert_eq!(writing.await.unwrap().unwrap(), 3);
    wait_for_reads(&*store).await;
    assert!(
        event_times(&*store, 3)
            .await
            .iter()
            .all(|time| time.unwrap().micros() == 2)
    );
}

/// Reads of different keys share a connection, so that their answers could be taken for each other's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_gets_what_another_asked_for_when_connections_break() {
    const KEYS: i64 = 500;
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let mut config = at([proxy.address()]);
    config.timeout = millis(20_000);
    let store = open(&config).unwrap();
    write(&*store, KEYS, 1).await.unwrap();
    let answered = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..32)
        .map(|seed| {
            let (store, answered) = (store.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..200 {
                    let wanted: Vec<i64> = (0..random.i64(1..8)).map(|_| random.i64(0..KEYS)).collect();
                    let (keyspace, keys) = (keyspace(), key(&wanted));
                    let request = ReadRequest {
                        keyspace: &keyspace,
                        keys: &keys,
                    };
                    let read = store.read(std::slice::from_ref(&request));
                    let patience = match random.u8(0..4) {
                        // These leave their answers behind.
                        0 => Duration::from_micros(random.u64(50..2_000)),
                        _ => Duration::from_mins(1),
                    };
                    if let Ok(answers) = tokio::time::timeout(patience, read).await {
                        let found = answers.unwrap().remove(0);
                        let found: Vec<_> = found.into_iter().map(|row| number(&row.unwrap())).collect();
                        assert_eq!(found, wanted);
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for reads in (0..32 * 200).step_by(250) {
        wait_until(|| answered.load(Ordering::Relaxed) >= reads).await;
        proxy.cut();
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(proxy.accepted() > 5);
}
