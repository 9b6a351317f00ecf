//! Which registry version readers see: the newest one whose views are online.
//!
//! A changed view has a keyspace of its own, empty at first. Were readers to follow every new version at once, all
//! entities of the view would be gone until its next materialization. So a version waits until each of its changed
//! views has been materialized, and the version before it goes on answering from the former keyspaces. Readers switch
//! in one step: a request sees the one version or the other.

use std::collections::{BTreeMap, BTreeSet};

use asof_model::definition::Definitions;
use asof_model::{Keyspace, ProjectName, ViewName};
use asof_registry::{Registry, RegistryError, RegistryVersion, Snapshot};

use crate::ledger::Listing;
use crate::{Ledger, MaterializeError};

/// Why it is not known which version readers see.
#[derive(Debug, thiserror::Error)]
pub enum LiveVersionError {
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] MaterializeError),
}

/// A newer version that readers do not see yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingVersion {
    /// The registry's current version.
    pub version: RegistryVersion,
    /// Its views that are still to be materialized, by name.
    pub views: Vec<ViewName>,
}

/// The version that readers see.
#[derive(Debug, Clone)]
pub struct LiveVersion {
    /// Its definitions.
    pub snapshot: Snapshot,
    /// The newer version that waits, if there is one.
    pub waiting: Option<WaitingVersion>,
}

/// The version that readers see: the newest one of which no view waits to be materialized; the current one if every
/// version has such a view. `None` while the registry has no version.
///
/// A view waits when the ledger knows rows of the view, but not of its definition: they were never brought online, or
/// were given up since. A view that was never materialized under any definition does not hold a version back: there are
/// no former rows that could answer in its stead.
///
/// Cost: a listing of the ledger's keyspaces, a read per version that is passed over, and a listing and a read for each
/// keyspace in question that was given up once.
///
/// # Errors
/// When the registry or the ledger cannot be read.
pub async fn live_version(registry: &Registry, ledger: &Ledger) -> Result<Option<LiveVersion>, LiveVersionError> {
    let Some(current) = registry.current().await? else {
        return Ok(None);
    };
    let mut online = OnlineKeyspaces::of(ledger, &current.definitions.project).await?;
    let views = waiting_views(keyspaces_of(&current.definitions), &mut online).await?;
    if views.is_empty() {
        return Ok(Some(LiveVersion {
            snapshot: current,
            waiting: None,
        }));
    }
    let waiting = WaitingVersion {
        version: current.version,
        views,
    };
    for number in (1..current.version.0).rev() {
        let snapshot = registry.get(RegistryVersion(number)).await?;
        if waiting_views(keyspaces_of(&snapshot.definitions), &mut online)
            .await?
            .is_empty()
        {
            return Ok(Some(LiveVersion {
                snapshot,
                waiting: Some(waiting),
            }));
        }
    }
    Ok(Some(LiveVersion {
        snapshot: current,
        waiting: None,
    }))
}

/// The keyspaces of a project whose rows are online as far as the ledger knows, each looked into at most once.
pub(crate) struct OnlineKeyspaces<'a> {
    ledger: &'a Ledger,
    listing: Listing,
    known: BTreeMap<Keyspace, bool>,
}

impl<'a> OnlineKeyspaces<'a> {
    pub(crate) async fn of(ledger: &'a Ledger, project: &ProjectName) -> Result<Self, MaterializeError> {
        Ok(Self {
            ledger,
            listing: ledger.listing(project).await?,
            known: BTreeMap::new(),
        })
    }

    /// All keyspaces that the ledger has records of.
    pub(crate) fn recorded(&self) -> &BTreeSet<Keyspace> {
        &self.listing.recorded
    }

    pub(crate) async fn contains(&mut self, keyspace: &Keyspace) -> Result<bool, MaterializeError> {
        if !self.listing.recorded.contains(keyspace) || !self.listing.released_once.contains(keyspace) {
            return Ok(self.listing.recorded.contains(keyspace));
        }
        if let Some(known) = self.known.get(keyspace) {
            return Ok(*known);
        }
        let online = self.ledger.standing(keyspace).await?.is_online();
        self.known.insert(keyspace.clone(), online);
        Ok(online)
    }

    /// Whether rows of the view are online, under whatever definition.
    async fn has_view(&mut self, view: &ViewName) -> Result<bool, MaterializeError> {
        let of_view = self.listing.recorded.iter().filter(|keyspace| keyspace.view == *view);
        for keyspace in of_view.cloned().collect::<Vec<_>>() {
            if self.contains(&keyspace).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The keyspaces of a version's views that are online, by view.
pub(crate) fn keyspaces_of(definitions: &Definitions) -> impl Iterator<Item = Keyspace> {
    (definitions.feature_views.values())
        .filter(|view| view.online)
        .map(|view| Keyspace::of(&definitions.project, view, &definitions.sources[&view.source]))
}

/// The views of a version, which reads these keyspaces, whose rows are online under another definition only, or were
/// given up.
pub(crate) async fn waiting_views(
    keyspaces: impl Iterator<Item = Keyspace>,
    online: &mut OnlineKeyspaces<'_>,
) -> Result<Vec<ViewName>, MaterializeError> {
    let mut waiting = Vec::new();
    for keyspace in keyspaces {
        if online.contains(&keyspace).await? {
            continue;
        }
        // Rows of a keyspace that was given up may be there in part, so they are not read.
        let was_given_up = online.recorded().contains(&keyspace);
        if was_given_up || online.has_view(&keyspace.view).await? {
            waiting.push(keyspace.view);
        }
    }
    Ok(waiting)
}
