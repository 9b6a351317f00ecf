//! The checks that every online store passes, one function per rule of [`OnlineStore`].
//!
//! Each check works in keyspaces of its own, which it empties first, so that checks may share a store and be run
//! again. A store that breaks a rule gets a [`Violation`] that says which.

mod guard;
mod keyspaces;
mod reading;
mod sample;
mod whole;

use std::fmt;
use std::sync::Arc;

pub use guard::{
    a_missing_created_time_is_lowest, an_earlier_row_is_passed_over, an_equal_row_replaces,
    concurrent_writers_end_with_the_last_row, created_time_breaks_ties,
    the_last_row_of_one_write_wins_wherever_it_stands,
};
pub use keyspaces::{
    a_keyspace_made_anew_does_not_continue, a_removed_keyspace_is_gone, a_scan_gives_each_row_once,
    keyspaces_are_apart, keyspaces_are_listed,
};
pub use reading::{
    duplicate_keys_are_each_answered, long_keys_and_rows_are_kept, many_rows_are_kept, missing_rows_have_no_answer,
    several_keyspaces_are_read_at_once, what_is_written_is_read,
};
pub use whole::{a_refused_write_stores_nothing, rows_survive_reopening};

use crate::{OnlineError, OnlineStore};

/// A rule that a store broke, or an error where there should be none.
#[derive(Debug, thiserror::Error)]
pub enum Violation {
    /// The store gave an error.
    #[error(transparent)]
    Store(#[from] OnlineError),
    /// The store gave another answer than the rule wants.
    #[error("{rule}: expected {expected}, found {found}")]
    Rule {
        /// The rule.
        rule: &'static str,
        /// What it wants.
        expected: String,
        /// What the store gave.
        found: String,
    },
}

/// Holds when both are equal.
fn expect<T: PartialEq + fmt::Debug>(rule: &'static str, found: T, expected: T) -> Result<(), Violation> {
    if found == expected {
        return Ok(());
    }
    Err(Violation::Rule {
        rule,
        expected: format!("{expected:?}"),
        found: format!("{found:?}"),
    })
}

/// Runs every check on the store that `open` opens. Each call of `open` must open the same store.
///
/// # Errors
/// The first violation.
pub async fn check_all(open: impl AsyncFn() -> Result<Arc<dyn OnlineStore>, OnlineError>) -> Result<(), Violation> {
    let store = open().await?;
    let store = &*store;
    store.ping().await?;
    what_is_written_is_read(store).await?;
    missing_rows_have_no_answer(store).await?;
    duplicate_keys_are_each_answered(store).await?;
    several_keyspaces_are_read_at_once(store).await?;
    long_keys_and_rows_are_kept(store).await?;
    many_rows_are_kept(store).await?;
    an_earlier_row_is_passed_over(store).await?;
    an_equal_row_replaces(store).await?;
    created_time_breaks_ties(store).await?;
    a_missing_created_time_is_lowest(store).await?;
    the_last_row_of_one_write_wins_wherever_it_stands(store).await?;
    concurrent_writers_end_with_the_last_row(store).await?;
    keyspaces_are_apart(store).await?;
    keyspaces_are_listed(store).await?;
    a_keyspace_made_anew_does_not_continue(store).await?;
    a_removed_keyspace_is_gone(store).await?;
    a_scan_gives_each_row_once(store).await?;
    a_refused_write_stores_nothing(store).await?;
    rows_survive_reopening(open).await
}
