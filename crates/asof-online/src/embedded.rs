//! The embedded store: a folder on this machine, kept by LMDB.
//!
//! Any number of processes may have the folder open at once, reading and writing: `asof materialize` next to a
//! running `asof serve`. Readers never wait; writers wait for each other. A process may die at any moment without
//! harm: a write is there whole or not at all. The folder must lie on a local file system, not on a network share,
//! and stay where it is while a process has it open.
//!
//! # Layout, format 2
//!
//! One LMDB database, the unnamed one. Numbers are little-endian except in keys, where big-endian keeps the rows of
//! a keyspace together.
//!
//! | LMDB key | LMDB value |
//! |---|---|
//! | `0`, `"format"` | `"asof online store"`, format (4 bytes) |
//! | `0`, `"next"` | number of the next keyspace (4 bytes) |
//! | `1`, name of a keyspace | its number (4 bytes), rows (8), birth (8), sequence (8) |
//! | `2`, number of the keyspace (4 bytes), entity key | row |
//! | `3`, number of the keyspace (4 bytes), hash of an entity key (16 bytes) | entries |
//!
//! An LMDB key has at most 511 bytes. Entity keys that do not fit are found by their hash (XXH3, 128 bits,
//! big-endian). Because two keys may have one hash, the value holds entries, each: length of the key (4 bytes),
//! length of the row (4 bytes), key, row. The number of a removed keyspace is not given again. A store of format 1, whose
//! keyspaces have no birth and sequence, becomes one of format 2 when it is opened.

mod bucket;
mod catalog;
mod database;
mod fault;
mod length;
mod open;
mod place;
mod write;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use asof_model::{Keyspace, TimeSpan};
use async_trait::async_trait;
use bytes::Bytes;

use database::Database;

use crate::{KeyspaceInfo, KeyspaceLife, OnlineError, OnlineStore, ReadRequest, StoredRow, WriteSummary};

/// The online store in a folder of this machine. Stores of one folder in one process share what is open.
#[derive(Clone)]
pub struct EmbeddedStore {
    database: Arc<Database>,
}

impl EmbeddedStore {
    /// Opens the store in the folder `path`, and makes it where there is none. Blocks while it reads and writes files.
    ///
    /// # Errors
    /// When the folder holds something else, is damaged or of another format, or may not be used.
    pub fn open(path: &Path) -> Result<Self, OnlineError> {
        open::open(path, open::MAP_SIZE).map(|database| Self { database })
    }

    /// Runs work that blocks where it may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, OnlineError> + Send + 'static,
    ) -> Result<T, OnlineError> {
        let database = Arc::clone(&self.database);
        let done = tokio::task::spawn_blocking(move || work(&database)).await;
        done.map_err(|source| OnlineError::Task { source })?
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore")
            .field("path", &self.database.path())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl OnlineStore for EmbeddedStore {
    async fn read(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError> {
        let requests: Vec<_> = requests
            .iter()
            .map(|request| (request.keyspace.to_string(), request.keys.clone()))
            .collect();
        self.blocking(move |database| database.read(&requests)).await
    }

    /// Rows stay until their keyspace is removed, whatever their `ttl`.
    async fn write(
        &self,
        keyspace: &Keyspace,
        keys: &EncodedKeys,
        rows: &EncodedRows,
        _ttl: Option<TimeSpan>,
    ) -> Result<WriteSummary, OnlineError> {
        let (name, keys, rows) = (keyspace.to_string(), keys.clone(), rows.clone());
        self.blocking(move |database| database.write(&name, &keys, &rows)).await
    }

    async fn advance(&self, keyspace: &Keyspace) -> Result<KeyspaceLife, OnlineError> {
        let name = keyspace.to_string();
        self.blocking(move |database| database.advance(&name)).await
    }

    async fn delete_keyspace(&self, keyspace: &Keyspace) -> Result<u64, OnlineError> {
        let name = keyspace.to_string();
        self.blocking(move |database| database.delete_keyspace(&name)).await
    }

    async fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError> {
        self.blocking(Database::keyspaces).await
    }

    async fn scan(&self, keyspace: &Keyspace) -> Result<Vec<StoredRow>, OnlineError> {
        let name = keyspace.to_string();
        self.blocking(move |database| database.scan(&name)).await
    }

    async fn ping(&self) -> Result<(), OnlineError> {
        self.blocking(Database::ping).await
    }
}

#[cfg(test)]
mod tests;
