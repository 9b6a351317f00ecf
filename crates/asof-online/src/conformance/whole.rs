//! A write is there whole, and stays, or is not there at all.

use std::sync::Arc;

use asof_model::row::EncodedRows;

use super::sample::{self, bytes, read, write};
use super::{Violation, expect};
use crate::{OnlineError, OnlineStore};

/// A write that is refused stores nothing: neither the good rows before a bad one, nor those after.
///
/// # Errors
/// When the store does otherwise.
pub async fn a_refused_write_stores_nothing(store: &dyn OnlineStore) -> Result<(), Violation> {
    let keyspace = sample::empty(store, "refused").await?;
    let good = sample::rows(&[("a", 1, None, "x")]);
    let good = good.get(0);
    let keys = sample::keys(&[Some("a"), Some("b"), Some("c")]);
    let cut = &good[..good.len().min(12)];
    for bad in [cut, &b""[..], &b"\xff not a row, but long enough to be one"[..]] {
        let rows: EncodedRows = [good, bad, good].into_iter().collect();
        let outcome = store.write(&keyspace, &keys, &rows, None).await;
        let refused = matches!(outcome, Err(OnlineError::InvalidRow { row: 1, .. }));
        expect("bytes that are no row are refused, with their place", refused, true)?;
    }
    let rows: EncodedRows = [good, good].into_iter().collect();
    let outcome = store.write(&keyspace, &keys, &rows, None).await;
    let refused = matches!(outcome, Err(OnlineError::Lengths { keys: 3, rows: 2 }));
    expect("keys without rows are refused", refused, true)?;
    let found = read(store, &keyspace, &[Some("a"), Some("b"), Some("c")]).await?;
    expect("a refused write stores nothing", found, vec![None, None, None])
}

/// What was written is there when the store is opened again, and still guards against earlier rows.
///
/// # Errors
/// When the store does otherwise.
pub async fn rows_survive_reopening(
    open: impl AsyncFn() -> Result<Arc<dyn OnlineStore>, OnlineError>,
) -> Result<(), Violation> {
    let (a, b) = (("a", 5, Some(6), "x"), ("b", 1, None, "y"));
    let store = open().await?;
    let keyspace = sample::empty(&*store, "reopened").await?;
    write(&*store, &keyspace, &[a, b]).await?;
    drop(store);

    let store = open().await?;
    let found = read(&*store, &keyspace, &[Some("a"), Some("b")]).await?;
    expect("rows survive reopening", found, vec![Some(bytes(a)), Some(bytes(b))])?;
    write(&*store, &keyspace, &[("a", 5, Some(5), "earlier")]).await?;
    drop(store);

    let store = open().await?;
    let found = read(&*store, &keyspace, &[Some("a")]).await?;
    expect("rows guard after reopening", found, vec![Some(bytes(a))])
}
