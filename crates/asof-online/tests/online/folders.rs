//! Folders that are no store, or no longer one: errors that say so, name the path, and leave everything alone.

use std::path::Path;

use asof_model::ErrorKind;
use asof_online::{EmbeddedStore, OnlineError, OnlineStore};

use super::sample;

fn refusal(path: &Path) -> (OnlineError, String) {
    let error = EmbeddedStore::open(path).unwrap_err();
    let message = error.to_string().replace(&*path.to_string_lossy(), "PATH");
    assert!(message.contains("`PATH`"), "{message}");
    (error, message)
}

#[test]
fn a_file_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs_err::write(&path, "text").unwrap();
    let (error, message) = refusal(&path);
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        message,
        "`PATH` is not an online store of asof: it is a file, or lies below one; choose another path"
    );
    refusal(&path.join("below"));
    assert_eq!(fs_err::read(&path).unwrap(), b"text");
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("notes.txt"), "text").unwrap();
    let (_, message) = refusal(folder.path());
    assert_eq!(
        message,
        "`PATH` is not an online store of asof: the folder holds `notes.txt` and no data.mdb; choose another path"
    );
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for length in [1, 100, 4_096, 100_000] {
        fs_err::write(folder.path().join("data.mdb"), vec![7; length]).unwrap();
        let (error, message) = refusal(folder.path());
        assert!(matches!(error, OnlineError::Foreign { .. }), "{length}: {error:?}");
        assert_eq!(
            message,
            "`PATH` is not an online store of asof: its data.mdb is no LMDB file of a version that is known here, or \
             is damaged; choose another path"
        );
    }
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    sample::write(&store, 5_000, 1).await.unwrap();
    drop(store);
    let data = folder.path().join("data.mdb");
    let whole = fs_err::read(&data).unwrap();
    for cut in [1, 4_096, whole.len() / 2, whole.len() - 2 * 4_096] {
        fs_err::write(&data, &whole[..whole.len() - cut]).unwrap();
        let (error, message) = refusal(folder.path());
        assert!(matches!(error, OnlineError::Damaged { .. }), "{cut}: {error:?}");
        assert!(
            message.starts_with("the online store at `PATH` is damaged: its data.mdb has "),
            "{message}"
        );
        assert!(
            message.ends_with("; remove the folder and materialize again"),
            "{message}"
        );
    }
    fs_err::write(&data, &whole).unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert!(sample::event_times(&store, 5_000).await.iter().all(Option::is_some));
}

#[cfg(unix)]
#[tokio::test]
async fn a_store_whose_files_are_taken_away_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    sample::write(&store, 3, 1).await.unwrap();
    fs_err::remove_file(folder.path().join("data.mdb")).unwrap();
    let (_, message) = refusal(folder.path());
    assert_eq!(
        message,
        "the files of the online store at `PATH` were removed or replaced while it was open; start this process again"
    );
    for error in [
        store.ping().await.unwrap_err(),
        sample::write(&store, 3, 2).await.unwrap_err(),
        store.delete_keyspace(&sample::keyspace()).await.unwrap_err(),
    ] {
        assert!(matches!(error, OnlineError::Replaced { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    drop(store);
    fs_err::remove_file(folder.path().join("lock.mdb")).unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!(sample::event_times(&store, 1).await, [None]);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_denied() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    fs_err::set_permissions(folder.path(), PermissionsExt::from_mode(0o000)).unwrap();
    if fs_err::read_dir(folder.path()).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let (error, message) = refusal(folder.path());
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(
        message,
        "no permission to use the online store at `PATH`; its folder and files must be readable and writable"
    );
}
