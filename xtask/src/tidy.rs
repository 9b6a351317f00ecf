//! `cargo xtask tidy`: the rules of the house that a program can check.
//!
//! Every check takes plain values and gives a line per problem, `place: what is wrong; what to do`.

mod floors;
mod listing;
mod sources;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// Runs all checks and prints all problems.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let files = workspace.files()?;
    let mut problems = floors::check(&workspace.packages);
    problems.extend(listing::check(&files));
    for path in &files {
        // What is not text has no rules here.
        if let Ok(text) = String::from_utf8(fs_err::read(workspace.root.join(path))?) {
            problems.extend(sources::check(path, &text));
        }
    }
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        1 => bail!("1 thing is not tidy"),
        count => bail!("{count} things are not tidy"),
    }
}
