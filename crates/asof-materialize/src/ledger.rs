//! The ledger: what has been brought online, one immutable object per finished run and view, and what was given up.
//!
//! Objects are `<registry>/ledger/<keyspace>/<20 digits>.json`, numbered without gaps, each created only if no other
//! object has its number. An entry without `from` is *complete*: it says that the last row per entity among all rows
//! visible at `to` in `files` is online. That stays true whatever is written later, so the latest complete entry is all
//! that an incremental run has to know. Its `to` is the view's watermark; watermarks of later entries are never earlier.
//!
//! # Release
//!
//! A keyspace is given up in three steps: a record says that the release has begun, its rows are deleted, a record says
//! that the release has ended. Nothing that stands before either record is trusted any longer: neither to answer from,
//! nor to count on in an incremental run. Runs and releases meet in the numbering:
//!
//! - A release begins at the number after the record by which it was decided. A run that finished meanwhile has taken
//!   that number, and the keyspace stays.
//! - A run that finds a release after the records it was planned by is not recorded, and begins anew.
//! - While a release has begun and not ended, no run is planned. Whoever takes the release up after its owner died
//!   deletes what is left and ends it.
//!
//! Before the first release of a keyspace, `<registry>/ledger/<keyspace>.released` is created, empty: a listing of the
//! project then tells which keyspaces have a release anywhere, and all others need not be looked into.

mod format;
mod record;

use std::collections::BTreeSet;

use asof_model::{Keyspace, ProjectName, Timestamp};
use asof_registry::Registry;
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path;
use std::sync::Arc;

pub(crate) use record::Appended;
pub use record::{LedgerEntry, LedgerRecord, RecordedFile, Release, ReleaseStage, Standing};

use crate::MaterializeError;
use crate::objects::{self, out_of_reach, usable};

/// What a keyspace's hint of a release ends with.
const RELEASED: &str = ".released";

