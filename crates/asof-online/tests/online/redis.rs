//! The store in Redis, on real servers of every kind.

mod busy;
mod collision;
mod conforms;
mod errors;
mod expiry;
mod failover;
mod guard;
mod network;
mod restarts;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asof_model::definition::{RedisAddress, RedisConfig};
use asof_model::{Keyspace, TimeSpan};
use asof_online::{OnlineError, OnlineStore, RedisStore, WriteSummary};
use asof_testkit::RedisServer;

use crate::sample::{keys, rows, try_read};

/// The settings for servers at these addresses, `host:port` each.
fn at<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> RedisConfig {
    let address = |text: A| {
        let (host, port) = text.as_ref().rsplit_once(':').unwrap();
        RedisAddress::server(host, port.parse().unwrap())
    };
    RedisConfig::new(addresses.into_iter().map(address).collect())
}

fn of(server: &RedisServer) -> RedisConfig {
    at([server.address()])
}

fn open(config: &RedisConfig) -> Result<Arc<dyn OnlineStore>, OnlineError> {
    Ok(Arc::new(RedisStore::open(config, Path::new("/"))?))
}

/// Has a server run a line of Lua for the only hash with rows that stay: `key`, whose only field is `field`. The bytes
/// of both are no text. The `argument` is `ARGV[1]`.
fn on_only_hash(server: &RedisServer, line: &str, argument: &str) -> String {
    let script =
        format!("local key = redis.call('KEYS', 'asof:p:*')[1] local field = redis.call('HKEYS', key)[1] {line}");
    server.cli(&["EVAL", &script, "0", argument]).unwrap()
}

/// Writes rows that end, of one event time, under the keys from 0 on.
async fn write_ending(
    store: &dyn OnlineStore,
    count: i64,
    event_time: i64,
    ttl: TimeSpan,
) -> Result<WriteSummary, OnlineError> {
    store
        .write(&ending(), &keys(count), &rows(count, event_time), Some(ttl))
        .await
}

/// The keyspace of rows that end.
fn ending() -> Keyspace {
    "flights/delays@0000000000000003".parse().unwrap()
}

fn millis(millis: i64) -> TimeSpan {
    TimeSpan::from_micros(millis * 1_000).unwrap()
}

/// Waits until something is so, for a minute at most.
async fn wait_until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < end, "waited for a minute in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a read works.
async fn wait_for_reads(store: &dyn OnlineStore) {
    for _ in 0..200 {
        if try_read(store, 3).await.is_ok() {
            return;
        }
    }
    try_read(store, 3).await.unwrap();
}
