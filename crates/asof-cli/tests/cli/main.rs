//! The `asof` binary as a person or a script meets it.

mod basics;
mod flights;
mod starter;

use std::path::Path;

use asof_testkit::Asof;

/// The binary under test, run in `folder`.
fn asof(folder: impl AsRef<Path>) -> Asof {
    Asof::new(option_env!("CARGO_BIN_EXE_asof"), folder).expect("the binary is built with its tests")
}
