//! LMDB, set up as Asof's embedded store sets it up.

use std::path::Path;

use anyhow::Result;
use anyhow::bail;
use heed::CommitOrAbort;
use heed::Database;
use heed::Env;
use heed::EnvOpenOptions;
use heed::WithoutTls;
use heed::types::Bytes;

use super::Store;
use crate::data::Key;
use crate::data::Value;

/// The address space that is set aside: 1 TiB.
const MAP_SIZE: usize = 1 << 40;

/// Reads that can go on at the same time, in all processes together.
const READERS: u32 = 1024;

/// The open environment.
pub(super) struct Lmdb {
    env: Env<WithoutTls>,
    rows: Database<'static, Bytes, Bytes>,
}

impl Lmdb {
    /// Opens the environment in a folder, or makes it.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(MAP_SIZE).max_readers(READERS);
        #[expect(
            unsafe_code,
            reason = "LMDB maps the file, which the compiler cannot know to be left alone"
        )]
        // SAFETY: The folder is made for this run, and nothing but LMDB, with its locks, touches its files.
        let env = unsafe { options.open(folder) }?;
        let opened = env.open_databases_and_commit(env.read_txn()?, |opener, txn| {
            opener.open_database(txn, None).map(CommitOrAbort::<_, ()>::Commit)
        });
        let CommitOrAbort::Commit(Some(rows)) = opened? else {
            bail!("the environment has no main database");
        };
        Ok(Self { env, rows })
    }
}

impl Store for Lmdb {
    fn write(&mut self, rows: &[(Key, Value)]) -> Result<()> {
        let mut txn = self.env.write_txn()?;
        for (key, value) in rows {
            self.rows.put(&mut txn, key, value)?;
        }
        Ok(txn.commit()?)
    }

    fn read(&self, keys: &[Key], values: &mut Vec<u8>) -> Result<()> {
        let txn = self.env.read_txn()?;
        for key in keys {
            if let Some(value) = self.rows.get(&txn, key)? {
                values.extend_from_slice(value);
            }
        }
        Ok(())
    }
}
