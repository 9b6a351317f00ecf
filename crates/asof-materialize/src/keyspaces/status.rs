//! What each keyspace of a project is for, and what it holds.

use asof_model::Keyspace;
use asof_online::OnlineStore;
use asof_registry::{Registry, RegistryVersion};

use super::{KeyspacesError, Survey};
use crate::{Ledger, LedgerEntry, LedgerRecord, WaitingVersion};

/// What a keyspace is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyspaceState {
    /// Readers are answered from it.
    Live,
    /// The current version reads it, but is not the one that readers see yet.
    Building,
    /// Neither: it is kept for a rollback.
    Previous,
    /// It was given up. What rows there are will be deleted.
    Released,
    /// No version of the registry has it, nor does the ledger: someone else's, perhaps.
    Unknown,
}

/// A keyspace, its use and its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyspaceStatus {
    /// The keyspace.
    pub keyspace: Keyspace,
    /// What it is for.
    pub state: KeyspaceState,
    /// How many rows the store has; `None`: the store does not have the keyspace.
    pub rows: Option<u64>,
    /// The newest run, if nothing was given up since.
    pub newest: Option<LedgerEntry>,
    /// Whether the store lost what runs had written: it does not have the keyspace, has another one of its name, or was
    /// set back.
    pub is_emptied: bool,
}

/// The keyspaces of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlineStatus {
    /// The version that readers see.
    pub live: RegistryVersion,
    /// The newer version that waits, if there is one.
    pub waiting: Option<WaitingVersion>,
    /// The keyspaces, by view and state.
    pub keyspaces: Vec<KeyspaceStatus>,
}

/// What each keyspace of the project is for, and what it holds: all that the live or the current version reads, that
/// the ledger counts as online, or that the store has. `None` while the registry has no version.
///
/// Cost: every version of the registry is read once, and of every keyspace its newest record.
///
/// # Errors
/// When registry, ledger or store cannot be read.
pub async fn keyspace_statuses(
    registry: &Registry,
    ledger: &Ledger,
    store: &dyn OnlineStore,
) -> Result<Option<OnlineStatus>, KeyspacesError> {
    let Some(survey) = Survey::take(registry, ledger, store).await? else {
        return Ok(None);
    };
    let mut keyspaces = Vec::new();
    for keyspace in survey.all() {
        let standing = ledger.standing(&keyspace).await?;
        let stored = survey.stored.get(&keyspace);
        let is_released = matches!(standing.newest, Some(LedgerRecord::Release(_)));
        let state = if survey.live().keyspaces.contains(&keyspace) {
            KeyspaceState::Live
        } else if survey.applied().keyspaces.contains(&keyspace) {
            KeyspaceState::Building
        } else if is_released {
            KeyspaceState::Released
        } else if survey.is_ours(&keyspace) {
            KeyspaceState::Previous
        } else {
            KeyspaceState::Unknown
        };
        // What was given up and is gone is of no interest any more.
        if state == KeyspaceState::Released && stored.is_none() && !standing.is_going() {
            continue;
        }
        let promised = ledger.last_promise(&keyspace).await?;
        keyspaces.push(KeyspaceStatus {
            is_emptied: promised.is_some_and(|promised| promised.is_lost(stored)),
            state,
            rows: stored.map(|info| info.rows),
            newest: standing.newest.and_then(LedgerRecord::run),
            keyspace,
        });
    }
    keyspaces.sort_by(|a, b| {
        let (left, right) = (&a.keyspace, &b.keyspace);
        (&left.view, a.state, left.fingerprint).cmp(&(&right.view, b.state, right.fingerprint))
    });
    Ok(Some(OnlineStatus {
        live: survey.live.snapshot.version,
        waiting: survey.live.waiting,
        keyspaces,
    }))
}
