//! The open store: reading, listing, removing. Everything here blocks.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use asof_model::key::EncodedKeys;
use bytes::Bytes;
use heed::types::Bytes as Raw;
use heed::{CommitOrAbort, RoTxn, RwTxn, WithoutTls};

use super::bucket;
use super::catalog::Entry;
use super::fault;
use super::place::{self, FORMAT, NEXT, PREFIX_LEN, Place, Places};
use crate::{OnlineError, StoredRow};

pub(super) type Env = heed::Env<WithoutTls>;

/// What the format entry starts with.
const MAGIC: &[u8] = b"asof online store";
/// The format that is written.
pub(super) const VERSION: u32 = 2;
/// The format before, which is brought to this one when it is opened.
const FORMER_VERSION: u32 = 1;

/// The file that LMDB keeps everything in.
pub(super) const DATA: &str = "data.mdb";

/// What a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Empty.
    None,
    /// A store of the format before this one.
    Former,
    /// A store of this format.
    Current,
}

/// An open store.
pub(super) struct Database {
    path: PathBuf,
    /// What tells its file from any other.
    identity: Option<(u64, u64)>,
    pub(super) env: Env,
    pub(super) rows: heed::Database<'static, Raw, Raw>,
}

impl Database {
    /// Takes an environment as a store, and makes it one when it is empty.
    pub(super) fn new(path: PathBuf, env: Env) -> Result<Self, OnlineError> {
        let opened = env
            .read_txn()
            .and_then(|txn| {
                env.open_databases_and_commit(txn, |opener, txn| {
                    opener
                        .open_database::<Raw, Raw>(txn, None)
                        .map(CommitOrAbort::<_, ()>::Commit)
                })
            })
            .map_err(|error| fault::of_heed(&path, error))?;
        let CommitOrAbort::Commit(Some(rows)) = opened else {
            return Err(fault::damaged(&path, "it has no main database"));
        };
        let file = env
            .try_clone_inner_file()
            .map_err(|error| fault::of_heed(&path, error))?;
        let identity = file.metadata().ok().and_then(|file| identity(&file));
        let database = Self {
            path,
            identity,
            env,
            rows,
        };
        let format = {
            let txn = database.read_txn()?;
            database.format(&txn)?
        };
        match format {
            Format::Current => {}
            Format::None | Format::Former => database.initialize()?,
        }
        Ok(database)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses to go on with files that are no longer those of the folder: what is written to them is lost.
    pub(super) fn check_in_place(&self) -> Result<(), OnlineError> {
        let found = fs_err::metadata(self.path.join(DATA));
        if found.is_ok_and(|file| identity(&file) == self.identity) {
            return Ok(());
        }
        Err(OnlineError::Replaced {
            path: self.path.clone(),
        })
    }

    pub(super) fn fault(&self, error: heed::Error) -> OnlineError {
        fault::of_heed(&self.path, error)
    }

    pub(super) fn damaged(&self, problem: &str) -> OnlineError {
        fault::damaged(&self.path, problem)
    }

    /// A snapshot. Where all places for readers are taken, those of dead processes are freed first.
    pub(super) fn read_txn(&self) -> Result<RoTxn<'_, WithoutTls>, OnlineError> {
        let begun = match self.env.read_txn() {
            Err(heed::Error::Mdb(heed::MdbError::ReadersFull)) => {
                self.env.clear_stale_readers().and_then(|_| self.env.read_txn())
            }
            begun => begun,
        };
        begun.map_err(|error| self.fault(error))
    }

