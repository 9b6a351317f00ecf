//! What Feast wrote, as rows.

use arrow::array::{Array, AsArray, Int64Array, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use asof_model::definition::RedisTopology;
use asof_model::{Secret, StoredOrder, Timestamp};
use asof_proto::feast::types::DoubleList;
use asof_testkit::RedisCluster;

use super::*;

const NOTE: &[u8] = &[0x94, 0x71, 0x63, 0x67];

fn drivers(ids: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(ids.to_vec()))
}

fn order(micros: i64) -> StoredOrder {
    StoredOrder {
        event_time: Timestamp::from_micros(micros),
        created_time: None,
    }
}

#[tokio::test]
async fn rows_have_what_the_hash_has_and_nulls_for_the_rest() {
    let world = World::new().await;
    // The bytes of Feast 0.66, one by one.
    let golden = b"\x01\0\0\0\x02\0\0\0\x09\0\0\0driver_id\x04\0\0\0\x08\0\0\0\xe9\x03\0\0\0\0\0\0my_project";
    assert_eq!(driver(1001), golden);
    let whole: [(&[u8], Vec<u8>); 3] = [
        (TRIPS_TODAY, vec![0x20, 0x1e]),
        (NOTE, vec![0x12, 2, b'a', b'b']),
        (TS_DRIVER_STATS, at()),
    ];
    world.write(golden, &whole).await;
    // A feature that was added later, one that is null, and a field of something else.
    let part: [(&[u8], Vec<u8>); 3] = [(NOTE, vec![]), (b"????", vec![1]), (TS_DRIVER_STATS, vec![])];
    world.write(&driver(1002), &part).await;
    // Rows of other views only.
    world
        .write(
            &driver(1003),
            &[(b"_ts:driver_stat", at()), (TRIPS_TODAY, vec![0x20, 0x1e])],
        )
        .await;
    // Of another project, whose name ends alike.
    let mut other = driver(1005);
    other.truncate(other.len() - b"my_project".len());
    other.extend_from_slice(b"not_my_project");
    world.write(&other, &whole).await;

    let ids = [
        Some(1001),
        Some(1002),
        Some(1003),
        Some(1004),
        None,
        Some(1001),
        Some(1005),
    ];
    let keys = keys("driver_stats", &[drivers(&ids)], ids.len());
    let rows = world.read("driver_stats", &keys).await.unwrap();
    let decoded = decoded("driver_stats", &rows);
    let first = Some(order(1_700_000_000_123_000));
    assert_eq!(decoded.orders, [first, Some(order(0)), None, None, None, first, None]);
    let trips: Vec<_> = decoded.columns[0].as_primitive::<Int64Type>().iter().collect();
    assert_eq!(trips, [Some(30), None, None, None, None, Some(30), None]);
    let notes: Vec<_> = decoded.columns[1].as_string::<i32>().iter().collect();
    assert_eq!(notes, [Some("ab"), None, None, None, None, Some("ab"), None]);
}

#[tokio::test]
async fn views_of_the_same_entities_are_read_by_one_command_each_with_its_own_time() {
    let world = World::new().await;
    let fields: [(&[u8], Vec<u8>); 4] = [
        (TRIPS_TODAY, value(Val::Int32Val(7))),
        (TS_DRIVER_STATS, at()),
        (CONV_RATE, value(Val::DoubleVal(0.25))),
        (b"_ts:driver_hourly_stats", vec![0x08, 1]),
    ];
    world.write(&driver(1), &fields).await;
    world.write(&driver(2), &fields[2..]).await;
    let keys = keys("driver_stats", &[drivers(&[Some(1), Some(2)])], 2);
    let (stats, hourly) = (keyspace("driver_stats"), keyspace("driver_hourly_stats"));
    let request = |keyspace| ReadRequest { keyspace, keys: &keys };
    let answers = world
        .store
        .read(&[request(&stats), request(&hourly), request(&stats)])
        .await
        .unwrap();
    assert_eq!(answers[0], answers[2]);
    let stats = decoded("driver_stats", &answers[0]);
    let trips: Vec<_> = stats.columns[0].as_primitive::<Int64Type>().iter().collect();
    assert_eq!(trips, [Some(7), None]);
    assert_eq!(stats.orders, [Some(order(1_700_000_000_123_000)), None]);
    let hourly = decoded("driver_hourly_stats", &answers[1]);
    let rates: Vec<_> = hourly.columns[0].as_primitive::<Float64Type>().iter().collect();
    assert_eq!(rates, [Some(0.25), Some(0.25)]);
    assert_eq!(hourly.orders, [Some(order(1_000_000)); 2]);
    let commands = world.server.info("cmdstat_hmget").unwrap();
    assert!(commands.starts_with("calls=2,"), "{commands}");
}

