//! A file on this machine that many threads read at once, each at its own place.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use xxhash_rust::xxh3::Xxh3;

use crate::OfflineError;

/// Bytes read at once where a file is read from one end to the other.
const BLOCK: usize = 1 << 18;

/// An open file. It stays the same file when another takes its name; when it is written to, reads fail.
#[derive(Debug, Clone)]
pub(super) struct LocalFile(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    file: File,
    /// Its name in errors.
    name: String,
    size: u64,
    modified: Option<SystemTime>,
}

impl LocalFile {
    pub(super) fn open(path: &Path) -> Result<Self, OfflineError> {
        let failed = |error| OfflineError::File { error };
        let file = fs_err::File::open(path).map_err(failed)?;
        // A folder can be opened as a file, and fails at the first read with a text that helps nobody.
        if file.metadata().map_err(failed)?.is_dir() {
            let folder = std::io::Error::from(std::io::ErrorKind::IsADirectory);
            let error = std::io::Error::new(folder.kind(), format!("`{}`: {folder}", path.display()));
            return Err(OfflineError::File { error });
        }
        Self::of(file.into_file(), path.display().to_string())
    }

    /// A file that is open already; `name` is for errors.
    pub(super) fn of(file: File, name: String) -> Result<Self, OfflineError> {
        let metadata = file.metadata().map_err(|error| OfflineError::File { error })?;
        Ok(Self(Arc::new(Opened {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            file,
            name,
        })))
    }

    /// Its name in errors.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// Fails when the file was written to since it was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), OfflineError> {
        let now = self.0.file.metadata().map_err(|error| OfflineError::File { error })?;
        if now.len() == self.0.size && now.modified().ok() == self.0.modified {
            Ok(())
        } else {
            Err(OfflineError::SpineChanged {
                file: self.0.name.clone(),
            })
        }
    }

    /// A reader from `start` on.
    pub(super) fn from(&self, start: u64) -> FileFrom {
        FileFrom {
            file: self.clone(),
            at: start,
        }
    }

    /// A hash of all bytes of the file.
    pub(super) fn hash(&self) -> Result<u128, OfflineError> {
        let mut hash = Xxh3::new();
        let mut reader = self.from(0);
        let mut block = vec![0; BLOCK];
        loop {
            match reader.read(&mut block).map_err(|error| OfflineError::File { error })? {
                0 => break,
                read => hash.update(&block[..read]),
            }
        }
        self.check_unchanged()?;
        Ok(hash.digest128())
    }

    pub(super) fn unreadable(&self, error: ParquetError) -> OfflineError {
        OfflineError::Parquet {
            file: self.0.name.clone(),
            error,
        }
    }
}

/// Reads a file from a position on, whatever others read of it meanwhile.
#[derive(Debug)]
pub(super) struct FileFrom {
    file: LocalFile,
    at: u64,
}

impl Read for FileFrom {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = read_at(&self.file.0.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

impl Length for LocalFile {
    fn len(&self) -> u64 {
        self.0.size
    }
}

impl ChunkReader for LocalFile {
    type T = BufReader<FileFrom>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(self.from(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let mut bytes = vec![0; length];
        self.from(start).read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}
