//! The codecs of keys and rows: their bytes, the way back, and bytes that are neither.

#![expect(clippy::unwrap_used, reason = "a test whose ground gives way has failed")]

mod columns;
mod hostile;
mod key_bytes;
mod keys;
mod row_bytes;
mod rows;

use proptest::test_runner::Config;

/// Few cases by default, so that a run takes seconds; `PROPTEST_CASES` asks for more.
fn cases() -> Config {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    Config {
        cases: cases.unwrap_or(96),
        failure_persistence: None,
        ..Config::default()
    }
}
