//! Versions are made one after the other, never change, and can be brought back.

use asof_registry::{GitState, RegistryError};

use super::*;

#[tokio::test]
async fn a_registry_that_nobody_used_has_nothing_and_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    assert_eq!(registry.current().await.unwrap(), None);
    assert_eq!(registry.history().await.unwrap(), []);
    let unknown = registry.get(RegistryVersion(1)).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the registry has no version 1; it is at no version yet"
    );
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_applied_is_what_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let writer = registry(folder.path());
    let info = ApplyInfo {
        time: Timestamp::from_micros(i64::MIN),
        author: "Ada \"the first\" <ada@example.com>".to_owned(),
        message: Some("first\nversion".to_owned()),
        git: Some(GitState {
            commit: "0123abcd".to_owned(),
            dirty: true,
        }),
    };
    let applied = writer.apply(None, &shop(3), info.clone()).await.unwrap();
    assert_eq!(
        (applied.version, &applied.info, &*applied.definitions),
        (RegistryVersion(1), &info, &shop(3))
    );
    let read = registry(folder.path()).current().await.unwrap();
    assert_eq!(read, Some(applied));
}

#[tokio::test]
async fn random_definitions_come_back_as_they_were() {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(16));
    let mut current = None;
    for at in 0..16 {
        let some = asof_testkit::definitions().new_tree(&mut runner).unwrap().current();
        let applied = registry(folder.path())
            .apply(current, &some, info(at, "ada"))
            .await
            .unwrap();
        current = Some(applied.version);
        assert_eq!(
            *registry(folder.path()).get(applied.version).await.unwrap().definitions,
            some
        );
    }
}

#[tokio::test]
async fn only_the_expected_version_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let first = registry(folder.path());
    let second = registry(folder.path());
    first.apply(None, &shop(1), info(1, "ada")).await.unwrap();
    first.apply(version(1), &shop(2), info(2, "ada")).await.unwrap();
    for (expected, text) in [
        (None, "not at no version yet"),
        (version(1), "not at version 1"),
        (version(9), "not at version 9"),
    ] {
        let error = second.apply(expected, &shop(3), info(3, "bob")).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("the registry is at version 2, {text}: ")),
            "{error}"
        );
        let RegistryError::Conflict { found, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(found, version(2));
    }
    assert_eq!(*second.current().await.unwrap().unwrap().definitions, shop(2));
    assert_eq!(second.history().await.unwrap().len(), 2);
}

#[tokio::test]
async fn history_is_newest_first_past_nine_versions() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    for at in 0..23 {
        let expected = (at > 0).then_some(RegistryVersion(at));
        let info = info(at as i64, &format!("author{at}"));
        registry.apply(expected, &shop(at as usize % 4), info).await.unwrap();
    }
    let history = super::registry(folder.path()).history().await.unwrap();
    let numbers: Vec<u64> = history.iter().map(|record| record.version.0).collect();
    assert_eq!(numbers, (1..=23).rev().collect::<Vec<_>>());
    assert_eq!(history[0].info, info(22, "author22"));
    assert_eq!(history[13].info, info(9, "author9"));
    assert_eq!(registry.get(RegistryVersion(10)).await.unwrap().record(), history[13]);
}

#[tokio::test]
async fn a_rollback_is_a_new_version_with_old_definitions() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    registry.apply(None, &shop(1), info(1, "ada")).await.unwrap();
    registry.apply(version(1), &shop(2), info(2, "ada")).await.unwrap();
    let back = registry.rollback(RegistryVersion(1), info(3, "bob")).await.unwrap();
    assert_eq!((back.version, back.rollback_to), (RegistryVersion(3), version(1)));
    let read = super::registry(folder.path()).current().await.unwrap().unwrap();
    assert_eq!((&*read.definitions, read.record()), (&shop(1), back.record()));
    // The version that was rolled back is still there to go forward to again.
    let forward = registry.rollback(RegistryVersion(2), info(4, "bob")).await.unwrap();
    assert_eq!(*forward.definitions, shop(2));
    let error = registry.rollback(RegistryVersion(4), info(5, "bob")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "version 4 is current already; there is nothing to roll back"
    );
    let error = registry.rollback(RegistryVersion(7), info(5, "bob")).await.unwrap_err();
    assert_eq!(error.to_string(), "the registry has no version 7; it is at version 4");
}

#[tokio::test]
async fn a_registry_belongs_to_one_project() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    registry.apply(None, &shop(1), info(1, "ada")).await.unwrap();
    let error = registry
        .apply(version(1), &definitions("bank", 1), info(2, "ada"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the registry holds project `shop`, the definitions are of project `bank`; give each project its own registry"
    );
    assert_eq!(registry.current_version().await.unwrap(), version(1));
}

#[tokio::test]
async fn a_reader_follows_new_versions_and_a_folder_that_was_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let reader = registry(folder.path());
    for at in 1..4 {
        let expected = (at > 1).then(|| RegistryVersion(at - 1));
        registry(folder.path())
            .apply(expected, &shop(at as usize), info(1, "ada"))
            .await
            .unwrap();
        let read = reader.current().await.unwrap().unwrap();
        assert_eq!(
            (read.version, &*read.definitions),
            (RegistryVersion(at), &shop(at as usize))
        );
    }
    fs_err::remove_dir_all(folder.path().join("registry")).unwrap();
    assert_eq!(reader.current().await.unwrap(), None);
    registry(folder.path())
        .apply(None, &shop(7), info(1, "ada"))
        .await
        .unwrap();
    assert_eq!(*reader.current().await.unwrap().unwrap().definitions, shop(7));
}
