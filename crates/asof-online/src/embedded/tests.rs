//! The embedded store: what can only be seen from inside.

use std::io;

use asof_model::ErrorKind;
use asof_model::key::EncodedKeys;
use asof_model::row::{EncodedRows, RowCodec};
use heed::CommitOrAbort;
use heed::types::Bytes as Raw;

use super::*;

const NAME: &str = "flights/weather@0000000000000001";

fn write(database: &Database, key: &[u8], rows: usize) -> Result<WriteSummary, OnlineError> {
    let row = RowCodec::new(&[]).encode(&[], &[0].to_vec().into(), None).unwrap();
    let keys: Vec<_> = (0..rows).map(|number| [key, &number.to_le_bytes()].concat()).collect();
    let keys: EncodedKeys = keys.iter().map(|key| Some(key.as_slice())).collect();
    let rows: EncodedRows = (0..rows).map(|_| row.get(0)).collect();
    database.write(NAME, &keys, &rows)
}

#[test]
fn a_full_map_is_an_error_that_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = open::open(folder.path(), 1 << 16).unwrap();
    write(&database, b"a", 10).unwrap();
    let error = write(&database, b"b", 10_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    let path = folder.path().canonicalize().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "no room is left for the online store at `{}`: its memory map is full",
            path.display()
        )
    );
    write(&database, b"c", 10).unwrap();
    assert_eq!(database.scan(NAME).unwrap().len(), 20);
}

#[test]
fn a_file_that_only_lacks_unused_pages_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let database = open::open(folder.path(), 1 << 24).unwrap();
    write(&database, b"a", 3_000).unwrap();
    database.delete_keyspace(NAME).unwrap();
    // A few writes later everything in use has moved to the pages that became free, far from the end.
    for rows in 1..=5 {
        write(&database, b"b", rows).unwrap();
    }
    let page_size = u64::from(database.env.unnamed_database_stat().page_size);
    drop(database);
    let data = folder.path().join("data.mdb");
    let length = fs_err::metadata(&data).unwrap().len();
    fs_err::OpenOptions::new()
        .write(true)
        .open(&data)
        .unwrap()
        .set_len(length - 4 * page_size)
        .unwrap();
    let database = open::open(folder.path(), 1 << 24).unwrap();
    assert_eq!(database.scan(NAME).unwrap().len(), 5);
    write(&database, b"c", 3_000).unwrap();
    assert_eq!(database.scan(NAME).unwrap().len(), 3_005);
}

#[test]
fn stores_of_one_folder_in_one_process_share_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let one = EmbeddedStore::open(folder.path()).unwrap();
    let two = EmbeddedStore::open(&folder.path().join("../").join(folder.path().file_name().unwrap())).unwrap();
    assert!(Arc::ptr_eq(&one.database, &two.database));
    drop((one, two));
    EmbeddedStore::open(folder.path()).unwrap();
}

#[test]
fn a_store_of_a_later_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = open::open(folder.path(), 1 << 20).unwrap();
    let mut txn = database.write_txn().unwrap();
    database
        .put(&mut txn, place::FORMAT, b"asof online store\x03\x00\x00\x00")
        .unwrap();
    txn.commit().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let expected = format!(
        "the online store at `{}` has format 3, this asof knows format 2; use the asof that wrote it",
        path.display()
    );
    assert_eq!(database.ping().unwrap_err().to_string(), expected);
    drop(database);
    let error = open::open(folder.path(), 1 << 20).err().unwrap();
    assert_eq!(error.to_string(), expected);
}

