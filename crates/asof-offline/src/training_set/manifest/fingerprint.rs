//! What tells a file from others at the same path, at the cost of its footer.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::ContentRecord;
use crate::{OfflineError, SourceFile};

/// The end of a Parquet file: the footer's length and four magic bytes.
const TAIL: u64 = 8;

/// What tells the content of a source's file. `base` is where relative paths start. Blocks, for a file on this machine.
///
/// # Errors
/// When the file cannot be read, or is no longer what it was when it was listed.
pub(crate) fn fingerprint(file: &SourceFile, base: &Path) -> Result<ContentRecord, OfflineError> {
    let is_local = !file.path.contains("://");
    let footer_hash = if is_local { Some(footer_hash(file, base)?) } else { None };
    Ok(ContentRecord {
        size: file.size,
        e_tag: file.e_tag.clone().filter(|_| !is_local),
        footer_hash,
        modified: (!is_local && file.e_tag.is_none()).then_some(file.modified),
    })
}

fn footer_hash(file: &SourceFile, base: &Path) -> Result<String, OfflineError> {
    let unreadable = |error| OfflineError::File { error };
    let mut opened = fs_err::File::open(base.join(&file.path)).map_err(unreadable)?;
    let found = opened.metadata().map_err(unreadable)?;
    // Without a time of change there is nothing to compare.
    let since_epoch = found
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let is_later = since_epoch.is_some_and(|time| i128::from(file.modified.micros()) != time.as_micros() as i128);
    if found.len() != file.size || is_later {
        return Err(OfflineError::FileChanged {
            file: file.path.clone(),
            change: "it was written to".to_owned(),
        });
    }
    hash_footer(&mut opened, file.size).map_err(unreadable)
}

fn hash_footer(file: &mut fs_err::File, size: u64) -> std::io::Result<String> {
    let mut tail = [0; TAIL as usize];
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, ..] = tail;
    let length = u64::from(u32::from_le_bytes([a, b, c, d])) + TAIL;
    let mut footer = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(length)))?;
    file.take(length).read_to_end(&mut footer)?;
    Ok(hex(xxh3_128(&footer)))
}

/// The hash of a file's bytes, as manifests have it. Blocks.
///
/// # Errors
/// When the file cannot be read; names it.
pub fn hash_file(path: &Path) -> std::io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(hash.digest128())),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// A writer that hashes what passes, as [`hash_file`] would.
pub(crate) struct HashedWriter<W> {
    to: W,
    hash: Xxh3,
}

impl<W: Write> HashedWriter<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, hash: Xxh3::new() }
    }

    /// What it wrote to.
    pub(crate) fn into_inner(self) -> W {
        self.to
    }

    /// The hash of what was written so far.
    pub(crate) fn hash(&self) -> String {
        hex(self.hash.digest128())
    }
}

impl<W: Write> Write for HashedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

fn hex(hash: u128) -> String {
    format!("{hash:032x}")
}
