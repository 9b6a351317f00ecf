//! Ranges of a file of this machine, read when they are decoded.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::pieces::holding;
use crate::OfflineError;
use crate::error::ReadError;
use crate::source::location::ListedFile;

/// Announcing a range costs little: only what is nearly adjacent is announced as one.
pub(super) const NEAR: u64 = 64 << 10;

/// An open file, with the ranges that are wanted of it.
#[derive(Debug)]
pub(crate) struct LocalFile {
    file: Arc<File>,
    listed: ListedFile,
    /// Sorted and disjoint.
    wanted: Vec<Range<u64>>,
    /// Bytes read so far.
    read: Arc<AtomicU64>,
}

/// Opens the file and announces sorted, disjoint ranges of it to the system.
pub(super) async fn open(
    path: PathBuf,
    listed: ListedFile,
    wanted: Vec<Range<u64>>,
) -> Result<LocalFile, OfflineError> {
    let open = move || {
        let opened = LocalFile::open(&path, listed, wanted)?;
        for range in &opened.wanted {
            announce(&opened.file, range);
        }
        opened.verify()?;
        Ok(opened)
    };
    spawn_blocking(open)
        .await
        .unwrap_or_else(|error| Err(OfflineError::interrupted(&error)))
}

/// Reads one range of the file.
pub(super) async fn read(path: PathBuf, listed: ListedFile, range: Range<u64>) -> Result<Bytes, OfflineError> {
    let read = move || {
        let opened = LocalFile::open(&path, listed, Vec::new())?;
        let length = usize::try_from(range.end - range.start).expect("what is read at once is small");
        let mut buffer = vec![0; length];
        let read = read_exact_at(&opened.file, &mut buffer, range.start);
        opened.verify()?;
        read.map_err(|error| unreadable(&opened.listed.path, error))?;
        Ok(buffer.into())
    };
    spawn_blocking(read)
        .await
        .unwrap_or_else(|error| Err(OfflineError::interrupted(&error)))
}

fn unreadable(path: &str, error: io::Error) -> OfflineError {
    OfflineError::Read {
        file: path.to_owned(),
        error: ReadError::Io(error),
    }
}

/// Lets the system load a range while something else is done. Where it cannot, the first read loads it.
#[cfg(target_os = "linux")]
fn announce(file: &File, range: &Range<u64>) {
    let length = std::num::NonZeroU64::new(range.end - range.start);
    // It is advice: whoever does not take it loses nothing but time.
    let _ = rustix::fs::fadvise(file, range.start, length, rustix::fs::Advice::WillNeed);
}

#[cfg(not(target_os = "linux"))]
fn announce(_: &File, _: &Range<u64>) {}

impl LocalFile {
    fn open(path: &Path, listed: ListedFile, wanted: Vec<Range<u64>>) -> Result<Self, OfflineError> {
        match fs_err::File::open(path) {
            Ok(file) => Ok(Self {
                file: Arc::new(file.into_file()),
                listed,
                wanted,
                read: Arc::default(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(listed.changed("it is gone")),
            Err(error) => Err(unreadable(&listed.path, error)),
        }
    }

    /// Checks that the open file has the size and the time of its last change that were listed.
    pub(super) fn verify(&self) -> Result<(), OfflineError> {
        let listed = &self.listed;
        let found = self.file.metadata().map_err(|error| unreadable(&listed.path, error))?;
        if found.len() != listed.meta.size {
            return Err(listed.changed(&format!("it had {} bytes and has {}", listed.meta.size, found.len())));
        }
        match found.modified() {
            Ok(modified) if modified != SystemTime::from(listed.meta.last_modified) => {
                Err(listed.changed("it was written to"))
            }
            _ => Ok(()),
        }
    }

    /// How many bytes were read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// The `length` bytes at `start`; nothing if they were not asked for.
    pub(super) fn bytes(&self, start: u64, length: usize) -> Option<io::Result<Bytes>> {
        if length == 0 {
            return Some(Ok(Bytes::new()));
        }
        let wanted = &self.wanted[holding(&self.wanted, start)?];
        if start.checked_add(length as u64)? > wanted.end {
            return None;
        }
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        let mut buffer = vec![0; length];
        Some(read_exact_at(&self.file, &mut buffer, start).map(|()| buffer.into()))
    }

    /// Reads on from `start`; nothing if that was not asked for.
    pub(super) fn read_from(&self, start: u64) -> Option<LocalRead> {
        let wanted = &self.wanted[holding(&self.wanted, start)?];
        Some(LocalRead {
            file: Arc::clone(&self.file),
            at: start,
            end: wanted.end,
            read: Arc::clone(&self.read),
        })
    }
}

/// Reads a range from its beginning.
#[derive(Debug)]
pub(crate) struct LocalRead {
    file: Arc<File>,
    at: u64,
    end: u64,
    read: Arc<AtomicU64>,
}

impl Read for LocalRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let read = read_at(&self.file, &mut buffer[..length], self.at)?;
        self.at += read as u64;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

fn read_exact_at(file: &File, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match read_at(file, buffer, at) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends too early")),
            Ok(read) => {
                buffer = &mut buffer[read..];
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
