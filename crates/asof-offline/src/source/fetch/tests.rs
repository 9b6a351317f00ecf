//! Fetching from this machine and from a store, of files that stay and of files that change.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "one range of several is meant, not its numbers"
)]

use std::path::Path as FilePath;
use std::time::{Duration, SystemTime};

use asof_model::SourceName;
use asof_model::definition::{Metadata, Source, TimeColumn};
use asof_storage::StorageOptions;
use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use crate::source::location::list;

/// The bytes `0, 1, 2, …`, long enough that ranges can lie far apart.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

async fn memory(bytes: Vec<u8>) -> (Arc<dyn ObjectStore>, ListedFile) {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    store.put(&"a".into(), PutPayload::from(bytes)).await.unwrap();
    let meta = store.head(&"a".into()).await.unwrap();
    let listed = ListedFile {
        meta,
        path: "memory://a".to_owned(),
        local: None,
        partitions: Vec::new(),
    };
    (store, listed)
}

async fn local(folder: &FilePath, bytes: &[u8]) -> (Arc<dyn ObjectStore>, ListedFile) {
    fs_err::write(folder.join("a.parquet"), bytes).unwrap();
    let source = Source {
        name: SourceName::try_new("s").unwrap(),
        path: "a.parquet".to_owned(),
        event_time: TimeColumn::Column("at".to_owned()),
        created_time: None,
        filter: None,
        metadata: Metadata::default(),
    };
    let listing = list(&source, folder, &StorageOptions::new()).await.unwrap();
    (listing.store, listing.files.into_iter().next().unwrap())
}

#[test]
fn near_ranges_become_one() {
    assert_eq!(coalesce(&[20..30, 0..10, 5..12, 40..40, 31..32], 2), [0..12, 20..32]);
    assert_eq!(coalesce(&[0..1, 3..4], 2), [0..1, 3..4]);
    assert_eq!(coalesce(&[0..1, 1..2], 1), [0..2]);
    assert_eq!(coalesce(&[], 9), []);
}

#[test]
fn a_long_range_is_cut_into_parts() {
    assert_eq!(remote::split(&(5..9), 4).collect::<Vec<_>>(), [5..9]);
    assert_eq!(remote::split(&(5..16), 4).collect::<Vec<_>>(), [5..9, 9..13, 13..16]);
}

#[tokio::test]
async fn long_ranges_come_whole_among_short_ones() {
    let bytes = content(40 << 20);
    let (store, file) = memory(bytes.clone()).await;
    let (long, last) = (5..35_u64 << 20, 38_u64 << 20..(38 << 20) + 7);
    let fetched = fetch(&store, &file, &[last.clone(), long.clone(), 0..3]).await.unwrap();
    let all = fetched.get_bytes(long.start, (long.end - long.start) as usize).unwrap();
    assert!(all == bytes[long.start as usize..long.end as usize]);
    assert_eq!(
        fetched.get_bytes(last.start, 7).unwrap(),
        &bytes[last.start as usize..last.end as usize]
    );
    assert_eq!(fetched.get_bytes(0, 3).unwrap(), &bytes[..3]);
}

#[tokio::test]
async fn what_was_asked_for_is_there_and_nothing_else() {
    let far = 3 << 20;
    let bytes = content(far + 100);
    let folder = tempfile::tempdir().unwrap();
    for (store, file) in [memory(bytes.clone()).await, local(folder.path(), &bytes).await] {
        let ranges = [(far as u64)..(far as u64 + 50), 10..30, 25..40];
        let fetched = fetch(&store, &file, &ranges).await.unwrap();
        assert_eq!(fetched.len(), bytes.len() as u64);
        assert_eq!(fetched.get_bytes(10, 30).unwrap(), &bytes[10..40]);
        assert_eq!(
            fetched.get_bytes(far as u64 + 49, 1).unwrap(),
            &bytes[far + 49..far + 50]
        );
        assert_eq!(fetched.get_bytes(9, 0).unwrap(), "");
        let mut rest = Vec::new();
        fetched.get_read(38).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, &bytes[38..40]);
        for (start, length) in [
            (9, 1),
            (39, 2),
            (40, 1),
            (far as u64 - 1, 1),
            (far as u64 + 50, 1),
            (u64::MAX, 2),
        ] {
            assert!(fetched.get_bytes(start, length).is_err(), "{start} {length}");
            assert!(length == 2 || fetched.get_read(start).is_err(), "{start}");
        }
        fetched.verify().unwrap();
        // In memory is what was asked for; of a file of this machine, what was read above.
        assert_eq!(fetched.bytes(), if file.local.is_some() { 33 } else { 80 });
    }
}

#[tokio::test]
async fn an_object_that_changed_is_not_read() {
    let (store, file) = memory(content(100)).await;
    store.put(&"a".into(), PutPayload::from(vec![7; 100])).await.unwrap();
    let error = fetch(&store, &file, &[0..10]).await.unwrap_err().to_string();
    assert!(
        error.starts_with("`memory://a` changed while it was read: its entity tag was 0 and is 1"),
        "{error}"
    );
    store.put(&"a".into(), PutPayload::from(vec![7; 99])).await.unwrap();
    let error = fetch(&store, &file, &[0..10]).await.unwrap_err().to_string();
    assert!(error.contains("it had 100 bytes and has 99"), "{error}");
    store.delete(&"a".into()).await.unwrap();
    let error = fetch(&store, &file, &[0..10]).await.unwrap_err().to_string();
    assert!(error.contains("it is gone"), "{error}");
}

#[tokio::test]
async fn a_file_that_changes_is_noticed_before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = local(folder.path(), &content(100)).await;
    let path = folder.path().join("a.parquet");
    let opened = fetch(&store, &file, &[0..100]).await.unwrap();
    opened.verify().unwrap();
    fs_err::write(&path, content(50)).unwrap();
    assert!(opened.get_bytes(60, 10).is_err());
    let changes = [
        opened.verify().unwrap_err(),
        fetch(&store, &file, &[0..10]).await.unwrap_err(),
    ];
    for error in changes {
        assert!(error.to_string().contains("it had 100 bytes and has 50"), "{error}");
    }
    fs_err::write(&path, content(100)).unwrap();
    let later = SystemTime::from(file.meta.last_modified) + Duration::from_secs(1);
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(later)
        .unwrap();
    let error = opened.verify().unwrap_err();
    assert!(error.to_string().contains("it was written to"), "{error}");
    fs_err::remove_file(&path).unwrap();
    let error = fetch(&store, &file, &[0..10]).await.unwrap_err();
    assert!(error.to_string().contains("it is gone"), "{error}");
}
