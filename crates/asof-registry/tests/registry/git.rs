//! What git says about a folder.

use std::process::Command;

use asof_registry::git_state;

use super::*;

fn git(folder: &Path, arguments: &[&str]) {
    let identity = [
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.com",
        "-c",
        "commit.gpgsign=false",
    ];
    let status = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(identity)
        .args(arguments)
        .status()
        .expect("these tests need the `git` command");
    assert!(status.success(), "git {arguments:?}");
}

#[tokio::test]
async fn a_folder_has_a_commit_and_is_clean_or_dirty() {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("features");
    fs_err::create_dir_all(&repository).unwrap();
    assert_eq!(git_state(&folder.path().join("missing")).await, None);
    git(folder.path(), &["init", "--quiet"]);
    assert_eq!(git_state(&repository).await, None, "there is no commit yet");

    fs_err::write(repository.join("a.yaml"), "").unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "-m", "first"]);
    let clean = git_state(&repository).await.unwrap();
    assert_eq!((clean.commit.len(), clean.dirty), (40, false));

    // Only the folder itself counts, not the rest of the repository.
    fs_err::write(folder.path().join("elsewhere"), "").unwrap();
    assert_eq!(git_state(&repository).await, Some(clean.clone()));
    fs_err::write(repository.join("new.yaml"), "").unwrap();
    let dirty = git_state(&repository).await.unwrap();
    assert_eq!((&dirty.commit, dirty.dirty), (&clean.commit, true));

    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "-m", "second"]);
    let next = git_state(&repository).await.unwrap();
    assert!(next.commit != clean.commit && !next.dirty);
}
