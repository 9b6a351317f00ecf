//! From LMDB's errors to Asof's.

use std::io;
use std::path::Path;

use heed::MdbError;

use crate::OnlineError;

/// The code of an input or output error, the same on every Unix.
const EIO: i32 = 5;

/// The error of a file operation on the store at `path`.
pub(super) fn of_io(path: &Path, source: io::Error) -> OnlineError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => OnlineError::Denied { path, source },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => OnlineError::Full {
            path,
            problem: source.to_string(),
        },
        _ => OnlineError::Io { path, source },
    }
}

/// The error of LMDB on the store at `path`.
pub(super) fn of_heed(path: &Path, error: heed::Error) -> OnlineError {
    match error {
        // LMDB reads through its memory map, so this comes from a write that came up short.
        heed::Error::Io(source) if source.raw_os_error() == Some(EIO) => OnlineError::Full {
            path: path.to_owned(),
            problem: "a write came up short; the disk is full or fails".to_owned(),
        },
        heed::Error::Io(source) => of_io(path, source),
        heed::Error::Mdb(error) => of_lmdb(path, error),
        heed::Error::EnvAlreadyOpened => OnlineError::Busy {
            path: path.to_owned(),
            problem: "this process has it open in another way".to_owned(),
        },
        error @ (heed::Error::Encoding(_) | heed::Error::Decoding(_)) => OnlineError::Io {
            path: path.to_owned(),
            source: io::Error::other(error.to_string()),
        },
    }
}

fn of_lmdb(path: &Path, error: MdbError) -> OnlineError {
    let path = path.to_owned();
    match error {
        MdbError::Corrupted
        | MdbError::PageNotFound
        | MdbError::Panic
        | MdbError::Problem
        | MdbError::CursorFull
        | MdbError::PageFull => OnlineError::Damaged {
            path,
            problem: error.to_string(),
        },
        MdbError::Invalid | MdbError::VersionMismatch | MdbError::Incompatible => OnlineError::Foreign {
            path,
            reason: "its data.mdb is no LMDB file of a version that is known here, or is damaged".to_owned(),
        },
        MdbError::MapFull => OnlineError::Full {
            path,
            problem: "its memory map is full".to_owned(),
        },
        MdbError::TxnFull => OnlineError::Full {
            path,
            problem: "one write changes too much; write fewer rows at once".to_owned(),
        },
        MdbError::ReadersFull => OnlineError::Busy {
            path,
            problem: "too many reads at the same time".to_owned(),
        },
        MdbError::MapResized => OnlineError::Busy {
            path,
            problem: "another process made it larger than this one can map; start this one again".to_owned(),
        },
        error => OnlineError::Io {
            path,
            source: io::Error::other(error.to_string()),
        },
    }
}

/// The store at `path` holds bytes that nothing of this format writes.
pub(super) fn damaged(path: &Path, problem: impl Into<String>) -> OnlineError {
    OnlineError::Damaged {
        path: path.to_owned(),
        problem: problem.into(),
    }
}
