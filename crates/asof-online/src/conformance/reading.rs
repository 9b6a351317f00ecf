//! What is written is read, in the order of the request.

use super::sample::{self, bytes, read, summary, write};
use super::{Violation, expect};
use crate::{OnlineStore, ReadRequest};

/// Every row that was written is read under its key, byte for byte.
///
/// # Errors
/// When the store does otherwise.
pub async fn what_is_written_is_read(store: &dyn OnlineStore) -> Result<(), Violation> {
    let keyspace = sample::empty(store, "written").await?;
    let rows = [
        ("b", 2, Some(3), "two"),
        ("a", -1, None, ""),
        ("", i64::MIN, Some(i64::MAX), "\0"),
        ("é\0", i64::MAX, Some(i64::MIN), "ü"),
    ];
    let written = write(store, &keyspace, &rows).await?;
    expect("a write counts its rows", written, summary(4, 0))?;
    for row in rows {
        let found = read(store, &keyspace, &[Some(row.0)]).await?;
        expect("what is written is read", found, vec![Some(bytes(row))])?;
    }
    let nothing = (store.write(&keyspace, &sample::keys(&[]), &sample::rows(&[]), None)).await?;
    expect("an empty write does nothing", nothing, summary(0, 0))
}

/// A key without a row, a row without a key, and a keyspace that does not exist are answered with nothing.
///
/// # Errors
/// When the store does otherwise.
pub async fn missing_rows_have_no_answer(store: &dyn OnlineStore) -> Result<(), Violation> {
    let keyspace = sample::empty(store, "missing").await?;
    let found = read(store, &keyspace, &[Some("a"), None]).await?;
    expect("a missing keyspace has no rows", found, vec![None, None])?;

    let keys = sample::keys(&[None, Some("a")]);
    let rows = sample::rows(&[("", 1, None, "lost"), ("a", 1, None, "x")]);
    let written = store.write(&keyspace, &keys, &rows, None).await?;
    expect(
        "a row without a key is not stored",
        (written.written, written.without_key),
        (1, 1),
    )?;

    let names = [None, Some("b"), Some("a"), Some("A"), Some("aa"), Some("")];
    let found = read(store, &keyspace, &names).await?;
    let a = Some(bytes(("a", 1, None, "x")));
    expect("a missing key has no row", found, vec![None, None, a, None, None, None])?;
    expect("no keys have no answers", read(store, &keyspace, &[]).await?, vec![])?;
    let nothing = store.read(&[]).await?;
    expect("no requests have no answers", nothing, vec![])
}

/// A key that comes several times in one request is answered each time, in its place.
///
/// # Errors
/// When the store does otherwise.
pub async fn duplicate_keys_are_each_answered(store: &dyn OnlineStore) -> Result<(), Violation> {
    let keyspace = sample::empty(store, "duplicates").await?;
    let (a, b) = (("a", 1, None, "x"), ("b", 2, Some(3), "y"));
    write(store, &keyspace, &[a, b]).await?;
    let names = [Some("b"), Some("b"), Some("a"), Some("b"), None, None, Some("b")];
    let found = read(store, &keyspace, &names).await?;
    let [a, b] = [Some(bytes(a)), Some(bytes(b))];
    let expected = vec![b.clone(), b.clone(), a, b.clone(), None, None, b];
    expect("duplicate keys are each answered", found, expected)
}

/// One read of several keyspaces is answered request by request, also when one comes twice or does not exist.
///
/// # Errors
/// When the store does otherwise.
pub async fn several_keyspaces_are_read_at_once(store: &dyn OnlineStore) -> Result<(), Violation> {
    let first = sample::empty(store, "several_first").await?;
    let second = sample::empty(store, "several_second").await?;
    let absent = sample::empty(store, "several_absent").await?;
    let (x, y) = (("a", 1, None, "x"), ("a", 2, None, "y"));
    write(store, &first, &[x]).await?;
    write(store, &second, &[y]).await?;
    let (a, ba) = (sample::keys(&[Some("a")]), sample::keys(&[Some("b"), Some("a")]));
    let request = |keyspace, keys| ReadRequest { keyspace, keys };
    let requests = [
        request(&second, &ba),
        request(&absent, &a),
        request(&first, &a),
        request(&second, &a),
    ];
    let found = store.read(&requests).await?;
    let [x, y] = [Some(bytes(x)), Some(bytes(y))];
    let expected = vec![vec![None, y.clone()], vec![None], vec![x], vec![y]];
    expect("several keyspaces are read at once", found, expected)
}

