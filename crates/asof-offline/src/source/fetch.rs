//! Bytes of a file, asked for ahead by ranges, so that decoding never waits for a store.
//!
//! What an object store holds is downloaded: ranges that lie near each other in one request, several requests at
//! once. A file of this machine is only opened and its ranges are announced to the system, which loads them while
//! something else is decoded; each page is then read into a small buffer of its own just before it is decoded. That
//! way a page is still in the processor's cache when it is taken apart, no memory for whole column chunks is touched,
//! and pages that are skipped are never copied.
//!
//! Either way it is checked that the bytes are of the file that was listed.

mod local;
mod pieces;
mod remote;

use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use object_store::ObjectStore;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use self::local::{LocalFile, LocalRead};
use self::pieces::{Pieces, coalesce};
use super::location::ListedFile;
use crate::OfflineError;

/// A page's header fits, so that it costs one read.
const HEADER_BYTES: usize = 1 << 10;

/// Makes some ranges of a file ready to be decoded. They may come in any order and overlap.
///
/// # Errors
/// When the file cannot be read, or is not the one that was listed.
pub(crate) async fn fetch(
    store: &Arc<dyn ObjectStore>,
    file: &ListedFile,
    ranges: &[Range<u64>],
) -> Result<FetchedRanges, OfflineError> {
    if let Some(path) = &file.local {
        let ranges = coalesce(ranges, local::NEAR);
        let opened = local::open(path.clone(), file.clone(), ranges).await?;
        return Ok(FetchedRanges {
            file_size: file.meta.size,
            content: Content::Local(Arc::new(opened)),
        });
    }
    let pieces = remote::download(store, file, &coalesce(ranges, remote::NEAR)).await?;
    Ok(FetchedRanges {
        file_size: file.meta.size,
        content: Content::Memory(pieces),
    })
}

/// Reads one range of a file at once.
///
/// # Errors
/// When the file cannot be read, or is not the one that was listed.
pub(super) async fn read_now(
    store: &Arc<dyn ObjectStore>,
    file: &ListedFile,
    range: Range<u64>,
) -> Result<Bytes, OfflineError> {
    match &file.local {
        Some(path) => local::read(path.clone(), file.clone(), range).await,
        None => remote::piece(store, file, range).await,
    }
}

/// Ranges of a file that can be decoded. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct FetchedRanges {
    content: Content,
    file_size: u64,
}

#[derive(Debug, Clone)]
enum Content {
    Memory(Pieces),
    Local(Arc<LocalFile>),
}

impl FetchedRanges {
    /// How many bytes were downloaded, or for a file of this machine read so far.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.content {
            Content::Memory(pieces) => pieces.bytes(),
            Content::Local(file) => file.bytes_read(),
        }
    }

    /// Checks that the file is still the one that was listed, after all of it that is wanted was decoded.
    ///
    /// # Errors
    /// When a file of this machine was written to meanwhile, so that what was decoded may be of two contents.
    pub(crate) fn verify(&self) -> Result<(), OfflineError> {
        match &self.content {
            Content::Memory(_) => Ok(()),
            Content::Local(file) => file.verify(),
        }
    }
}

impl Length for FetchedRanges {
    fn len(&self) -> u64 {
        self.file_size
    }
}

impl ChunkReader for FetchedRanges {
    type T = RangeRead;

    fn get_read(&self, start: u64) -> Result<RangeRead> {
        match &self.content {
            Content::Memory(pieces) => Ok(RangeRead::Memory(
                pieces.from(start).ok_or_else(|| missing(start, 1))?.reader(),
            )),
            Content::Local(file) => {
                let read = file.read_from(start).ok_or_else(|| missing(start, 1))?;
                Ok(RangeRead::Local(BufReader::with_capacity(HEADER_BYTES, read)))
            }
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match &self.content {
            Content::Memory(pieces) => pieces.get(start, length).ok_or_else(|| missing(start, length)),
            Content::Local(file) => match file.bytes(start, length) {
                None => Err(missing(start, length)),
                Some(bytes) => Ok(bytes?),
            },
        }
    }
}

fn missing(start: u64, length: usize) -> ParquetError {
    ParquetError::General(format!(
        "its footer leads to {length} bytes at {start} that belong to no column chunk"
    ))
}

/// Reads on from a place of a file.
#[derive(Debug)]
pub(crate) enum RangeRead {
    Memory(Reader<Bytes>),
    Local(BufReader<LocalRead>),
}

impl Read for RangeRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(read) => read.read(buffer),
            Self::Local(read) => read.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests;
