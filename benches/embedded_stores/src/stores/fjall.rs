//! fjall, with its journal brought to the disk at each commit and everything else as it comes.

use std::path::Path;

use anyhow::Result;
use fjall::Database;
use fjall::Keyspace;
use fjall::KeyspaceCreateOptions;
use fjall::PersistMode;
use fjall::Readable;

use super::CACHE;
use super::Store;
use crate::data::Key;
use crate::data::Value;

/// The open database. Fields are dropped in their order: the database last.
pub(super) struct Fjall {
    rows: Keyspace,
    database: Database,
}

impl Fjall {
    /// Opens the database in a folder, or makes it.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let database = Database::builder(folder).cache_size(CACHE as u64).open()?;
        let rows = database.keyspace("rows", KeyspaceCreateOptions::default)?;
        Ok(Self { rows, database })
    }
}

impl Store for Fjall {
    fn write(&mut self, rows: &[(Key, Value)]) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for (key, value) in rows {
            batch.insert(&self.rows, key.as_slice(), value.as_slice());
        }
        Ok(batch.commit()?)
    }

    fn read(&self, keys: &[Key], values: &mut Vec<u8>) -> Result<()> {
        let snapshot = self.database.snapshot();
        for key in keys {
            if let Some(value) = snapshot.get(&self.rows, key)? {
                values.extend_from_slice(&value);
            }
        }
        Ok(())
    }
}
