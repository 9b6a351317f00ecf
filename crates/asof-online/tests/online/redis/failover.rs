//! Servers that take over from others, and slots that move, while there are writes and reads.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use asof_model::definition::{ReadFrom, RedisConfig, RedisTopology};
use asof_model::key::{EncodedKeys, KeyCodec};
use asof_model::{ErrorKind, ScalarType};
use asof_online::ReadRequest;
use asof_testkit::{RedisCluster, RedisSentinel};

use super::busy::Busy;
use super::{at, ending, millis, open, wait_for_reads};
use crate::sample::{event_times, keyspace, rows, try_read, write};

fn under(sentinel: &RedisSentinel, master: &str) -> RedisConfig {
    let mut config = at(sentinel.sentinel_addresses());
    config.topology = RedisTopology::Sentinel {
        master: master.to_owned(),
    };
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_under_sentinels_takes_over() {
    let mut sentinel = RedisSentinel::start(1).unwrap();
    let wrong = open(&under(&sentinel, "main")).unwrap();
    let error = try_read(&*wrong, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let addresses = sentinel.sentinel_addresses().join(",");
    let text = error.to_string().replace(&addresses, "SENTINELS");
    insta::assert_snapshot!(text, @"the online store at `redis://SENTINELS/0 (sentinels of `main`)` cannot be used at the moment: the sentinels know no primary of that name, or it is down; see `sentinel_master`");

    let config = under(&sentinel, sentinel.master_name());
    let busy = Busy::start(&config);
    busy.rounds(3).await;
    // With `advance` what was written so far is on the replica.
    let life = open(&config).unwrap().advance(&keyspace()).await.unwrap();
    let killed = sentinel.kill_primary().unwrap();
    let store = open(&config).unwrap();
    assert_eq!(
        write(&*store, 1, i64::MIN).await.unwrap(),
        0,
        "the row that is there is later"
    );
    busy.rounds(3).await;
    assert!(store.advance(&keyspace()).await.unwrap().continues(life));

    // The same the other way round, with a primary that answers no more and does not say so.
    sentinel.server_mut(killed).restart_empty().unwrap();
    sentinel.await_failover().unwrap();
    let primary = 1 - killed;
    assert_eq!(
        sentinel.primary_address().unwrap(),
        sentinel.servers()[primary].address()
    );
    sentinel.servers()[primary].pause().unwrap();
    busy.rounds(3).await;
    assert_eq!(
        sentinel.primary_address().unwrap(),
        sentinel.servers()[killed].address()
    );
    sentinel.servers()[primary].resume().unwrap();
    busy.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_replica_of_a_node_takes_over() {
    let mut cluster = RedisCluster::start_with_replicas().unwrap();
    let mut config = at(cluster.addresses());
    config.topology = RedisTopology::Cluster;
    let busy = Busy::start(&config);
    config.read_from = ReadFrom::Replica;
    let from_replicas = open(&config).unwrap();
    busy.rounds(3).await;
    // The one with the catalog, and another.
    let first = cluster.primary_of("asof:{catalog}:fields").unwrap();
    open(&config).unwrap().advance(&keyspace()).await.unwrap();
    event_times(&*from_replicas, Busy::KEYS).await;
    cluster.node_mut(first).kill();
    busy.rounds(3).await;
    cluster.await_ok().unwrap();
    assert_ne!(cluster.primary_of("asof:{catalog}:fields").unwrap(), first);
    wait_for_reads(&*from_replicas).await;
    let failed = busy.failed();
    busy.rounds(20).await;
    assert_eq!(busy.failed(), failed, "all is well again");
    assert_eq!(
        open(&config).unwrap().scan(&keyspace()).await.unwrap().len(),
        Busy::KEYS as usize
    );
    busy.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_moves_to_another_node_and_nobody_notices() {
    let cluster = RedisCluster::start().unwrap();
    let mut config = at(cluster.addresses());
    config.topology = RedisTopology::Cluster;
    config.timeout = millis(30_000);
    // Redis looks at what stands in braces only, so that all are in one slot.
    let names = |what: &str| names((0..Busy::KEYS).map(|number| format!("{{moves}}{what}{number}")));
    let century = millis(100 * 365 * 86_400_000);
    let both = [
        Busy::start_on(&config, keyspace(), names("old"), None),
        Busy::start_on(&config, ending(), names("old"), Some(century)),
    ];
    let rounds = async || {
        for busy in &both {
            busy.rounds(3).await;
        }
    };
    rounds().await;

    let from = cluster.primary_of("{moves}").unwrap();
    let to = (from + 1) % 3;
    let (from, to) = (&cluster.nodes()[from], &cluster.nodes()[to]);
    let slot = from.cli(&["CLUSTER", "KEYSLOT", "{moves}"]).unwrap();
    let [from_id, to_id] = [from, to].map(|node| node.cli(&["CLUSTER", "MYID"]).unwrap());
    to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).unwrap();
    from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).unwrap();
    rounds().await;
    // What is new goes to the other node.
    let store = open(&config).unwrap();
    let (keyspace, ending, new) = (keyspace(), ending(), names("new"));
    let rows = rows(Busy::KEYS, 1);
    for (keyspace, ttl) in [(&keyspace, None), (&ending, Some(century))] {
        let summary = store.write(keyspace, &new, &rows, ttl).await.unwrap();
        assert_eq!(summary.written, Busy::KEYS as u64);
        let request = ReadRequest { keyspace, keys: &new };
        let read = store.read(&[request]).await.unwrap().remove(0);
        assert!(read.iter().all(Option::is_some));
    }
    // The slot's keys are here and there.
    let port = to.port().to_string();
    while let Ok(keys @ 1..) = from.cli(&["CLUSTER", "COUNTKEYSINSLOT", &slot]).unwrap().parse::<u64>() {
        let some = from.cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "50"]).unwrap();
        let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        command.extend(some.lines());
        from.cli(&command).unwrap();
        if keys < 150 {
            rounds().await;
        }
    }
    for node in [to, from] {
        node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).unwrap();
    }
    rounds().await;
    for busy in both {
        assert!(busy.failed().is_empty(), "{:?}", busy.failed());
        busy.stop().await;
    }
    assert_eq!(store.scan(&keyspace).await.unwrap().len(), 2 * Busy::KEYS as usize);
}

fn names(names: impl Iterator<Item = String>) -> EncodedKeys {
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(names));
    KeyCodec::new(&[ScalarType::String])
        .encode(std::slice::from_ref(&names), names.len())
        .unwrap()
}