/// Keys and rows of any length are kept, and long keys that differ only at their end are kept apart.
///
/// # Errors
/// When the store does otherwise.
pub async fn long_keys_and_rows_are_kept(store: &dyn OnlineStore) -> Result<(), Violation> {
    let keyspace = sample::empty(store, "long").await?;
    // Around the limits of stores: 255, 511 and 512 bytes, and whole pages.
    let lengths = [
        240, 254, 255, 256, 490, 500, 504, 505, 506, 510, 511, 512, 600, 4_096, 65_536,
    ];
    let mut names = Vec::new();
    for length in lengths {
        names.extend(["x", "y"].map(|end| "k".repeat(length) + end));
    }
    let value = "v".repeat(1 << 20);
    let rows: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let value = if number % 7 == 0 {
                value.as_str()
            } else {
                &name[name.len() - 2..]
            };
            (name.as_str(), number as i64, None, value)
        })
        .collect();
    let written = write(store, &keyspace, &rows).await?;
    expect("long keys are kept apart", written, summary(rows.len() as u64, 0))?;
    let asked: Vec<_> = names.iter().map(|name| Some(name.as_str())).collect();
    let found = read(store, &keyspace, &asked).await?;
    let expected: Vec<_> = rows.iter().map(|row| Some(bytes(*row))).collect();
    if found != expected {
        let first = (0..rows.len()).find(|row| found.get(*row) != expected.get(*row));
        return expect("long keys and rows are kept; the first that differs", first, None);
    }

    let (name, newer) = (names[names.len() - 1].as_str(), 1_000);
    let again = [(name, newer, None, "newer"), (name, newer - 1, None, "older")];
    expect(
        "long keys are guarded",
        write(store, &keyspace, &again).await?,
        summary(1, 1),
    )?;
    expect(
        "long keys are guarded",
        write(store, &keyspace, &again[1..]).await?,
        summary(0, 1),
    )?;
    let found = read(store, &keyspace, &[Some(name)]).await?;
    expect("long keys are guarded", found, vec![Some(bytes(again[0]))])?;
    let scanned = store.scan(&keyspace).await?;
    expect("long keys are scanned", scanned.len(), rows.len())?;
    expect(
        "a keyspace with long keys is removed",
        store.delete_keyspace(&keyspace).await?,
        rows.len() as u64,
    )?;
    expect(
        "a keyspace with long keys is removed",
        read(store, &keyspace, &[Some(name)]).await?,
        vec![None],
    )
}

/// Thousands of rows, written in several calls that overlap, are all kept.
///
/// # Errors
/// When the store does otherwise.
pub async fn many_rows_are_kept(store: &dyn OnlineStore) -> Result<(), Violation> {
    const ROWS: i64 = 4_000;
    let keyspace = sample::empty(store, "many").await?;
    let names: Vec<_> = (0..ROWS).map(|number| format!("entity {number}")).collect();
    let row = |number: i64| {
        let name = names[number as usize].as_str();
        (name, number, None, name)
    };
    for start in (0..ROWS).step_by(900) {
        let rows: Vec<_> = (start..(start + 1_000).min(ROWS)).map(row).collect();
        write(store, &keyspace, &rows).await?;
    }
    let asked: Vec<_> = names.iter().rev().map(|name| Some(name.as_str())).collect();
    let found = read(store, &keyspace, &asked).await?;
    let expected: Vec<_> = (0..ROWS).rev().map(|number| Some(bytes(row(number)))).collect();
    let first = (0..expected.len()).find(|row| found.get(*row) != expected.get(*row));
    expect("many rows are kept; the first that differs", first, None)?;
    let infos = store.keyspaces().await?;
    let info = infos.into_iter().find(|info| info.keyspace == keyspace);
    let counted = info.map(|info| info.rows);
    expect("rows are counted", counted, Some(ROWS as u64))
}
