//! The floor of writing: rows go to the end of a file, which is brought to the disk after each batch.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use anyhow::bail;
use fs_err::File;

use super::Store;
use crate::data::Key;
use crate::data::Value;

/// The file, and a buffer for a batch.
pub(super) struct Rows {
    file: File,
    buffer: Vec<u8>,
}

impl Rows {
    /// Begins the file.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        Ok(Self {
            file: File::create(folder.join("rows"))?,
            buffer: Vec::new(),
        })
    }
}

impl Store for Rows {
    fn write(&mut self, rows: &[(Key, Value)]) -> Result<()> {
        self.buffer.clear();
        for (key, value) in rows {
            self.buffer.extend_from_slice(key);
            self.buffer.extend_from_slice(value);
        }
        self.file.write_all(&self.buffer)?;
        Ok(self.file.sync_all()?)
    }

    fn read(&self, _: &[Key], _: &mut Vec<u8>) -> Result<()> {
        bail!("a file of rows finds no keys")
    }
}