    pub(super) fn write_txn(&self) -> Result<RwTxn<'_>, OnlineError> {
        self.check_in_place()?;
        self.env.write_txn().map_err(|error| self.fault(error))
    }

    pub(super) fn get<'t>(&self, txn: &'t RoTxn<'_>, key: &[u8]) -> Result<Option<&'t [u8]>, OnlineError> {
        self.rows.get(txn, key).map_err(|error| self.fault(error))
    }

    pub(super) fn put(&self, txn: &mut RwTxn<'_>, key: &[u8], value: &[u8]) -> Result<(), OnlineError> {
        self.rows.put(txn, key, value).map_err(|error| self.fault(error))
    }

    /// The format that is written, where it is ours.
    fn format(&self, txn: &RoTxn<'_>) -> Result<Format, OnlineError> {
        let Some(format) = self.get(txn, FORMAT)? else {
            let empty = self.rows.is_empty(txn).map_err(|error| self.fault(error))?;
            let reason = "its data.mdb is of another program".to_owned();
            return if empty {
                Ok(Format::None)
            } else {
                Err(self.foreign(reason))
            };
        };
        let version = format.strip_prefix(MAGIC).and_then(|rest| rest.try_into().ok());
        match version.map(u32::from_le_bytes) {
            Some(VERSION) => Ok(Format::Current),
            Some(FORMER_VERSION) => Ok(Format::Former),
            Some(found) => Err(OnlineError::Format {
                path: self.path.clone(),
                found,
                known: VERSION,
            }),
            None => Err(self.foreign("its data.mdb is of another program".to_owned())),
        }
    }

    fn foreign(&self, reason: String) -> OnlineError {
        OnlineError::Foreign {
            path: self.path.clone(),
            reason,
        }
    }

    fn initialize(&self) -> Result<(), OnlineError> {
        let mut txn = self.write_txn()?;
        match self.format(&txn)? {
            // Another process was faster.
            Format::Current => return Ok(()),
            Format::Former => {}
            Format::None => self.put(&mut txn, NEXT, &0_u32.to_le_bytes())?,
        }
        let format = [MAGIC, &VERSION.to_le_bytes()].concat();
        self.put(&mut txn, FORMAT, &format)?;
        txn.commit().map_err(|error| self.fault(error))
    }

    /// The row of an entity key.
    pub(super) fn row<'t>(
        &self,
        txn: &'t RoTxn<'_>,
        places: &mut Places,
        key: &[u8],
    ) -> Result<Option<&'t [u8]>, OnlineError> {
        match places.of(key) {
            Place::Alone(at) => self.get(txn, at),
            Place::Bucket(at) => match self.get(txn, at)? {
                None => Ok(None),
                Some(bucket) => bucket::find(bucket, key).map_err(|bucket::Broken| self.broken_bucket()),
            },
        }
    }

    pub(super) fn broken_bucket(&self) -> OnlineError {
        self.damaged("the entries of a long key are cut off")
    }

    pub(super) fn read(&self, requests: &[(String, EncodedKeys)]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError> {
        let txn = self.read_txn()?;
        requests
            .iter()
            .map(|(name, keys)| match self.entry(&txn, name)? {
                None => Ok(vec![None; keys.len()]),
                Some(entry) => self.read_keys(&txn, entry, keys),
            })
            .collect()
    }

    /// Copies rows to one buffer, which all answers share.
    fn read_keys(&self, txn: &RoTxn<'_>, entry: Entry, keys: &EncodedKeys) -> Result<Vec<Option<Bytes>>, OnlineError> {
        let mut places = Places::new(entry.number);
        let mut buffer = Vec::new();
        let mut ranges = Vec::with_capacity(keys.len());
        for key in keys.iter() {
            let row = match key {
                None => None,
                Some(key) => self.row(txn, &mut places, key)?,
            };
            ranges.push(row.map(|row| {
                let start = buffer.len();
                buffer.extend_from_slice(row);
                start..buffer.len()
            }));
        }
        let buffer = Bytes::from(buffer);
        Ok(ranges
            .into_iter()
            .map(|range| range.map(|range| buffer.slice(range)))
            .collect())
    }

    pub(super) fn scan(&self, name: &str) -> Result<Vec<StoredRow>, OnlineError> {
        let txn = self.read_txn()?;
        let Some(entry) = self.entry(&txn, name)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        let mut add = |key: &[u8], row: &[u8]| {
            found.push(StoredRow {
                key: Bytes::copy_from_slice(key),
                row: Bytes::copy_from_slice(row),
            });
        };
        let [short, long] = place::prefixes(entry.number);
        let rows = self.rows.prefix_iter(&txn, &short);
        for row in rows.map_err(|error| self.fault(error))? {
            let (key, row) = row.map_err(|error| self.fault(error))?;
            add(&key[PREFIX_LEN..], row);
        }
        let buckets = self.rows.prefix_iter(&txn, &long);
        for bucket in buckets.map_err(|error| self.fault(error))? {
            let (_, bucket) = bucket.map_err(|error| self.fault(error))?;
            let entries = bucket::entries(bucket).map_err(|bucket::Broken| self.broken_bucket())?;
            for entry in entries {
                add(entry.key, entry.row);
            }
        }
        Ok(found)
    }

    pub(super) fn ping(&self) -> Result<(), OnlineError> {
        self.check_in_place()?;
        let txn = self.read_txn()?;
        match self.format(&txn)? {
            Format::Current => Ok(()),
            Format::None | Format::Former => Err(self.damaged("it has lost its format")),
        }
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
fn identity(file: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}
