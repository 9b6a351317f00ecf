//! What the store does not do, and what in a server it does not take.

use arrow::array::{BooleanArray, Int64Array};
use asof_model::ErrorKind;
use asof_model::definition::Definitions;
use asof_model::row::EncodedRows;

use super::*;

/// The text of an error, with the server's address taken out.
fn text(world: &World, error: &OnlineError) -> String {
    error.to_string().replace(&world.server.url(), "redis://…")
}

fn one_driver() -> EncodedKeys {
    keys("driver_stats", &[Arc::new(Int64Array::from(vec![1001]))], 1)
}

/// The error that reading the driver 1001 gives.
async fn refused(world: &World) -> (ErrorKind, String) {
    let error = world.read("driver_stats", &one_driver()).await.unwrap_err();
    (error.kind(), text(world, &error))
}

#[tokio::test]
async fn nothing_is_written() {
    let world = World::new().await;
    let (keyspace, keys) = (keyspace("driver_stats"), one_driver());
    let rows: EncodedRows = [&b"no row"[..]].into_iter().collect();
    let store = &world.store;
    let refused = [
        store.write(&keyspace, &keys, &rows, None).await.unwrap_err(),
        store.advance(&keyspace).await.unwrap_err(),
        store.delete_keyspace(&keyspace).await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(
            text(&world, &error),
            "the online store at `redis://…/0` is Feast's and is only read; let Feast write to it, or set `layout: \
             asof` in `online_store` to keep rows of asof's own"
        );
    }
    let listed = store.scan(&keyspace).await.unwrap_err();
    assert_eq!(
        text(&world, &listed),
        "the online store at `redis://…/0` is Feast's, which has no list of its rows; ask for them by their keys"
    );
    assert_eq!(store.keyspaces().await.unwrap(), []);
    store.ping().await.unwrap();
    assert_eq!(world.server.cli(&["DBSIZE"]).unwrap(), "0");
}

#[tokio::test]
async fn a_keyspace_is_known_while_its_version_or_the_next_one_is_served() {
    let world = World::new().await;
    let undefined = |error: &OnlineError| matches!(error.kind(), ErrorKind::NotFound);
    let keys = one_driver();
    let unknown: Keyspace = "my_project/driver_stats@0000000000000002".parse().unwrap();
    let request = ReadRequest {
        keyspace: &unknown,
        keys: &keys,
    };
    let error = world.store.read(&[request]).await.unwrap_err();
    assert!(undefined(&error));
    assert_eq!(
        text(&world, &error),
        "the online store at `redis://…/0` is Feast's, whose rows only a definition tells apart, and no definition has \
         `my_project/driver_stats@0000000000000002`; apply its view"
    );
    let next = Definitions::empty(definitions().project);
    world.store.define(&next);
    assert_eq!(world.read("driver_stats", &keys).await.unwrap(), [None]);
    world.store.define(&next);
    assert!(undefined(&world.read("driver_stats", &keys).await.unwrap_err()));
}

#[tokio::test]
async fn what_is_not_as_it_is_declared_is_named() {
    let world = World::new().await;
    let write = async |field: &[u8], bytes: Vec<u8>| world.write(&driver(1001), &[(field, bytes)]).await;
    let store = "the online store at `redis://…/0` holds";

    write(TS_DRIVER_STATS, at()).await;
    write(TRIPS_TODAY, value(Val::StringVal("30".to_owned()))).await;
    assert_eq!(
        refused(&world).await,
        (
            ErrorKind::InvalidInput,
            format!(
                "{store} a value of type string for feature `trips_today` of view `driver_stats`, which is declared as \
                 int64; declare the type that Feast writes"
            )
        )
    );
    write(TRIPS_TODAY, vec![0x20]).await;
    let (kind, problem) = refused(&world).await;
    assert_eq!(kind, ErrorKind::Internal);
    let start = format!("{store} no usable value for feature `trips_today` of view `driver_stats`: ");
    assert!(problem.starts_with(&start), "{problem}");
    assert!(problem.ends_with("; let Feast write it again"), "{problem}");

    write(TRIPS_TODAY, vec![0x20, 0x1e]).await;
    write(TS_DRIVER_STATS, vec![0x10, 0x80, 0x94, 0xeb, 0xdc, 0x03]).await;
    assert_eq!(
        refused(&world).await,
        (
            ErrorKind::Internal,
            format!(
                "{store} no usable event time of view `driver_stats`: it has 1000000000 nanoseconds beside its \
                 seconds; let Feast write it again"
            )
        )
    );

    world.server.cli(&["FLUSHALL"]).unwrap();
    let client = ::redis::Client::open(world.server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut set = ::redis::cmd("SET");
    set.arg(driver(1001)).arg("text");
    set.exec_async(&mut connection).await.unwrap();
    let (kind, problem) = refused(&world).await;
    assert_eq!(kind, ErrorKind::Internal);
    let start = format!("{store} something that Feast did not write: WRONGTYPE");
    assert!(problem.starts_with(&start), "{problem}");
}

#[tokio::test]
async fn keys_that_feast_does_not_have_are_refused() {
    let world = World::new().await;
    let keys = keys("flags", &[Arc::new(BooleanArray::from(vec![true]))], 1);
    let error = world.read("flags", &keys).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        text(&world, &error),
        "the online store at `redis://…/0` cannot have rows of `flags`: Feast has no join keys of type bool, which \
         `set` is"
    );
}

#[tokio::test]
async fn a_server_that_is_away_is_named() {
    let mut world = World::new().await;
    let address = world.server.url();
    world.server.kill();
    let error = world.read("driver_stats", &one_driver()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&address), "{error}");
}
