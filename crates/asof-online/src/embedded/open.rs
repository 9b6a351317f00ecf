//! Opening the folder: finding out what is there before anything is changed.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use heed::{EnvOpenOptions, WithoutTls};
use parking_lot::Mutex;

use super::database::{DATA, Database, Env};
use super::{fault, length};
use crate::OnlineError;

/// The address space that is set aside: 1 TiB. The file only grows as rows come; this is how far it can.
pub(super) const MAP_SIZE: usize = 1 << 40;

/// Where the system grants less address space than [`MAP_SIZE`], less is tried down to this: 1 GiB.
const LEAST_MAP_SIZE: usize = 1 << 30;

/// Reads that can go on at the same time, in all processes together.
const READERS: u32 = 1024;

/// How long the last user of a folder in this process may take to close it.
const CLOSING: Duration = Duration::from_secs(30);

/// What is open in this process: LMDB forbids to open one folder twice.
static OPENED: LazyLock<Mutex<HashMap<PathBuf, Weak<Database>>>> = LazyLock::new(Mutex::default);

pub(super) fn open(path: &Path, map_size: usize) -> Result<Arc<Database>, OnlineError> {
    fs_err::create_dir_all(path).map_err(|error| not_a_folder(path, error))?;
    check_folder(path)?;
    let path = fs_err::canonicalize(path).map_err(|error| fault::of_io(path, error))?;
    let mut opened = OPENED.lock();
    if let Some(database) = opened.get(&path).and_then(Weak::upgrade) {
        database.check_in_place()?;
        return Ok(database);
    }
    let env = open_env(&path, map_size)?;
    length::check(&path, &env)?;
    // Processes that died while they read would keep their pages from being used again.
    env.clear_stale_readers()
        .map_err(|error| fault::of_heed(&path, error))?;
    let database = Arc::new(Database::new(path.clone(), env)?);
    opened.retain(|_, database| database.strong_count() > 0);
    opened.insert(path, Arc::downgrade(&database));
    Ok(database)
}

fn not_a_folder(path: &Path, error: io::Error) -> OnlineError {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => OnlineError::Foreign {
            path: path.to_owned(),
            reason: "it is a file, or lies below one".to_owned(),
        },
        _ => fault::of_io(path, error),
    }
}

/// Refuses a folder that is used for something else, so that no files of ours end up among others.
fn check_folder(path: &Path) -> Result<(), OnlineError> {
    let mut other = None;
    for entry in fs_err::read_dir(path).map_err(|error| fault::of_io(path, error))? {
        let name = entry.map_err(|error| fault::of_io(path, error))?.file_name();
        if name == DATA {
            return Ok(());
        }
        if name != "lock.mdb" {
            other = Some(name);
        }
    }
    match other {
        None => Ok(()),
        Some(name) => Err(OnlineError::Foreign {
            path: path.to_owned(),
            reason: format!("the folder holds `{}` and no {DATA}", name.display()),
        }),
    }
}

fn open_env(path: &Path, map_size: usize) -> Result<Env, OnlineError> {
    let mut size = map_size;
    loop {
        match try_open_env(path, size) {
            Ok(env) => return Ok(env),
            Err(heed::Error::Io(error)) if error.kind() == io::ErrorKind::OutOfMemory && size > LEAST_MAP_SIZE => {
                size /= 2;
            }
            // Whoever had it open last is about to close it, in a thread that still works on it.
            Err(heed::Error::EnvAlreadyOpened) => {
                let closed = heed::env_closing_event(path).is_none_or(|event| event.wait_timeout(CLOSING));
                if !closed {
                    return Err(fault::of_heed(path, heed::Error::EnvAlreadyOpened));
                }
            }
            Err(error) => return Err(fault::of_heed(path, error)),
        }
    }
}

fn try_open_env(path: &Path, map_size: usize) -> heed::Result<Env> {
    let mut options: EnvOpenOptions<WithoutTls> = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_size).max_readers(READERS);
    #[expect(
        unsafe_code,
        reason = "LMDB maps the file, which the compiler cannot know to be left alone"
    )]
    // SAFETY: The folder is the store's own (checked above) and only LMDB, with its lock file in place and no flag
    // that turns locking off, writes to the files; that they lie on a local file system is asked for in the
    // documentation. The file is not shorter than its pages, or `length::check` repairs or refuses it before one is read.
    unsafe {
        options.open(path)
    }
}
