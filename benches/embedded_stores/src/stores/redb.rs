//! redb, with its default durability: a commit is on the disk when it returns.

use std::path::Path;

use anyhow::Result;
use anyhow::bail;
use redb::Builder;
use redb::ConcurrencyMode;
use redb::Database;
use redb::ReadOnlyDatabase;
use redb::ReadableDatabase;
use redb::TableDefinition;

use super::CACHE;
use super::Store;
use crate::data::Key;
use crate::data::Value;

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

const FILE: &str = "rows.redb";

/// Opens the file in a folder, or makes it.
pub(super) fn open(folder: &Path, mode: ConcurrencyMode) -> Result<Database> {
    Ok(builder(mode).create(folder.join(FILE))?)
}

/// Opens the file in a folder for reading alone.
pub(super) fn open_to_read(folder: &Path, mode: ConcurrencyMode) -> Result<ReadOnlyDatabase> {
    Ok(builder(mode).open_read_only(folder.join(FILE))?)
}

fn builder(mode: ConcurrencyMode) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE).set_concurrency_mode(mode);
    builder
}

fn read(database: &impl ReadableDatabase, keys: &[Key], values: &mut Vec<u8>) -> Result<()> {
    let rows = database.begin_read()?.open_table(ROWS)?;
    for key in keys {
        if let Some(value) = rows.get(key.as_slice())? {
            values.extend_from_slice(value.value());
        }
    }
    Ok(())
}

impl Store for Database {
    fn write(&mut self, rows: &[(Key, Value)]) -> Result<()> {
        let txn = self.begin_write()?;
        {
            let mut table = txn.open_table(ROWS)?;
            for (key, value) in rows {
                table.insert(key.as_slice(), value.as_slice())?;
            }
        }
        Ok(txn.commit()?)
    }

    fn read(&self, keys: &[Key], values: &mut Vec<u8>) -> Result<()> {
        read(self, keys, values)
    }
}

impl Store for ReadOnlyDatabase {
    fn write(&mut self, _: &[(Key, Value)]) -> Result<()> {
        bail!("it is open for reading alone")
    }

    fn read(&self, keys: &[Key], values: &mut Vec<u8>) -> Result<()> {
        read(self, keys, values)
    }
}
