//! `cargo xtask ci`: everything that continuous integration checks, in order. Today that is all of `cargo xtask test`,
//! which is what `.ci/run` calls in its own environment.

use anyhow::Result;

use crate::test;
use crate::workspace::Workspace;

/// Runs all steps of `cargo xtask test`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    test::run(workspace, &test::Arguments::default())
}
