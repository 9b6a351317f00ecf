//! Which registry version readers see: the newest one whose views are online.
//!
//! A changed view has a keyspace of its own, empty at first. Were readers to follow every new version at once, all
//! entities of the view would be gone until its next materialization. So a version waits until each of its changed
//! views has been materialized, and the version before it goes on answering from the former keyspaces. Readers switch
//! in one step: a request sees the one version or the other.

use std::collections::BTreeSet;

use asof_model::{Keyspace, ViewName};
use asof_registry::{Registry, RegistryError, RegistryVersion, Snapshot};

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
/// A view waits when the ledger knows the view, but not the keyspace of its definition. A view that was never
/// materialized does not hold a version back: there are no former rows that could answer in its stead.
///
/// Cost: a listing of the ledger's keyspaces, and a read per version that is passed over.
///
/// # Errors
/// When the registry or the ledger cannot be read.
pub async fn live_version(registry: &Registry, ledger: &Ledger) -> Result<Option<LiveVersion>, LiveVersionError> {
    let Some(current) = registry.current().await? else {
        return Ok(None);
    };
    let known = ledger.keyspaces(&current.definitions.project).await?;
    let views = waiting_views(&current, &known);
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
        if waiting_views(&snapshot, &known).is_empty() {
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

/// The views of a version whose rows are online under another definition only.
fn waiting_views(snapshot: &Snapshot, known: &BTreeSet<Keyspace>) -> Vec<ViewName> {
    let definitions = &snapshot.definitions;
    let waits =
        |keyspace: &Keyspace| !known.contains(keyspace) && known.iter().any(|other| other.view == keyspace.view);
    definitions
        .feature_views
        .values()
        .filter(|view| view.online)
        .filter(|view| {
            waits(&Keyspace::of(
                &definitions.project,
                view,
                &definitions.sources[&view.source],
            ))
        })
        .map(|view| view.name.clone())
        .collect()
}
