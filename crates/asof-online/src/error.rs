//! Why an online store does not do what it is asked.

use std::io;
use std::path::PathBuf;

use asof_model::ErrorKind;
use asof_model::row::RowError;

use crate::feast::FeastProblem;
use crate::redis::RedisProblem;

/// Why an online store does not do what it is asked. Names the store wherever it is known.
#[derive(Debug, thiserror::Error)]
pub enum OnlineError {
    /// A write with more keys than rows, or fewer.
    #[error("{keys} keys cannot be written with {rows} rows")]
    Lengths {
        /// How many keys there were.
        keys: usize,
        /// How many rows there were.
        rows: usize,
    },
    /// A write of bytes that are no row.
    #[error("row {row} of the write cannot be stored: {source}")]
    InvalidRow {
        /// The row's position in the write, from 0.
        row: usize,
        /// What is wrong with it.
        source: RowError,
    },
    /// The operating system refuses access.
    #[error(
        "no permission to use the online store at `{}`; its folder and files must be readable and writable",
        path.display()
    )]
    Denied {
        /// The store's folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The path is something else than an online store.
    #[error("`{}` is not an online store of asof: {reason}; choose another path", path.display())]
    Foreign {
        /// The path.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The store has a format that this version does not know.
    #[error(
        "the online store at `{}` has format {found}, this asof knows format {known}; use the asof that wrote it",
        path.display()
    )]
    Format {
        /// The store's folder.
        path: PathBuf,
        /// The store's format.
        found: u32,
        /// The format of this version.
        known: u32,
    },
    /// The store's files are damaged.
    #[error(
        "the online store at `{}` is damaged: {problem}; remove the folder and materialize again",
        path.display()
    )]
    Damaged {
        /// The store's folder.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// The store's files were removed or replaced while it was open.
    #[error(
        "the files of the online store at `{}` were removed or replaced while it was open; start this process again",
        path.display()
    )]
    Replaced {
        /// The store's folder.
        path: PathBuf,
    },
    /// There is no room left.
    #[error("no room is left for the online store at `{}`: {problem}", path.display())]
    Full {
        /// The store's folder.
        path: PathBuf,
        /// Which room.
        problem: String,
    },
    /// The store is used in a way that lets nobody else in for the moment.
    #[error("the online store at `{}` is busy: {problem}", path.display())]
    Busy {
        /// The store's folder.
        path: PathBuf,
        /// What stands in the way.
        problem: String,
    },
    /// Reading or writing the store's files went wrong in another way.
    #[error("the online store at `{}` cannot be used: {source}", path.display())]
    Io {
        /// The store's folder.
        path: PathBuf,
        /// What the operating system or the storage library says.
        source: io::Error,
    },
    /// The store in Redis does not do what it is asked.
    #[error("the online store at `{server}` {problem}")]
    Redis {
        /// The servers, without user and password.
        server: String,
        /// What is wrong.
        problem: RedisProblem,
    },
    /// The store is a Redis that Feast fills, and cannot do what it is asked.
    #[error("the online store at `{server}` {problem}")]
    Feast {
        /// The servers, without user and password.
        server: String,
        /// What is wrong.
        problem: Box<FeastProblem>,
    },
    /// The thread that did the work is gone.
    #[error("the work on the online store was cut short: {source}")]
    Task {
        /// Why.
        source: tokio::task::JoinError,
    },
}

impl OnlineError {
    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Lengths { .. } | Self::InvalidRow { .. } | Self::Foreign { .. } => ErrorKind::InvalidInput,
            Self::Denied { .. } => ErrorKind::Forbidden,
            Self::Full { .. } => ErrorKind::Exhausted,
            Self::Busy { .. } | Self::Replaced { .. } | Self::Io { .. } => ErrorKind::Unavailable,
            Self::Redis { problem, .. } => problem.kind(),
            Self::Feast { problem, .. } => problem.kind(),
            Self::Format { .. } | Self::Damaged { .. } | Self::Task { .. } => ErrorKind::Internal,
        }
    }
}
