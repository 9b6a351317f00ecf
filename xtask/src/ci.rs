//! `cargo xtask ci`: everything, in the order in which continuous integration wants it. `.ci/run` calls this.

use anyhow::Result;

use crate::test;
use crate::workspace::Workspace;

/// Runs all steps of `cargo xtask test`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    test::run(workspace, &test::Arguments::default())
}
