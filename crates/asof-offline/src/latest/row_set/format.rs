//! A set of rows as bytes, to be kept and read by others.
//!
//! # Layout, version 1
//!
//! Numbers are little-endian; a text is its length in 4 bytes, then its UTF-8 bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `ASOFROWS` |
//! | 4 | version, `1` |
//! | 4 | how many files, in the order of the source's rows, each once; for each: |
//! | text | its path |
//! | 8 | its length in bytes |
//! | 8 | when it was written last, in microseconds since the epoch, signed |
//! | 8 | how many rows it has |
//! | 1, text | `1` and the store's name for its content, or `0` alone |
//! | 4 | how many row groups, ascending, none without rows; for each: |
//! | 4 | its number in the file, from zero |
//! | 8, n | a length, then so many bytes: the numbers of its rows in the standard format of Roaring bitmaps |
//! | 8 | at the end of all: the XXH3 hash of all bytes before |

use std::collections::HashSet;
use std::sync::Arc;

use asof_model::Timestamp;
use roaring::RoaringBitmap;
use xxhash_rust::xxh3::xxh3_64;

use super::{FileRows, GroupRows, RowSet};
use crate::SourceFile;

const MAGIC: &[u8; 8] = b"ASOFROWS";
const VERSION: u32 = 1;

/// Why bytes are no set of rows, or none that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowSetError {
    /// They do not begin as one does.
    #[error("it is no set of rows; it does not begin with `ASOFROWS`")]
    NotRows,
    /// Their layout is of a later Asof.
    #[error("the set of rows has version {found}, of a later Asof; this one reads up to {VERSION}")]
    Version {
        /// The version.
        found: u32,
    },
    /// Some of them are missing, or are not what was written.
    #[error("the set of rows is damaged: {problem}")]
    Damaged {
        /// What is wrong.
        problem: &'static str,
    },
}

impl RowSet {
    /// As bytes, the same for equal sets that were found alike; see the head comment of `format`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        put_count(&mut bytes, self.files.len());
        for FileRows { file, groups } in &self.files {
            put_text(&mut bytes, &file.path);
            bytes.extend(file.size.to_le_bytes());
            bytes.extend(file.modified.micros().to_le_bytes());
            bytes.extend(file.rows.to_le_bytes());
            bytes.push(u8::from(file.e_tag.is_some()));
            if let Some(e_tag) = &file.e_tag {
                put_text(&mut bytes, e_tag);
            }
            put_count(&mut bytes, groups.len());
            for GroupRows { row_group, rows } in groups {
                bytes.extend(row_group.to_le_bytes());
                bytes.extend((rows.serialized_size() as u64).to_le_bytes());
                rows.serialize_into(&mut bytes)
                    .expect("writing to memory does not fail");
            }
        }
        let hash = xxh3_64(&bytes);
        bytes.extend(hash.to_le_bytes());
        bytes
    }

    /// From [`Self::to_bytes`].
    ///
    /// # Errors
    /// When the bytes are no set of rows, of a later version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RowSetError> {
        let mut rest = Rest(bytes);
        if rest.take(MAGIC.len()) != Ok(MAGIC) {
            return Err(RowSetError::NotRows);
        }
        let found = rest.number()?;
        if found != VERSION {
            return Err(RowSetError::Version { found });
        }
        let Some((content, hash)) = rest.0.split_last_chunk() else {
            return Err(damaged(SHORT));
        };
        if xxh3_64(&bytes[..bytes.len() - hash.len()]) != u64::from_le_bytes(*hash) {
            return Err(damaged("it is cut short, or its bytes are not those that were written"));
        }
        let mut rest = Rest(content);
        let count = rest.number()?;
        let mut files: Vec<FileRows> = Vec::new();
        let mut paths = HashSet::new();
        for _ in 0..count {
            let file = rest.file()?;
            if !paths.insert(file.file.path.clone()) {
                return Err(damaged("a file is there twice"));
            }
            files.push(file);
        }
        if rest.0.is_empty() {
            Ok(Self { files })
        } else {
            Err(damaged("there are bytes behind its end"))
        }
    }
}

const SHORT: &str = "it ends too early";

fn damaged(problem: &'static str) -> RowSetError {
    RowSetError::Damaged { problem }
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("a source has fewer than 2^32 files and row groups");
    bytes.extend(count.to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_count(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], RowSetError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(damaged(SHORT))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RowSetError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(damaged(SHORT))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<u32, RowSetError> {
        self.array().map(u32::from_le_bytes)
    }

    fn long(&mut self) -> Result<u64, RowSetError> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Result<String, RowSetError> {
        let length = self.number()? as usize;
        let text = std::str::from_utf8(self.take(length)?);
        text.map(str::to_owned)
            .map_err(|_| damaged("a text in it is not UTF-8"))
    }

    fn file(&mut self) -> Result<FileRows, RowSetError> {
        let path = self.text()?;
        let size = self.long()?;
        let modified = Timestamp::from_micros(self.array().map(i64::from_le_bytes)?);
        let rows = self.long()?;
        let e_tag = match self.array()? {
            [0] => None,
            [1] => Some(self.text()?),
            _ => return Err(damaged("a byte in it is neither 0 nor 1")),
        };
        let count = self.number()?;
        let mut groups: Vec<GroupRows> = Vec::new();
        for _ in 0..count {
            let group = self.group()?;
            if groups.last().is_some_and(|last| last.row_group >= group.row_group) {
                return Err(damaged("its row groups are not sorted"));
            }
            groups.push(group);
        }
        if groups.is_empty() {
            return Err(damaged("a file in it has no rows"));
        }
        let file = SourceFile {
            path,
            size,
            modified,
            e_tag,
            rows,
        };
        Ok(FileRows {
            file: Arc::new(file),
            groups,
        })
    }

    fn group(&mut self) -> Result<GroupRows, RowSetError> {
        let row_group = self.number()?;
        let length = usize::try_from(self.long()?).map_err(|_| damaged(SHORT))?;
        let mut bytes = self.take(length)?;
        // It checks all that makes a bitmap one.
        match RoaringBitmap::deserialize_from(&mut bytes) {
            Ok(rows) if bytes.is_empty() && !rows.is_empty() => Ok(GroupRows {
                row_group,
                rows: Arc::new(rows),
            }),
            _ => Err(damaged("the rows of a row group make no sense")),
        }
    }
}
