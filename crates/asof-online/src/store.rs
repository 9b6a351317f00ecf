//! The contract of an online store.

use std::fmt;

use asof_model::definition::Definitions;
use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use asof_model::{Keyspace, TimeSpan};
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
    /// How many rows it holds. A store whose rows may go by themselves may count those still, and one whose writes are
    /// not whole may miss rows of a writer that died.
    pub rows: u64,
    /// Its life in this store.
    pub life: KeyspaceLife,
}

/// Tells a keyspace that still holds what was written to it from one that was lost, made anew, or set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyspaceLife {
    /// A random number that it got when it was made.
    pub birth: u64,
    /// How often it was [advanced](OnlineStore::advance) since.
    pub sequence: u64,
}

impl KeyspaceLife {
    /// Whether what stood in the keyspace at `earlier` still stands there: it is the same one, and was not set back.
    pub fn continues(self, earlier: Self) -> bool {
        self.birth == earlier.birth && self.sequence >= earlier.sequence
    }
}

/// Something about a store that matters to whoever runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFact {
    /// What it is about, in a word.
    pub about: &'static str,
    /// How it is, for a person; without secrets.
    pub found: String,
    /// What should be done about it. `None`: it is well as it is.
    pub advice: Option<String>,
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
/// **Atomicity.** A row is seen whole or not at all, by other processes too, and once a write has returned it survives
/// the death of the process. Whether all rows of one write, or of
/// one read, are seen together is told by each store. Where they are not, a write that gives an error may have stored
/// some of its rows, and writing again brings the others.
///
/// **Expiry.** Rows written with a `ttl` may go by themselves, but not before their event time and the `ttl`, and a
/// grace of the store's, have passed. TTL is enforced by whoever reads, whether the store lets rows go or not.
///
/// **Isolation.** Nothing done to one keyspace is seen in another.
///
/// # Cancel safety
/// A read may be dropped at any point. A write or a deletion that is dropped may happen or not; where the store has
/// whole writes, whole or not at all.
#[async_trait]
pub trait OnlineStore: fmt::Debug + Send + Sync {
    /// Tells the store which views there are. Whoever serves or writes a registry version calls it before the first row
    /// of that version is read or written; the views of the version before may still be asked for.
    ///
    /// A store that keeps what it is given has no use for it. One that holds rows of somebody else's finds them by the
    /// definitions. A store that passes everything on to another one passes this on too.
    fn define(&self, _definitions: &Definitions) {}

    /// Reads rows of several keyspaces: one answer per request, in the order of the requests, each with one entry per
    /// key in the order of the keys. `None`: there is no row, or no key.
    ///
    /// # Errors
    /// When the store cannot be read. A missing keyspace or key is no error.
    async fn read(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError>;

    /// Writes `rows` under `keys`, guarded as above. Where one key comes more than once the last row in the order is
    /// stored, and among equal ones the one that comes last.
    ///
    /// `ttl` is the view's, the same for all writes to one keyspace: how long after their event time rows are of use.
    ///
    /// # Errors
    /// When there are not as many keys as rows, a row's bytes are no row, or the store cannot be written.
    async fn write(
        &self,
        keyspace: &Keyspace,
        keys: &EncodedKeys,
        rows: &EncodedRows,
        ttl: Option<TimeSpan>,
    ) -> Result<WriteSummary, OnlineError>;

    /// Notes that everything written to the keyspace so far belongs together, makes the keyspace where there is none,
    /// and returns its life. A later life that [continues](KeyspaceLife::continues) this one still holds those rows.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn advance(&self, keyspace: &Keyspace) -> Result<KeyspaceLife, OnlineError>;

    /// Removes a keyspace with all of its rows and says how many there were; 0 when there is none of that name.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn delete_keyspace(&self, keyspace: &Keyspace) -> Result<u64, OnlineError>;

    /// The keyspaces that were written to or advanced, and not removed since, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError>;

    /// All rows of a keyspace, each once, in no particular order. Takes as much memory as they
    /// do: for checks and tests, not for serving.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn scan(&self, keyspace: &Keyspace) -> Result<Vec<StoredRow>, OnlineError>;

    /// What whoever runs the store should know: how full it is, and which of its settings should be others. Nothing
    /// where there is nothing to be known.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn describe(&self) -> Result<Vec<StoreFact>, OnlineError> {
        Ok(Vec::new())
    }

    /// Whether the store can be read now.
    ///
    /// # Errors
    /// When it cannot.
    async fn ping(&self) -> Result<(), OnlineError>;
}
