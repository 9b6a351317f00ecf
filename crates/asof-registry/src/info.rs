//! What is known about the making of a version.

use asof_model::Timestamp;

/// The state of the git repository that definitions lay in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitState {
    /// The commit that was checked out, in full.
    pub commit: String,
    /// Whether files of the folder differed from that commit, or were not in it.
    pub dirty: bool,
}

/// Who made a version, when, and why. The caller says all of it, the time too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyInfo {
    /// When it was made.
    pub time: Timestamp,
    /// Who made it.
    pub author: String,
    /// Why, in the author's words.
    pub message: Option<String>,
    /// Where the definitions came from; `None`: not from a git repository.
    pub git: Option<GitState>,
}
