//! The commit that a folder is at, asked from the `git` command.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::GitState;

/// The git commit that `folder` is at, and whether anything in `folder` differs from it (files that git does not
/// know and does not ignore count).
///
/// `None` when there is no `git`, the folder is in no repository, or there is no commit yet.
pub async fn git_state(folder: &Path) -> Option<GitState> {
    let commit = git(folder, &["rev-parse", "--verify", "--quiet", "HEAD"]).await?;
    let changes = git(
        folder,
        &["status", "--porcelain", "--untracked-files=normal", "--", "."],
    )
    .await?;
    Some(GitState {
        commit: commit.trim().to_owned(),
        dirty: !changes.trim().is_empty(),
    })
}

async fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        // Looking must not take the lock that somebody's commit needs.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .await
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}