#[tokio::test]
async fn keys_of_several_parts_and_of_none_are_found() {
    let world = World::new().await;
    let trip = b"\x02\0\0\0\x02\0\0\0\x08\0\0\0customer\x02\0\0\0\x09\0\0\0driver_id\x02\0\0\0\x03\0\0\0abc\
                 \x04\0\0\0\x08\0\0\0\xe9\x03\0\0\0\0\0\0my_project";
    let fares = DoubleList { val: vec![1.5, -2.0] };
    let fares = [
        (&b"\x44\xe9\x55\xaf"[..], value(Val::DoubleListVal(fares))),
        (b"_ts:trips", at()),
    ];
    world.write(trip, &fares).await;
    let customers: ArrayRef = Arc::new(StringArray::from(vec!["abc", "abd"]));
    // The view has its keys in another order than Feast.
    let keys_of_trips = keys("trips", &[drivers(&[Some(1001), Some(1001)]), customers], 2);
    let trips = world.read("trips", &keys_of_trips).await.unwrap();
    let trips = decoded("trips", &trips);
    assert_eq!((trips.orders[0].is_some(), trips.orders[1]), (true, None));
    let items = trips.columns[0].as_list::<i32>().value(0);
    assert_eq!(items.as_primitive::<Float64Type>().values(), &[1.5, -2.0]);

    let nowhere = b"\x01\0\0\0\x02\0\0\0\x0a\0\0\0__dummy_id\x02\0\0\0\0\0\0\0my_project";
    let sunny = [(&b"\xee\xc8\x3f\x62"[..], vec![0x38, 0]), (b"_ts:weather", at())];
    world.write(nowhere, &sunny).await;
    let weather = world.read("weather", &keys("weather", &[], 1)).await.unwrap();
    let weather = decoded("weather", &weather);
    assert!(!weather.columns[0].as_boolean().value(0));
    assert_eq!(weather.columns[0].null_count(), 0);
}

#[tokio::test]
async fn a_user_who_may_only_read_is_enough() {
    let world = World::new().await;
    let fields: [(&[u8], Vec<u8>); 2] = [(TRIPS_TODAY, value(Val::Int64Val(5))), (TS_DRIVER_STATS, at())];
    world.write(&driver(1), &fields).await;
    let rules = [
        "ACL", "SETUSER", "reader", "on", ">secret", "~*", "-@all", "+hmget", "+ping",
    ];
    world.server.cli(&rules).unwrap();
    let addresses = [world.server.address()];
    let store = open(&addresses, |config| {
        config.username = Some("reader".to_owned());
        config.password = Some(Secret::new("secret"));
    });
    let store = store.await;
    store.define(&definitions());
    store.ping().await.unwrap();
    let (keyspace, keys) = (
        keyspace("driver_stats"),
        keys("driver_stats", &[drivers(&[Some(1)])], 1),
    );
    let request = ReadRequest {
        keyspace: &keyspace,
        keys: &keys,
    };
    let rows = store.read(&[request]).await.unwrap().remove(0);
    assert!(rows[0].is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_read_too() {
    let cluster = RedisCluster::start().unwrap();
    let client = ::redis::cluster::ClusterClient::new(cluster.urls()).unwrap();
    let mut connection = client.get_async_connection().await.unwrap();
    for id in 0..50 {
        let fields: [(&[u8], Vec<u8>); 2] = [(TRIPS_TODAY, value(Val::Int64Val(id))), (TS_DRIVER_STATS, at())];
        hset(&driver(id), &fields).exec_async(&mut connection).await.unwrap();
    }
    let store = open(&cluster.addresses(), |config| config.topology = RedisTopology::Cluster).await;
    store.define(&definitions());
    store.ping().await.unwrap();
    let ids: Vec<_> = (0..50).map(Some).collect();
    let (keyspace, keys) = (keyspace("driver_stats"), keys("driver_stats", &[drivers(&ids)], 50));
    let request = ReadRequest {
        keyspace: &keyspace,
        keys: &keys,
    };
    let rows = store.read(&[request]).await.unwrap().remove(0);
    let trips: Vec<_> = decoded("driver_stats", &rows).columns[0]
        .as_primitive::<Int64Type>()
        .iter()
        .collect();
    assert_eq!(trips, ids);
}
