//! The ledger: what has been brought online, one immutable object per finished run and view.
//!
//! Objects are `<registry>/ledger/<keyspace>/<20 digits>.json`, numbered without gaps, each created only if no other
//! object has its number. An entry without `from` is *complete*: it says that the last row per entity among all rows
//! visible at `to` in `files` is online. That stays true whatever is written later, so the latest complete entry is all
//! that an incremental run has to know. Its `to` is the view's watermark; watermarks of later entries are never earlier.

mod format;

use std::collections::BTreeSet;

use asof_model::{Keyspace, ProjectName, Timestamp};
use asof_online::KeyspaceLife;
use asof_registry::Registry;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use std::sync::Arc;

use crate::{MaterializeError, RowCounts};

/// A file of a source as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFile {
    /// The file's path, as the source's files are ordered by.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// What its store calls this content, if it does.
    pub etag: Option<String>,
    /// When it was last written, in microseconds since the epoch.
    pub modified_micros: i64,
    /// How many rows it has.
    pub rows: u64,
}

impl RecordedFile {
    /// Whether both are one content, by length and by the store's name of it, or else by when it was written.
    pub(crate) fn is_same_content(&self, other: &Self) -> bool {
        let same = match (&self.etag, &other.etag) {
            (Some(a), Some(b)) => a == b,
            _ => self.modified_micros == other.modified_micros,
        };
        same && self.size == other.size
    }
}

/// A finished run of one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The keyspace that was written.
    pub keyspace: String,
    /// The registry version that defined the view.
    pub registry_version: u64,
    /// The start of the interval, itself outside; `None`: everything up to `to`, which makes the entry complete.
    pub from: Option<Timestamp>,
    /// The end of the interval, itself inside.
    pub to: Timestamp,
    /// When the run had written everything.
    pub finished: Timestamp,
    /// What became of the rows.
    pub rows: RowCounts,
    /// The life of the keyspace when everything was written: what the entry says holds for lives that continue it.
    /// `None` in entries of version 1.
    pub life: Option<KeyspaceLife>,
    /// All files that the source had, in order, whether this run had to read them or an earlier one did.
    pub files: Vec<RecordedFile>,
}

/// The ledger of all keyspaces, next to the registry that defines them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Ledger {
    /// The ledger of the registry that lies at `registry` in `store`. Nothing is read or made until it is used.
    pub fn new(store: Arc<dyn ObjectStore>, registry: Path) -> Self {
        Self {
            store,
            prefix: registry.join("ledger"),
        }
    }

    /// The ledger of `registry`. Nothing is read or made until it is used.
    pub fn beside(registry: &Registry) -> Self {
        Self::new(registry.object_store().clone(), registry.prefix().clone())
    }

    /// How far the keyspace is completely online; `None`: it is not.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn watermark(&self, keyspace: &Keyspace) -> Result<Option<Timestamp>, MaterializeError> {
        Ok(self.last_complete(keyspace).await?.map(|entry| entry.to))
    }

    /// The latest complete entry of the keyspace.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn last_complete(&self, keyspace: &Keyspace) -> Result<Option<LedgerEntry>, MaterializeError> {
        let numbers = self.numbers(keyspace).await?;
        self.last_complete_of(keyspace, &numbers).await
    }

    /// The latest complete one among the entries of these numbers, which ascend.
    async fn last_complete_of(
        &self,
        keyspace: &Keyspace,
        numbers: &[u64],
    ) -> Result<Option<LedgerEntry>, MaterializeError> {
        for number in numbers.iter().rev() {
            let entry = self.read(keyspace, *number).await?;
            if entry.from.is_none() {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// All entries of the keyspace, oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn entries(&self, keyspace: &Keyspace) -> Result<Vec<LedgerEntry>, MaterializeError> {
        let mut entries = Vec::new();
        for number in self.numbers(keyspace).await? {
            entries.push(self.read(keyspace, number).await?);
        }
        Ok(entries)
    }

    /// The keyspaces of the project that have entries.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn keyspaces(&self, project: &ProjectName) -> Result<BTreeSet<Keyspace>, MaterializeError> {
        let folder = self.prefix.clone().join(project.as_str());
        let listed = self.store.list_with_delimiter(Some(&folder)).await;
        let listed = listed.map_err(|source| out_of_reach(&folder, source))?;
        let keyspace = |path: &Path| format!("{project}/{}", path.filename()?).parse().ok();
        Ok(listed.common_prefixes.iter().filter_map(keyspace).collect())
    }

    /// Adds an entry behind all others. A complete entry whose `to` another run has passed meanwhile is left out: that
    /// run's entry says more, and watermarks do not go back.
    pub(crate) async fn append(&self, keyspace: &Keyspace, entry: &LedgerEntry) -> Result<(), MaterializeError> {
        let bytes = format::to_bytes(entry);
        loop {
            // What is compared and what is counted on is one listing: an entry that comes after it takes the number.
            let numbers = self.numbers(keyspace).await?;
            if entry.from.is_none() {
                let done = self.last_complete_of(keyspace, &numbers).await?;
                if done.is_some_and(|done| done.to > entry.to) {
                    return Ok(());
                }
            }
            let number = numbers.last().map_or(1, |last| last + 1);
            let path = self.path(keyspace, number);
            let create = PutOptions::from(PutMode::Create);
            match self
                .store
                .put_opts(&path, PutPayload::from(bytes.clone()), create)
                .await
            {
                Ok(_) => return Ok(()),
                // Another run took the number since the listing.
                Err(object_store::Error::AlreadyExists { .. }) => {}
                Err(source) => return Err(out_of_reach(&path, source)),
            }
        }
    }

    /// The numbers of all entries of the keyspace, ascending.
    async fn numbers(&self, keyspace: &Keyspace) -> Result<Vec<u64>, MaterializeError> {
        let folder = self.folder(keyspace);
        let objects: Vec<_> =
            (self.store.list(Some(&folder)).try_collect().await).map_err(|source| out_of_reach(&folder, source))?;
        let number = |path: &Path| path.filename()?.strip_suffix(".json")?.parse::<u64>().ok();
        let mut numbers: Vec<u64> = objects.iter().filter_map(|object| number(&object.location)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    async fn read(&self, keyspace: &Keyspace, number: u64) -> Result<LedgerEntry, MaterializeError> {
        let path = self.path(keyspace, number);
        let reach = |source| out_of_reach(&path, source);
        let bytes = self
            .store
            .get(&path)
            .await
            .map_err(reach)?
            .bytes()
            .await
            .map_err(reach)?;
        format::from_bytes(&bytes).map_err(|problem| MaterializeError::BadLedgerEntry {
            path: path.to_string(),
            problem,
        })
    }

    fn folder(&self, keyspace: &Keyspace) -> Path {
        // Joined part by part: the prefix is taken as it is, with whatever it has encoded.
        let id = keyspace.to_string();
        id.split('/').fold(self.prefix.clone(), Path::join)
    }

    fn path(&self, keyspace: &Keyspace, number: u64) -> Path {
        self.folder(keyspace).join(format!("{number:020}.json").as_str())
    }
}

fn out_of_reach(path: &Path, source: object_store::Error) -> MaterializeError {
    MaterializeError::Ledger {
        path: path.to_string(),
        source,
    }
}

#[cfg(test)]
mod tests;
