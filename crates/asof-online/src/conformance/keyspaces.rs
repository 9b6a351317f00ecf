//! Keyspaces are apart, are listed, and can be removed and scanned.

use asof_model::Keyspace;

use super::sample::{self, bytes, read, write};
use super::{Violation, expect};
use crate::{KeyspaceInfo, OnlineStore, StoredRow};

/// The same key has another row in another project, view or definition.
///
/// # Errors
/// When the store does otherwise.
pub async fn keyspaces_are_apart(store: &dyn OnlineStore) -> Result<(), Violation> {
    let mut project = sample::named("apart", 4);
    project.project = "conformance2".parse().expect("this is a name");
    let keyspaces = [
        sample::named("apart", 4),
        sample::named("apart", 2),
        sample::named("apart", u64::MAX),
        sample::named("apart_too", 4),
        project,
    ];
    let values = ["0", "1", "2", "3", "4"];
    let row = |number: usize| ("a", -(number as i64), None, values[number]);
    for keyspace in &keyspaces {
        store.delete_keyspace(keyspace).await?;
    }
    for (number, keyspace) in keyspaces.iter().enumerate() {
        write(store, keyspace, &[row(number)]).await?;
    }
    for (number, keyspace) in keyspaces.iter().enumerate() {
        let found = read(store, keyspace, &[Some("a")]).await?;
        expect("keyspaces are apart", found, vec![Some(bytes(row(number)))])?;
    }
    Ok(())
}

async fn listed(store: &dyn OnlineStore, keyspace: &Keyspace) -> Result<Option<u64>, Violation> {
    Ok(info(store, keyspace).await?.map(|info| info.rows))
}

async fn info(store: &dyn OnlineStore, keyspace: &Keyspace) -> Result<Option<KeyspaceInfo>, Violation> {
    let infos = store.keyspaces().await?;
    let sorted = infos.is_sorted_by_key(|info| info.keyspace.to_string());
    expect("keyspaces are listed by name", sorted, true)?;
    let mut found = infos.into_iter().filter(|info| info.keyspace == *keyspace);
    let info = found.next();
    expect("a keyspace is listed once", found.count(), 0)?;
    Ok(info)
}

/// A keyspace is listed with its rows from its first write to its removal.
///
/// # Errors
/// When the store does otherwise.
pub async fn keyspaces_are_listed(store: &dyn OnlineStore) -> Result<(), Violation> {
    let keyspace = sample::empty(store, "listed").await?;
    expect(
        "a keyspace without writes is not listed",
        listed(store, &keyspace).await?,
        None,
    )?;
    write(
        store,
        &keyspace,
        &[("a", 1, None, "x"), ("b", 1, None, "x"), ("a", 2, None, "y")],
    )
    .await?;
    expect("a key counts once", listed(store, &keyspace).await?, Some(2))?;
    write(
        store,
        &keyspace,
        &[("b", 0, None, "late"), ("a", 3, None, "z"), ("c", 1, None, "x")],
    )
    .await?;
    expect("only new keys are counted", listed(store, &keyspace).await?, Some(3))?;
    store.delete_keyspace(&keyspace).await?;
    expect(
        "a removed keyspace is not listed",
        listed(store, &keyspace).await?,
        None,
    )
}

/// A keyspace goes on as long as it is not removed, each advance is later than the one before, and one made anew does
/// not continue the one that was there.
///
/// # Errors
/// When the store does otherwise.
pub async fn a_keyspace_made_anew_does_not_continue(store: &dyn OnlineStore) -> Result<(), Violation> {
    let keyspace = sample::empty(store, "lives").await?;
    write(store, &keyspace, &[("a", 1, None, "x")]).await?;
    let first = store.advance(&keyspace).await?;
    write(store, &keyspace, &[("a", 2, None, "y")]).await?;
    let second = store.advance(&keyspace).await?;
    expect("an advance continues", second.continues(first), true)?;
    expect("an advance is later", first.continues(second), false)?;
    let known = info(store, &keyspace).await?.map(|info| info.life);
    expect("a life is listed", known, Some(second))?;

    store.delete_keyspace(&keyspace).await?;
    let empty = store.advance(&keyspace).await?;
    expect("a keyspace made anew does not continue", empty.continues(first), false)?;
    expect(
        "an advance makes a keyspace",
        info(store, &keyspace).await?.map(|info| (info.rows, info.life)),
        Some((0, empty)),
    )
}

/// A removed keyspace has no rows, not even when it is written to again; its neighbours keep theirs.
///
/// # Errors
/// When the store does otherwise.
pub async fn a_removed_keyspace_is_gone(store: &dyn OnlineStore) -> Result<(), Violation> {
    let rule = "a removed keyspace is gone";
    let [before, removed, after] = [2, 3, 4].map(|fingerprint| sample::named("removed", fingerprint));
    let rows = [("a", 5, None, "x"), ("b", 5, None, "y")];
    for keyspace in [&before, &removed, &after] {
        store.delete_keyspace(keyspace).await?;
        write(store, keyspace, &rows).await?;
    }
    expect(rule, store.delete_keyspace(&removed).await?, 2)?;
    expect(rule, store.delete_keyspace(&removed).await?, 0)?;
    expect(
        rule,
        read(store, &removed, &[Some("a"), Some("b")]).await?,
        vec![None, None],
    )?;
    expect(rule, store.scan(&removed).await?, vec![])?;

    // An earlier row than the one removed: nothing is left that could hold it back.
    let again = ("a", 1, None, "again");
    write(store, &removed, &[again]).await?;
    expect(
        rule,
        read(store, &removed, &[Some("a"), Some("b")]).await?,
        vec![Some(bytes(again)), None],
    )?;
    for keyspace in [&before, &after] {
        let found = read(store, keyspace, &[Some("a"), Some("b")]).await?;
        expect(
            "the neighbours of a removed keyspace stay",
            found,
            vec![Some(bytes(rows[0])), Some(bytes(rows[1]))],
        )?;
    }
    Ok(())
}

/// A scan gives every row of its keyspace once, and those of no other.
///
/// # Errors
/// When the store does otherwise.
pub async fn a_scan_gives_each_row_once(store: &dyn OnlineStore) -> Result<(), Violation> {
    let keyspace = sample::empty(store, "scanned").await?;
    let other = sample::empty(store, "scanned_other").await?;
    expect(
        "a missing keyspace has nothing to scan",
        store.scan(&keyspace).await?,
        vec![],
    )?;
    let long = "k".repeat(2_000);
    let rows = [
        ("b", 1, None, "x"),
        (long.as_str(), 2, Some(1), "y"),
        ("a", 3, None, "z"),
    ];
    write(store, &other, &[("c", 1, None, "other")]).await?;
    write(store, &keyspace, &rows).await?;
    write(store, &keyspace, &rows).await?;
    let mut found = store.scan(&keyspace).await?;
    found.sort();
    let mut expected: Vec<_> = rows
        .iter()
        .map(|row| StoredRow {
            key: sample::keys(&[Some(row.0)]).get(0).unwrap_or_default().to_vec().into(),
            row: bytes(*row),
        })
        .collect();
    expected.sort();
    expect("a scan gives each row once", found, expected)
}
