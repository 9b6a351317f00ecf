//! The law of no skew: the training set is what the oracle says, and the online answer is the training set.
//!
//! `ASOF_LAW_CASES` sets the number of random cases per property; a run without it takes a short form.
#![expect(clippy::unwrap_used, reason = "a case that cannot be brought to life fails the test")]

mod online;
mod rules;
mod subject;
mod training;
mod types;

use proptest::test_runner::{Config, FileFailurePersistence};

/// Whether this is the long form.
fn is_long() -> bool {
    std::env::var_os("ASOF_LAW_CASES").is_some()
}

/// Random cases per property: as told by the environment, else `short`.
fn config(short: u32) -> Config {
    let told = std::env::var("ASOF_LAW_CASES").ok().and_then(|text| text.parse().ok());
    Config {
        cases: told.unwrap_or(short),
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    }
}
