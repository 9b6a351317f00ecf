//! A file shorter than its pages: reading a page that is not there would kill the process.
//!
//! LMDB leaves the file short in one harmless case: pages at its end that one write took and gave back are never
//! written, and only become readable when the file grows past them. A file that was cut off looks the same from
//! outside, so the two are told apart by reading everything, with zeros where the file ended.

use std::path::Path;

use asof_model::row::stored_order;
use heed::types::Bytes as Raw;
use heed::{CommitOrAbort, RwTxn};

use super::database::Env;
use super::{bucket, fault, place};
use crate::OnlineError;

/// Lengthens a file that is short without harm, and refuses one that was cut off.
pub(super) fn check(path: &Path, env: &Env) -> Result<(), OnlineError> {
    let of_heed = |error| fault::of_heed(path, error);
    if missing(env).map_err(of_heed)?.is_none() {
        return Ok(());
    }
    // Nobody else may write while the file is looked at.
    let mut txn = env.write_txn().map_err(of_heed)?;
    let Some((found, expected)) = missing(env).map_err(of_heed)? else {
        return Ok(());
    };
    let file = env.try_clone_inner_file().map_err(of_heed)?;
    file.set_len(expected).map_err(|error| fault::of_io(path, error))?;
    // LMDB writes whole pages: a part of one is the mark of a cut.
    let page_size = u64::from(env.unnamed_database_stat().page_size);
    if found.is_multiple_of(page_size) && is_whole(env, &mut txn) {
        return Ok(());
    }
    file.set_len(found).map_err(|error| fault::of_io(path, error))?;
    let problem = format!("its data.mdb has {found} bytes instead of {expected}");
    Err(fault::damaged(path, problem))
}

/// The bytes of the file and those of its pages, when the file has fewer.
fn missing(env: &Env) -> heed::Result<Option<(u64, u64)>> {
    let pages = env.info().last_page_number as u64 + 1;
    let page_size = u64::from(env.unnamed_database_stat().page_size);
    let expected = pages.saturating_mul(page_size);
    let found = env.real_disk_size()?;
    Ok((found < expected).then_some((found, expected)))
}

/// Whether everything that can be reached can be read. Changes something in the transaction, which must not be committed.
fn is_whole(env: &Env, txn: &mut RwTxn<'_>) -> bool {
    let opened = env.read_txn().and_then(|txn| {
        env.open_databases_and_commit(txn, |opener, txn| {
            let database = opener.open_database::<Raw, Raw>(txn, None);
            database.map(CommitOrAbort::<_, ()>::Commit)
        })
    });
    let Ok(CommitOrAbort::Commit(Some(database))) = opened else {
        return false;
    };
    // Rows do not lead to LMDB's own list of unused pages; a change does.
    if database.put(txn, place::FORMAT, b"looks for a page").is_err() {
        return false;
    }
    let Ok(mut entries) = database.iter(txn) else {
        return false;
    };
    entries.all(|entry| match entry {
        Ok((key, value)) => match place::kind(key) {
            Some(place::Kind::Row) => stored_order(value).is_ok(),
            Some(place::Kind::Bucket) => bucket::entries(value).is_ok_and(|entries| {
                !entries.is_empty() && entries.iter().all(|entry| stored_order(entry.row).is_ok())
            }),
            Some(place::Kind::Own) => !value.is_empty(),
            None => false,
        },
        Err(_) => false,
    })
}
