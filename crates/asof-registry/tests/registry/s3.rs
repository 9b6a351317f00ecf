//! The same on a store that speaks S3.

use asof_registry::RegistryError;
use asof_testkit::MotoServer;

use super::*;

fn server() -> MotoServer {
    let found = MotoServer::start().expect("moto_server comes up");
    found.expect("these tests need moto_server: pip install 'moto[server]', or name it in ASOF_TEST_MOTO_SERVER")
}

fn registry_on(server: &MotoServer) -> Registry {
    let options = BTreeMap::from([("s3://".to_owned(), server.options().into_iter().collect())]);
    Registry::open(&server.url("some where/registry"), Path::new("/"), &options).unwrap()
}

#[tokio::test]
async fn versions_are_made_listed_and_brought_back() {
    let server = server();
    let (ada, bob) = (registry_on(&server), registry_on(&server));
    assert_eq!(ada.current().await.unwrap(), None);
    for at in 0..12 {
        let expected = (at > 0).then_some(RegistryVersion(at));
        let applied = ada
            .apply(expected, &shop(at as usize % 3), info(at as i64, "ada"))
            .await
            .unwrap();
        assert_eq!(bob.current().await.unwrap(), Some(applied));
    }
    let numbers: Vec<u64> = bob.history().await.unwrap().iter().map(|r| r.version.0).collect();
    assert_eq!(numbers, (1..=12).rev().collect::<Vec<_>>());
    let error = bob.apply(version(11), &shop(1), info(20, "bob")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Conflict { .. }), "{error}");
    let back = bob.rollback(RegistryVersion(3), info(21, "bob")).await.unwrap();
    assert_eq!(ada.current().await.unwrap(), Some(back));
}

#[tokio::test]
async fn of_two_who_write_the_same_version_one_is_told_that_the_other_was_faster() {
    let server = server();
    let registry = registry_on(&server);
    // The other one comes between the look at the current version and the write.
    let faster = faulty::FaultyStore::around(
        registry.location(),
        faulty::Fault::OvertakenBy(Box::new(registry_on(&server))),
    );
    let error = faster.apply(None, &shop(1), info(1, "slow")).await.unwrap_err();
    let RegistryError::Conflict { expected, found } = error else {
        panic!("{error:?}");
    };
    assert_eq!((expected, found), (None, version(1)));
    let history = registry.history().await.unwrap();
    assert_eq!((history.len(), history[0].info.author.as_str()), (1, "fast"));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let server = server();
    let options = BTreeMap::from([("s3://".to_owned(), server.options().into_iter().collect())]);
    let registry = Registry::open("s3://no-such-bucket/r", Path::new("/"), &options).unwrap();
    let error = registry
        .apply(None, &shop(1), info(1, "ada"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the registry `s3://no-such-bucket/r` could not be "),
        "{error}"
    );
}
