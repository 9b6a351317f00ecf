//! The format of a version: what was written by the first Asof still opens.

use asof_registry::GitState;

use super::*;

/// Who made version 3 of the fixture, and when.
fn golden_info() -> ApplyInfo {
    ApplyInfo {
        time: "2013-07-04T12:00:00Z".parse().unwrap(),
        author: "Ada <ada@example.com>".to_owned(),
        message: Some("bring the first definitions back".to_owned()),
        git: Some(GitState {
            commit: "8f14e45fceea167a5a36dedd4bea2543e1e9a2c5".to_owned(),
            dirty: false,
        }),
    }
}

/// Puts a fixture where version 3 belongs.
fn placed(fixture: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let versions = folder.path().join("registry/versions");
    fs_err::create_dir_all(&versions).unwrap();
    fs_err::write(versions.join("00000000000000000003.json"), fixture).unwrap();
    folder
}

#[tokio::test]
async fn a_version_of_the_first_format_opens() {
    let folder = placed(include_str!("../fixtures/registry/v1.json"));
    let snapshot = registry(folder.path()).current().await.unwrap().unwrap();
    assert_eq!(snapshot.version, RegistryVersion(3));
    assert_eq!(snapshot.rollback_to, version(1));
    assert_eq!(snapshot.info, golden_info());
    assert_eq!(*snapshot.definitions, shop(2));
}

#[tokio::test]
async fn what_is_written_now_is_that_format() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    registry.apply(None, &shop(2), info(1, "ada")).await.unwrap();
    registry.apply(version(1), &shop(1), info(2, "ada")).await.unwrap();
    registry.rollback(RegistryVersion(1), golden_info()).await.unwrap();
    let written = fs_err::read_to_string(folder.path().join("registry/versions/00000000000000000003.json")).unwrap();
    // Only what every apply has of its own may differ: its id, and the hash over it.
    let own = |line: &&str| !line.contains("\"apply_id\"") && !line.contains("\"sha256\"");
    let lines = |text: &str| text.lines().filter(own).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&written), lines(include_str!("../fixtures/registry/v1.json")));
}