/// The keyspaces of a project, as a listing shows them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// Those that have records.
    pub(crate) recorded: BTreeSet<Keyspace>,
    /// Those that may have a release among them.
    pub(crate) released_once: BTreeSet<Keyspace>,
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

    /// The latest complete entry of the keyspace since it was given up last.
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
            match self.read(keyspace, *number).await? {
                LedgerRecord::Run(entry) if entry.from.is_none() => return Ok(Some(entry)),
                LedgerRecord::Run(_) => {}
                LedgerRecord::Release(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The latest complete entry of the keyspace since it was given up last, or the latest of all if none is complete:
    /// what the store has to hold for the ledger to be right.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) async fn last_promise(&self, keyspace: &Keyspace) -> Result<Option<LedgerEntry>, MaterializeError> {
        match self.last_complete(keyspace).await? {
            Some(complete) => Ok(Some(complete)),
            None => Ok(self.standing(keyspace).await?.newest.and_then(LedgerRecord::run)),
        }
    }

    /// The newest record of the keyspace.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn standing(&self, keyspace: &Keyspace) -> Result<Standing, MaterializeError> {
        let Some(number) = self.numbers(keyspace).await?.pop() else {
            return Ok(Standing::default());
        };
        Ok(Standing {
            number,
            newest: Some(self.read(keyspace, number).await?),
        })
    }

    /// Since when the keyspace has been online without a break; `None`: it is not. No record is read beyond the first
    /// that is as old as `back_to`, so an answer not after it may be too late.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) async fn online_since(
        &self,
        keyspace: &Keyspace,
        back_to: Timestamp,
    ) -> Result<Option<Timestamp>, MaterializeError> {
        let mut since: Option<Timestamp> = None;
        for number in self.numbers(keyspace).await?.into_iter().rev() {
            let LedgerRecord::Run(entry) = self.read(keyspace, number).await? else {
                break;
            };
            // The clocks of two machines may differ: an entry is not always later than the one before it.
            since = Some(since.map_or(entry.finished, |since| since.min(entry.finished)));
            if since.is_some_and(|since| since <= back_to) {
                break;
            }
        }
        Ok(since)
    }

    /// All records of the keyspace, oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn records(&self, keyspace: &Keyspace) -> Result<Vec<LedgerRecord>, MaterializeError> {
        let mut records = Vec::new();
        for number in self.numbers(keyspace).await? {
            records.push(self.read(keyspace, number).await?);
        }
        Ok(records)
    }

    /// The entries of all runs into the keyspace, oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn entries(&self, keyspace: &Keyspace) -> Result<Vec<LedgerEntry>, MaterializeError> {
        let records = self.records(keyspace).await?;
        Ok(records.into_iter().filter_map(LedgerRecord::run).collect())
    }

    /// The keyspaces of the project that have records.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn keyspaces(&self, project: &ProjectName) -> Result<BTreeSet<Keyspace>, MaterializeError> {
        Ok(self.listing(project).await?.recorded)
    }

    /// The keyspaces of the project, by one listing.
    pub(crate) async fn listing(&self, project: &ProjectName) -> Result<Listing, MaterializeError> {
        let folder = self.prefix.clone().join(project.as_str());
        let listed = self.store.list_with_delimiter(Some(&folder)).await;
        let listed = listed.map_err(|source| out_of_reach(&folder, source))?;
        let keyspace = |name: &str| format!("{project}/{name}").parse().ok();
        let recorded = (listed.common_prefixes.iter()).filter_map(|path| keyspace(path.filename()?));
        let hints = listed.objects.iter().map(|object| &object.location);
        let released_once = hints.filter_map(|path| keyspace(path.filename()?.strip_suffix(RELEASED)?));
        Ok(Listing {
            recorded: recorded.collect(),
            released_once: released_once.collect(),
        })
    }

    /// Adds the entry of a run, which was planned by the records up to number `planned`, behind all others. A complete
    /// entry whose `to` another run has passed meanwhile is left out: that run's entry says more, and watermarks do not
    /// go back.
    pub(crate) async fn append(
        &self,
        keyspace: &Keyspace,
        entry: &LedgerEntry,
        planned: u64,
    ) -> Result<Appended, MaterializeError> {
        let bytes = format::run_to_bytes(entry);
        loop {
            // What is compared and what is counted on is one listing: a record that comes after it takes the number.
            let numbers = self.numbers(keyspace).await?;
            for number in numbers.iter().rev().take_while(|number| **number > planned) {
                if let LedgerRecord::Release(_) = self.read(keyspace, *number).await? {
                    return Ok(Appended::Released);
                }
            }
            if entry.from.is_none() {
                let done = self.last_complete_of(keyspace, &numbers).await?;
                if done.is_some_and(|done| done.to > entry.to) {
                    return Ok(Appended::Recorded);
                }
            }
            let number = numbers.last().map_or(1, |last| last + 1);
            if objects::create(self.store.as_ref(), &self.path(keyspace, number), bytes.clone()).await? {
                return Ok(Appended::Recorded);
            }
        }
    }

    /// Begins to give a keyspace up, whose newest record is number `seen`. The number of the record; `None`: another
    /// record came after `seen`, and nothing was done.
    pub(crate) async fn begin_release(
        &self,
        keyspace: &Keyspace,
        release: &Release,
        seen: u64,
    ) -> Result<Option<u64>, MaterializeError> {
        let (folder, name) = (
            self.prefix.clone().join(keyspace.project.as_str()),
            self.folder(keyspace),
        );
        let name = format!("{}{RELEASED}", name.filename().unwrap_or_default());
        // It may be there from an earlier release.
        objects::create(self.store.as_ref(), &folder.join(name.as_str()), Vec::new()).await?;
        let path = self.path(keyspace, seen + 1);
        let created = objects::create(self.store.as_ref(), &path, format::release_to_bytes(release)).await?;
        Ok(created.then_some(seen + 1))
    }

    /// Ends the release of a keyspace, behind all other records.
    pub(crate) async fn end_release(&self, keyspace: &Keyspace, release: &Release) -> Result<(), MaterializeError> {
        let bytes = format::release_to_bytes(release);
        loop {
            let number = self.numbers(keyspace).await?.last().map_or(1, |last| last + 1);
            if objects::create(self.store.as_ref(), &self.path(keyspace, number), bytes.clone()).await? {
                return Ok(());
            }
        }
    }

    /// The numbers of all records of the keyspace, ascending.
    async fn numbers(&self, keyspace: &Keyspace) -> Result<Vec<u64>, MaterializeError> {
        let folder = self.folder(keyspace);
        let objects: Vec<_> =
            (self.store.list(Some(&folder)).try_collect().await).map_err(|source| out_of_reach(&folder, source))?;
        let number = |path: &Path| path.filename()?.strip_suffix(".json")?.parse::<u64>().ok();
        let mut numbers: Vec<u64> = objects.iter().filter_map(|object| number(&object.location)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    async fn read(&self, keyspace: &Keyspace, number: u64) -> Result<LedgerRecord, MaterializeError> {
        let path = self.path(keyspace, number);
        let bytes = objects::read_known(self.store.as_ref(), &path).await?;
        usable(&path, format::from_bytes(&bytes))
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

#[cfg(test)]
mod tests;
