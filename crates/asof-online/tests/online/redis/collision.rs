//! Two keyspaces whose names have the same hash, so that their rows would be in one place.

use std::collections::HashMap;

use asof_model::{ErrorKind, Keyspace};
use asof_online::{OnlineError, OnlineStore, ReadRequest};
use asof_testkit::{RedisOptions, RedisServer};
use xxhash_rust::xxh3::xxh3_64;

use super::{of, open};
use crate::sample::{keys, number, rows};

/// Two names of one field; they take about 80 thousand attempts.
fn twins() -> [Keyspace; 2] {
    let mut seen: HashMap<u32, u64> = HashMap::new();
    let name = |number: u64| format!("flights/view_{number}@0000000000000002");
    for number in 0.. {
        let field = xxh3_64(name(number).as_bytes()) as u32;
        if let Some(other) = seen.insert(field, number) {
            return [other, number].map(|number| name(number).parse().unwrap());
        }
    }
    unreachable!("there are more numbers than fields")
}

async fn write(store: &dyn OnlineStore, keyspace: &Keyspace, event_time: i64) -> Result<u64, OnlineError> {
    let summary = store.write(keyspace, &keys(3), &rows(3, event_time), None).await?;
    Ok(summary.written)
}

/// The numbers in the rows of two keyspaces, read together.
async fn read(store: &dyn OnlineStore, keyspaces: [&Keyspace; 2]) -> [Vec<Option<i64>>; 2] {
    let keys = keys(3);
    let requests = keyspaces.map(|keyspace| ReadRequest { keyspace, keys: &keys });
    let answers = store.read(&requests).await.unwrap();
    let numbers = |rows: &Vec<Option<bytes::Bytes>>| rows.iter().map(|row| Some(number(row.as_ref()?))).collect();
    [numbers(&answers[0]), numbers(&answers[1])]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_of_two_keyspaces_with_one_field_is_refused() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let [first, second] = twins();
    let other: Keyspace = "flights/weather@0000000000000002".parse().unwrap();
    let (store, later) = (open(&of(&server)).unwrap(), open(&of(&server)).unwrap());
    let (all, none) = (vec![Some(0), Some(1), Some(2)], vec![None; 3]);
    assert_eq!(read(&*store, [&first, &second]).await, [none.clone(), none.clone()]);
    assert_eq!(write(&*store, &first, 1).await.unwrap(), 3);

    for store in [&store, &later] {
        let error = write(&**store, &second, 2).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string().replace(&server.address(), "SERVER");
        insta::allow_duplicates! {
            insta::assert_snapshot!(text, @"the online store at `redis://SERVER/0` cannot hold `flights/view_46600@0000000000000002` beside `flights/view_21512@0000000000000002`, whose field is the same by chance; change something about the view, say its ttl, and apply it");
        }
        assert_eq!(
            store.advance(&second).await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        // Neither its own rows nor the other's.
        assert_eq!(read(&**store, [&first, &second]).await, [all.clone(), none.clone()]);
        assert_eq!(read(&**store, [&second, &first]).await, [none.clone(), all.clone()]);
        assert_eq!(store.scan(&second).await.unwrap(), []);
        assert_eq!(store.delete_keyspace(&second).await.unwrap(), 0);
    }

    // All others go on as before.
    assert_eq!(write(&*later, &other, 1).await.unwrap(), 3);
    assert_eq!(write(&*later, &first, 2).await.unwrap(), 3);
    assert_eq!(read(&*store, [&first, &other]).await, [all.clone(), all.clone()]);
    assert_eq!(store.scan(&first).await.unwrap().len(), 3);
    let listed = store.keyspaces().await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|info| (info.keyspace, info.rows)).collect();
    assert_eq!(listed, [(first.clone(), 3), (other, 3)]);

    // The place is free when the first is gone.
    assert_eq!(store.delete_keyspace(&first).await.unwrap(), 3);
    assert_eq!(write(&*later, &second, 1).await.unwrap(), 3);
    assert_eq!(read(&*store, [&first, &second]).await, [none, all]);
}
