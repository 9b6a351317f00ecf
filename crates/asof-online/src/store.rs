//! The contract of an online store.

use std::fmt;

use asof_model::Keyspace;
use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use async_trait::async_trait;
use bytes::Bytes;

use crate::OnlineError;

/// Keys to be read from one keyspace.
#[derive(Debug, Clone, Copy)]
pub struct ReadRequest<'a> {
    /// The keyspace. One that does not exist has no rows.
    pub keyspace: &'a Keyspace,
    /// The keys, in any order, duplicates allowed. A row without a key has no answer.
    pub keys: &'a EncodedKeys,
}

/// What became of the rows of one write. The three add up to the rows of the call, and do not depend on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteSummary {
    /// Rows that are stored now.
    pub written: u64,
    /// Rows that were passed over, because the stored one, or another one of the same call, is later in the order.
    pub kept: u64,
    /// Rows without a key, which are not stored.
    pub without_key: u64,
}

/// A keyspace that holds rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyspaceInfo {
    /// Its name.
    pub keyspace: Keyspace,
    /// How many rows it holds.
    pub rows: u64,
}

/// A stored row and its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredRow {
    /// The encoded key.
    pub key: Bytes,
    /// The encoded row.
    pub row: Bytes,
}

/// Keeps one feature row per keyspace and key: the last one in the order of rows.
///
/// **Guarded writes.** A row takes the place of a stored one only when it is not earlier in the order
/// ([`asof_model::StoredOrder::replaces`]: event time, then created time, a missing one lowest; an equal row
/// replaces). The store itself compares, so that this holds whatever the number of writers and processes, and
/// whatever order their writes arrive in.
///
/// **Atomicity.** A write is seen whole or not at all, by other processes too, and once it has returned it survives
/// the death of the process. When a write returns an error nothing of it is stored. All keys of one read are read at
/// one moment.
///
/// **Isolation.** Nothing done to one keyspace is seen in another.
///
/// # Cancel safety
/// A read may be dropped at any point. A write or a deletion that is dropped either happens whole or not at all.
#[async_trait]
pub trait OnlineStore: fmt::Debug + Send + Sync {
    /// Reads rows of several keyspaces: one answer per request, in the order of the requests, each with one entry per
    /// key in the order of the keys. `None`: there is no row, or no key.
    ///
    /// # Errors
    /// When the store cannot be read. A missing keyspace or key is no error.
    async fn read(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError>;

    /// Writes `rows` under `keys`, guarded as above. Where one key comes more than once the last row in the order is
    /// stored, and among equal ones the one that comes last.
    ///
    /// # Errors
    /// When there are not as many keys as rows, a row's bytes are no row, or the store cannot be written.
    async fn write(
        &self,
        keyspace: &Keyspace,
        keys: &EncodedKeys,
        rows: &EncodedRows,
    ) -> Result<WriteSummary, OnlineError>;

    /// Removes a keyspace with all of its rows and says how many there were; 0 when there is none of that name.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn delete_keyspace(&self, keyspace: &Keyspace) -> Result<u64, OnlineError>;

    /// The keyspaces that were written to and not removed since, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError>;

    /// All rows of a keyspace, each once, in no particular order, read at one moment. Takes as much memory as they
    /// do: for checks and tests, not for serving.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn scan(&self, keyspace: &Keyspace) -> Result<Vec<StoredRow>, OnlineError>;

    /// Whether the store can be read now.
    ///
    /// # Errors
    /// When it cannot.
    async fn ping(&self) -> Result<(), OnlineError>;
}
