//! The keyspaces of a project: what each is for, what it holds, and when it can go.
//!
//! ```text
//!  registry: versions ──> the keyspaces that each version reads
//!  ledger             ──> which of them are online, since when, and what was given up
//!  online store       ──> which of them there are, with how many rows
//! ```
//!
//! In reading order: [`keyspace_statuses`], [`GarbageCollector`], [`Verifier`](crate::Verifier).

mod gc;
mod replaced;
mod status;

use std::collections::{BTreeMap, BTreeSet};

use asof_model::{Keyspace, TimeSpan, Timestamp};
use asof_online::{KeyspaceInfo, OnlineError, OnlineStore};
use asof_registry::{Registry, RegistryError, RegistryVersion, Snapshot};
use futures::{StreamExt, TryStreamExt};

pub use gc::{Cause, Fate, GarbageCollector, GcCandidate, Outcome};
pub use status::{KeyspaceState, KeyspaceStatus, OnlineStatus, keyspace_statuses};

use crate::live::{OnlineKeyspaces, keyspaces_of};
use crate::{Ledger, LiveVersion, LiveVersionError, MaterializeError, live_version};

/// How many registry versions are read at once.
const CONCURRENT_READS: usize = 16;

/// Why it is not known what keyspaces are for, or one could not be given up.
#[derive(Debug, thiserror::Error)]
pub enum KeyspacesError {
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] MaterializeError),
    /// The online store does not do what it is asked.
    #[error("the online store: {0}")]
    Store(#[from] OnlineError),
    /// Keyspaces would go while servers may still read them.
    #[error("a grace period of {0} is too short: servers may need 1m to follow a new version; give more")]
    GraceTooShort(TimeSpan),
}

impl From<LiveVersionError> for KeyspacesError {
    fn from(error: LiveVersionError) -> Self {
        match error {
            LiveVersionError::Registry(source) => Self::Registry(source),
            LiveVersionError::Ledger(source) => Self::Ledger(source),
        }
    }
}

/// A registry version, and the keyspaces that it reads.
struct Version {
    number: RegistryVersion,
    applied: Timestamp,
    keyspaces: BTreeSet<Keyspace>,
}

impl Version {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            number: snapshot.version,
            applied: snapshot.info.time,
            keyspaces: keyspaces_of(&snapshot.definitions).collect(),
        }
    }
}

/// Registry, ledger and store at one moment, or nearly so.
struct Survey<'a> {
    live: LiveVersion,
    /// All versions, oldest first; at least one.
    versions: Vec<Version>,
    /// What the ledger has.
    online: OnlineKeyspaces<'a>,
    /// The project's keyspaces in the store.
    stored: BTreeMap<Keyspace, KeyspaceInfo>,
}

impl<'a> Survey<'a> {
    /// `None` while the registry has no version.
    async fn take(
        registry: &Registry,
        ledger: &'a Ledger,
        store: &dyn OnlineStore,
    ) -> Result<Option<Self>, KeyspacesError> {
        // The store comes first: what is written after it was asked is not taken for garbage.
        let stored = store.keyspaces().await?;
        let Some(live) = live_version(registry, ledger).await? else {
            return Ok(None);
        };
        let project = &live.snapshot.definitions.project;
        let online = OnlineKeyspaces::of(ledger, project).await?;
        let newest = registry.current_version().await?.unwrap_or(live.snapshot.version);
        let versions = futures::stream::iter((1..=newest.0).map(RegistryVersion))
            .map(|version| registry.get(version))
            .buffered(CONCURRENT_READS)
            .map_ok(|snapshot| Version::of(&snapshot))
            .try_collect()
            .await?;
        let stored = (stored.into_iter())
            .filter(|info| info.keyspace.project == *project)
            .map(|info| (info.keyspace.clone(), info));
        Ok(Some(Self {
            stored: stored.collect(),
            live,
            versions,
            online,
        }))
    }

    /// The current version.
    fn applied(&self) -> &Version {
        self.versions.last().expect("the registry has a version")
    }

    fn live(&self) -> &Version {
        let live = self.live.snapshot.version;
        let version = self.versions.iter().find(|version| version.number == live);
        version.expect("the live version is one of the registry's")
    }

    /// Whether a reader or a writer may come to the keyspace.
    fn is_used(&self, keyspace: &Keyspace) -> bool {
        self.live().keyspaces.contains(keyspace) || self.applied().keyspaces.contains(keyspace)
    }

    /// Whether the keyspace is this registry's at all: one of its versions has it, or its ledger.
    fn is_ours(&self, keyspace: &Keyspace) -> bool {
        let of_version = |version: &Version| version.keyspaces.contains(keyspace);
        self.online.recorded().contains(keyspace) || self.versions.iter().any(of_version)
    }

    /// All keyspaces that are used, recorded or stored.
    fn all(&self) -> BTreeSet<Keyspace> {
        let used = self.live().keyspaces.iter().chain(&self.applied().keyspaces);
        let all = used.chain(self.online.recorded()).chain(self.stored.keys());
        all.cloned().collect()
    }
}
