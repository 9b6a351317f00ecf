//! The guard that runs in the server, against the order of rows as `asof-model` has it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use asof_model::{Keyspace, StoredOrder, TimeSpan, Timestamp};
use asof_online::ReadRequest;
use asof_testkit::{RedisOptions, RedisServer};
use fastrand::Rng;

use super::{ending, millis, of, open};
use crate::sample::{key, keyspace, number, rows_of};

/// Both kinds of views: rows of the second end, in the far future or when the grace is over.
fn kinds() -> [(Keyspace, Option<TimeSpan>); 2] {
    [(keyspace(), None), (ending(), Some(millis(3_600_000)))]
}

/// Times that a wrong comparison is likely to put into the wrong order, among others.
fn time(random: &mut Rng) -> i64 {
    const EDGES: [i64; 8] = [i64::MIN, i64::MAX, 0, 1 << 31, 1 << 32, 1 << 53, -(1 << 32), -(1 << 53)];
    match random.u8(0..4) {
        0 => random.choice(EDGES).unwrap().saturating_add(random.i64(-1..=1)),
        1 => random.i64(-3..3),
        2 => random.i64(-3..3) << 32 | random.i64(0..1 << 32),
        _ => random.i64(..),
    }
}

/// A row: its number is told by its order, so that two rows of one order are one.
fn row(random: &mut Rng, event_time: i64) -> (i64, i64, Option<i64>) {
    let created = random.bool().then(|| time(random));
    let mut hasher = DefaultHasher::new();
    (event_time, created).hash(&mut hasher);
    (hasher.finish() as i64, event_time, created)
}

fn order(row: (i64, i64, Option<i64>)) -> StoredOrder {
    StoredOrder {
        event_time: Timestamp::from_micros(row.1),
        created_time: row.2.map(Timestamp::from_micros),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_compares_rows_as_the_model_does() {
    const PAIRS: usize = 5_000;
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let store = open(&of(&server)).unwrap();
    let mut random = Rng::with_seed(4);
    let pairs: Vec<_> = (0..PAIRS)
        .map(|_| {
            let event_time = time(&mut random);
            let next = if random.bool() { event_time } else { time(&mut random) };
            // Numbers that tell the two apart even if they have one order.
            let (first, second) = (row(&mut random, event_time), row(&mut random, next));
            [(1, first.1, first.2), (2, second.1, second.2)]
        })
        .collect();
    let numbers: Vec<i64> = (0..PAIRS as i64).collect();
    let keys = key(&numbers);
    for (keyspace, ttl) in kinds() {
        let side = |side: usize| rows_of(&pairs.iter().map(|pair| pair[side]).collect::<Vec<_>>());
        let summary = store.write(&keyspace, &keys, &side(0), ttl).await.unwrap();
        assert_eq!(summary.written, PAIRS as u64);
        let summary = store.write(&keyspace, &keys, &side(1), ttl).await.unwrap();
        let request = ReadRequest {
            keyspace: &keyspace,
            keys: &keys,
        };
        let stored = store.read(&[request]).await.unwrap().remove(0);
        let mut replaced = 0;
        for (pair, stored) in pairs.iter().zip(stored) {
            let replaces = order(pair[1]).replaces(order(pair[0]));
            assert_eq!(number(&stored.unwrap()), if replaces { 2 } else { 1 }, "{pair:?}");
            replaced += u64::from(replaces);
        }
        assert_eq!((summary.written, summary.kept), (replaced, PAIRS as u64 - replaced));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_row_stays_whatever_the_writers_and_their_order() {
    const KEYS: i64 = 200;
    const WRITERS: usize = 4;
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    for (seed, (keyspace, ttl)) in (0..).zip(kinds()) {
        let mut random = Rng::with_seed(seed);
        let mut last: HashMap<i64, (i64, i64, Option<i64>)> = HashMap::new();
        let mut all = Vec::new();
        for key in 0..KEYS {
            let event_time = time(&mut random);
            for _ in 0..8 {
                let next = if random.bool() { event_time } else { time(&mut random) };
                let row = row(&mut random, next);
                let best = last.entry(key).or_insert(row);
                if order(row).replaces(order(*best)) {
                    *best = row;
                }
                // More than once, to different writers as it comes.
                all.extend(std::iter::repeat_n((key, row), random.usize(1..=3)));
            }
        }
        random.shuffle(&mut all);
        let writers: Vec<_> = (all.chunks(all.len().div_ceil(WRITERS)))
            .map(|share| {
                let (store, keyspace, share) = (open(&of(&server)).unwrap(), keyspace.clone(), share.to_vec());
                tokio::spawn(async move {
                    for rows in share.chunks(40) {
                        let keys = key(&rows.iter().map(|row| row.0).collect::<Vec<_>>());
                        let encoded = rows_of(&rows.iter().map(|row| row.1).collect::<Vec<_>>());
                        let summary = store.write(&keyspace, &keys, &encoded, ttl).await.unwrap();
                        assert_eq!(summary.written + summary.kept, rows.len() as u64);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let numbers: Vec<i64> = (0..KEYS).collect();
        let keys = key(&numbers);
        let request = ReadRequest {
            keyspace: &keyspace,
            keys: &keys,
        };
        let stored = open(&of(&server)).unwrap().read(&[request]).await.unwrap().remove(0);
        for (key, stored) in numbers.iter().zip(stored) {
            assert_eq!(number(&stored.unwrap()), last[key].0, "key {key}");
        }
    }
}