#[test]
#[expect(unsafe_code, reason = "an environment of another program has to be made")]
fn an_lmdb_folder_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    {
        let options = heed::EnvOpenOptions::new();
        // SAFETY: Nothing else uses the folder.
        let env = unsafe { options.open(folder.path()) }.unwrap();
        let txn = env.read_txn().unwrap();
        let opened = env.open_databases_and_commit(txn, |opener, txn| {
            let database = opener.open_database::<Raw, Raw>(txn, None);
            database.map(CommitOrAbort::<_, ()>::Commit)
        });
        let CommitOrAbort::Commit(Some(database)) = opened.unwrap() else {
            panic!("the main database is always there");
        };
        let mut txn = env.write_txn().unwrap();
        database.put(&mut txn, b"theirs", b"value").unwrap();
        txn.commit().unwrap();
    }
    let error = EmbeddedStore::open(folder.path()).unwrap_err();
    let path = folder.path().canonicalize().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` is not an online store of asof: its data.mdb is of another program; choose another path",
            path.display()
        )
    );
}

#[test]
fn the_layout_of_format_2_does_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let database = open::open(folder.path(), 1 << 20).unwrap();
    let row = RowCodec::new(&[]).encode(&[], &[7].to_vec().into(), None).unwrap();
    let long = [1; 507];
    let keys: EncodedKeys = [Some(&b"\x01k"[..]), Some(&long)].into_iter().collect();
    let rows: EncodedRows = [row.get(0), row.get(0)].into_iter().collect();
    database.write(NAME, &keys, &rows).unwrap();
    let life = database.advance(NAME).unwrap();

    let txn = database.env.read_txn().unwrap();
    let entries: Vec<_> = database
        .rows
        .iter(&txn)
        .unwrap()
        .map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap())
        .collect();
    let hash = xxhash_rust::xxh3::xxh3_128(&long).to_be_bytes();
    let bucket = [&507_u32.to_le_bytes()[..], &14_u32.to_le_bytes(), &long, row.get(0)];
    let expected = [
        (b"\0format".to_vec(), b"asof online store\x02\0\0\0".to_vec()),
        (b"\0next".to_vec(), b"\x01\0\0\0".to_vec()),
        (
            [b"\x01", NAME.as_bytes()].concat(),
            [
                &b"\0\0\0\0\x02\0\0\0\0\0\0\0"[..],
                &life.birth.to_le_bytes(),
                b"\x01\0\0\0\0\0\0\0",
            ]
            .concat(),
        ),
        (b"\x02\0\0\0\0\x01k".to_vec(), row.get(0).to_vec()),
        ([&b"\x03\0\0\0\0"[..], &hash].concat(), bucket.concat()),
    ];
    assert_eq!(entries, expected);
}

#[test]
fn a_store_of_format_1_becomes_one_of_format_2() {
    let folder = tempfile::tempdir().unwrap();
    let database = open::open(folder.path(), 1 << 20).unwrap();
    write(&database, b"a", 3).unwrap();
    let mut txn = database.write_txn().unwrap();
    let entry = database.get(&txn, &place::keyspace(NAME)).unwrap().unwrap()[..12].to_vec();
    database.put(&mut txn, &place::keyspace(NAME), &entry).unwrap();
    database
        .put(&mut txn, place::FORMAT, b"asof online store\x01\x00\x00\x00")
        .unwrap();
    txn.commit().unwrap();
    drop(database);

    let database = open::open(folder.path(), 1 << 20).unwrap();
    database.ping().unwrap();
    let [info] = &database.keyspaces().unwrap()[..] else {
        panic!("there is one keyspace");
    };
    let KeyspaceLife { birth, sequence } = info.life;
    assert_eq!((info.rows, birth, sequence), (3, 0, 0));
    write(&database, b"b", 2).unwrap();
    assert_eq!(database.advance(NAME).unwrap().sequence, 1);
    assert_eq!(database.scan(NAME).unwrap().len(), 5);
}

#[test]
fn errors_of_files_name_the_path_and_their_kind() {
    let check = |kind: io::ErrorKind, class: ErrorKind, message: &str| {
        let error = fault::of_io(Path::new("store"), kind.into());
        assert_eq!(error.kind(), class);
        assert_eq!(error.to_string(), message);
    };
    check(
        io::ErrorKind::PermissionDenied,
        ErrorKind::Forbidden,
        "no permission to use the online store at `store`; its folder and files must be readable and writable",
    );
    check(
        io::ErrorKind::StorageFull,
        ErrorKind::Exhausted,
        "no room is left for the online store at `store`: no storage space",
    );
    check(
        io::ErrorKind::TimedOut,
        ErrorKind::Unavailable,
        "the online store at `store` cannot be used: timed out",
    );
}
