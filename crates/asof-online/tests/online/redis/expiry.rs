//! Rows of views with a `ttl` go by themselves, and not too early.

use std::time::{SystemTime, UNIX_EPOCH};

use asof_model::{Keyspace, TimeSpan};
use asof_online::{OnlineStore, ReadRequest};
use asof_testkit::{RedisOptions, RedisServer};

use super::{ending, millis, of, open, wait_until};
use crate::sample::{key, keyspace, rows, rows_of};

/// The server rounds what is left of a millisecond. Ends are rounded up to eighths of the grace beside.
const ROUNDING: i64 = 3;

/// What the server's clock says, in milliseconds since the epoch.
fn now(server: &RedisServer) -> i64 {
    let script = "local time = redis.call('TIME') return time[1] * 1000 + math.floor(time[2] / 1000)";
    server.cli(&["EVAL", script, "0"]).unwrap().parse().unwrap()
}

/// When the only hash of rows that end will go, in milliseconds since the epoch.
fn end(server: &RedisServer) -> i64 {
    let script = "local time = redis.call('TIME') \
                  local now = time[1] * 1000 + math.floor(time[2] / 1000) \
                  return now + redis.call('PTTL', redis.call('KEYS', 'asof:t:*')[1])";
    server.cli(&["EVAL", script, "0"]).unwrap().parse().unwrap()
}

/// Writes the row of key 0.
async fn write(store: &dyn OnlineStore, keyspace: &Keyspace, event_millis: i64, ttl: Option<TimeSpan>) {
    let rows = rows(1, event_millis * 1_000);
    store.write(keyspace, &key(&[0]), &rows, ttl).await.unwrap();
}

async fn is_there(store: &dyn OnlineStore, keyspace: &Keyspace) -> bool {
    let keys = key(&[0]);
    let request = ReadRequest { keyspace, keys: &keys };
    store.read(&[request]).await.unwrap()[0][0].is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_go_when_they_have_ended_and_the_grace_is_over() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let mut config = of(&server);
    config.expiry_grace = millis(300);
    let store = open(&config).unwrap();
    let ttl = millis(3_600_000);
    // It is an hour old in 200 ms.
    let written = now(&server) - 3_600_000 + 200;
    write(&*store, &ending(), written, Some(ttl)).await;
    write(&*store, &keyspace(), written, None).await;
    while is_there(&*store, &ending()).await {}
    let gone = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    assert!(gone >= written + 3_600_000 + 300, "{gone} {written}");
    wait_until(|| server.cli(&["KEYS", "asof:t:*"]).unwrap().is_empty()).await;
    assert!(is_there(&*store, &keyspace()).await, "it has no ttl");
    // As new as ever.
    write(&*store, &ending(), written - 1, Some(ttl)).await;
    assert!(is_there(&*store, &ending()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_hash_is_that_of_the_last_of_its_rows() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let mut config = of(&server);
    config.expiry_grace = millis(7_000);
    let store = open(&config).unwrap();
    let (ttl, longer) = (millis(60_000), millis(120_000));
    let start = now(&server);
    let first = ending();
    let second: Keyspace = "flights/weather@0000000000000005".parse().unwrap();
    for (keyspace, event, ttl, expected, what) in [
        (&first, 0, ttl, 67_000, "the first row"),
        (&first, 10_000, ttl, 77_000, "a later row"),
        (&first, 5_000, ttl, 77_000, "an earlier row"),
        (&first, 10_000, ttl, 77_000, "the same row"),
        (&second, 1_000, longer, 128_000, "another view with a longer ttl"),
        (
            &first,
            20_000,
            ttl,
            128_000,
            "a later row that ends before the other view's",
        ),
        (&second, -50_000, longer, 128_000, "an earlier row of the other view"),
        (&first, 70_000, ttl, 137_000, "a row that ends last of all"),
    ] {
        write(&*store, keyspace, start + event, Some(ttl)).await;
        let end = end(&server) - start;
        assert!(
            (expected..=expected + ROUNDING + 7_000 / 8).contains(&end),
            "{what}: {end} and not {expected}"
        );
    }
    assert!(is_there(&*store, &first).await && is_there(&*store, &second).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_have_ended_long_ago_stay_for_the_grace() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let store = open(&of(&server)).unwrap();
    let (ttl, grace) = (millis(60_000), 86_400_000);
    for micros in [i64::MIN, -1_000_000_000_000_000, -1, 0, 1] {
        let before = now(&server);
        let row = rows_of(&[(0, micros, None)]);
        store.write(&ending(), &key(&[0]), &row, Some(ttl)).await.unwrap();
        let end = end(&server);
        assert!(
            end >= before + grace && end <= now(&server) + grace + grace / 8 + ROUNDING,
            "{micros}: {end}"
        );
    }
    // The last moment of the year 9999, and the last of all.
    for (micros, expected) in [(253_402_300_799_999_999, 253_402_300_800_000), (i64::MAX, 1 << 52)] {
        let row = rows_of(&[(0, micros, None)]);
        store.write(&ending(), &key(&[0]), &row, Some(ttl)).await.unwrap();
        let expected = (expected + 60_000 + grace).min((1 << 52) + grace);
        let end = end(&server);
        assert!(
            (expected - 2..=expected + grace / 8 + ROUNDING).contains(&end),
            "{micros}: {end} and not {expected}"
        );
    }
    assert!(is_there(&*store, &ending()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_view_without_a_ttl_never_go() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let store = open(&of(&server)).unwrap();
    write(&*store, &keyspace(), 0, None).await;
    write(&*store, &ending(), 0, Some(millis(1))).await;
    write(&*store, &keyspace(), 1, None).await;
    write(&*store, &keyspace(), 0, None).await;
    let left = |kind: &str| {
        let script = format!("return redis.call('PTTL', redis.call('KEYS', 'asof:{kind}:*')[1])");
        server.cli(&["EVAL", &script, "0"]).unwrap().parse::<i64>().unwrap()
    };
    assert_eq!(left("p"), -1);
    assert!(left("t") > 0);
    for catalog in ["fields", "births", "sequences", "rows"] {
        assert_eq!(
            server.cli(&["PTTL", &format!("asof:{{catalog}}:{catalog}")]).unwrap(),
            "-1"
        );
    }
}
