//! Gives up keyspaces that nobody reads any longer.
//!
//! A keyspace may go when neither the live nor the current version reads it, and the version that took its place has
//! been live for a grace period: so long a rollback finds it whole, and so long servers have to follow. One of which the
//! store lost rows is of no use to a rollback, and may go after a minute. What a release is in the ledger, and how it meets
//! runs, stands at the head of `ledger`.
//!
//! The registry is asked again when a release has begun. If a version that reads the keyspace was applied in between,
//! no row is deleted and the release ends; the version then waits until it is materialized again. So a reader never
//! meets a keyspace of which a part is gone.

use std::fmt;
use std::sync::Arc;

use asof_model::{Clock, Keyspace, TimeSpan, Timestamp};
use asof_online::OnlineStore;
use asof_registry::{Registry, RegistryVersion};

use super::replaced::{OnlineSince, replaced};
use super::{KeyspacesError, Survey};
use crate::live::keyspaces_of;
use crate::{Ledger, LedgerRecord, Release, ReleaseStage};

/// The shortest grace period: servers that follow the registry more slowly are not waited for.
fn least_grace() -> TimeSpan {
    TimeSpan::from_micros(60_000_000).expect("a minute is above zero")
}

/// Whether a keyspace may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It may go now.
    Due(Cause),
    /// It is kept for a rollback for now.
    Kept {
        /// When it may go.
        until: Timestamp,
    },
    /// No newer version is online yet.
    NotReplaced,
    /// Its release was not ended, and the current version reads it: the release ends, and its rows stay.
    ToSettle,
    /// Neither a version nor the ledger of this registry has it. It is not ours to delete.
    Unknown,
}

/// Why a keyspace may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its successor became live then, and the grace period is over.
    Replaced(Timestamp),
    /// Its successor is live, and the store lost rows of it, so that no rollback can be answered from it.
    Lost,
    /// It was given up already, and rows are left, or the release was not ended.
    Released,
}

/// A keyspace that is not used, or whose release was not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcCandidate {
    /// The keyspace.
    pub keyspace: Keyspace,
    /// How many rows the store has.
    pub rows: u64,
    /// Whether it may go.
    pub fate: Fate,
    /// The ledger's newest record of it, by which this was decided.
    seen: u64,
    /// Whether that record begins a release.
    is_going: bool,
}

/// What became of a keyspace that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is gone.
    Deleted {
        /// How many rows it had.
        rows: u64,
    },
    /// It was written to, or given up by someone else, after the decision. Nothing was done.
    Changed,
    /// It is used again. Its rows stay, but have to be materialized again before they are read.
    UsedAgain {
        /// The version that reads it.
        version: RegistryVersion,
    },
}

/// Finds keyspaces that are not used any longer, and deletes them.
pub struct GarbageCollector {
    registry: Registry,
    ledger: Ledger,
    store: Arc<dyn OnlineStore>,
    clock: Arc<dyn Clock>,
    grace: TimeSpan,
}

impl fmt::Debug for GarbageCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GarbageCollector")
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

impl GarbageCollector {
    /// A collector that keeps keyspaces for the `grace` period after they were replaced, by `clock` and by the times
    /// in registry and ledger.
    ///
    /// # Errors
    /// When the period is shorter than a minute.
    pub fn new(
        registry: Registry,
        store: Arc<dyn OnlineStore>,
        clock: Arc<dyn Clock>,
        grace: TimeSpan,
    ) -> Result<Self, KeyspacesError> {
        if grace < least_grace() {
            return Err(KeyspacesError::GraceTooShort(grace));
        }
        Ok(Self {
            ledger: Ledger::beside(&registry),
            registry,
            store,
            clock,
            grace,
        })
    }

    /// The keyspaces that are not used, or whose release was not ended, by name. Changes nothing.
    ///
    /// # Errors
    /// When registry, ledger or store cannot be read.
    pub async fn candidates(&self) -> Result<Vec<GcCandidate>, KeyspacesError> {
        let Some(mut survey) = Survey::take(&self.registry, &self.ledger, self.store.as_ref()).await? else {
            return Ok(Vec::new());
        };
        let now = self.clock.now();
        let mut since = OnlineSince::new(&self.ledger, now.saturating_sub(self.grace));
        let mut candidates = Vec::new();
        for keyspace in survey.all() {
            let standing = self.ledger.standing(&keyspace).await?;
            let rows = survey.stored.get(&keyspace).map(|info| info.rows);
            let is_released = matches!(standing.newest, Some(LedgerRecord::Release(_)));
            let fate = if survey.is_used(&keyspace) {
                if !standing.is_going() {
                    continue;
                }
                Fate::ToSettle
            } else if !survey.is_ours(&keyspace) {
                Fate::Unknown
            } else if is_released {
                if rows.is_none() && !standing.is_going() {
                    continue;
                }
                Fate::Due(Cause::Released)
            } else {
                self.fate(&mut survey, &mut since, &keyspace, now).await?
            };
            candidates.push(GcCandidate {
                rows: rows.unwrap_or_default(),
                fate,
                seen: standing.number,
                is_going: standing.is_going(),
                keyspace,
            });
        }
        Ok(candidates)
    }

    /// Whether a keyspace that is ours, not used and not given up may go.
    async fn fate(
        &self,
        survey: &mut Survey<'_>,
        since: &mut OnlineSince<'_>,
        keyspace: &Keyspace,
        now: Timestamp,
    ) -> Result<Fate, KeyspacesError> {
        let is_lost = self.is_lost(survey, keyspace).await?;
        // Servers that still read what is left of it have time to follow all the same.
        let grace = if is_lost { least_grace() } else { self.grace };
        let Some(replaced) = replaced(survey, since, keyspace).await? else {
            return Ok(Fate::NotReplaced);
        };
        let until = replaced.saturating_add(grace);
        Ok(if until > now {
            Fate::Kept { until }
        } else if is_lost {
            Fate::Due(Cause::Lost)
        } else {
            Fate::Due(Cause::Replaced(replaced))
        })
    }

    /// Whether the store no longer holds what runs had written to the keyspace.
    async fn is_lost(&self, survey: &Survey<'_>, keyspace: &Keyspace) -> Result<bool, KeyspacesError> {
        let promised = self.ledger.last_promise(keyspace).await?;
        Ok(promised.is_some_and(|promised| promised.is_lost(survey.stored.get(keyspace))))
    }

    /// Deletes a keyspace that is due, or ends its release. Others stay as they are.
    ///
    /// Killed at any moment, it leaves a release that has begun, which [`Self::candidates`] finds again.
    ///
    /// # Errors
    /// When registry, ledger or store cannot be read or written.
    pub async fn delete(&self, candidate: &GcCandidate) -> Result<Outcome, KeyspacesError> {
        let keyspace = &candidate.keyspace;
        if !matches!(candidate.fate, Fate::Due(_) | Fate::ToSettle) {
            return Ok(Outcome::Changed);
        }
        let Some(current) = self.registry.current_version().await? else {
            return Ok(Outcome::Changed);
        };
        let step = |stage| Release {
            keyspace: keyspace.to_string(),
            registry_version: current.0,
            time: self.clock.now(),
            stage,
        };
        let begun = if candidate.is_going {
            candidate.seen
        } else {
            let begun = step(ReleaseStage::Begun);
            match self.ledger.begin_release(keyspace, &begun, candidate.seen).await? {
                Some(number) => number,
                None => return Ok(Outcome::Changed),
            }
        };
        // Whoever applied a version before the release began may have seen the keyspace as it was.
        let user = match candidate.fate {
            Fate::ToSettle => Some(current),
            _ => self.user(keyspace).await?,
        };
        if let Some(version) = user {
            let ended = step(ReleaseStage::Ended { deleted: 0 });
            self.ledger.end_release(keyspace, &ended).await?;
            return Ok(Outcome::UsedAgain { version });
        }
        if self.ledger.standing(keyspace).await?.number != begun {
            // Another collector has taken the release up and ended it.
            return Ok(Outcome::Changed);
        }
        let rows = self.store.delete_keyspace(keyspace).await?;
        let ended = step(ReleaseStage::Ended { deleted: rows });
        self.ledger.end_release(keyspace, &ended).await?;
        tracing::info!(%keyspace, rows, "keyspace deleted");
        Ok(Outcome::Deleted { rows })
    }

    /// The current version, if it reads the keyspace.
    async fn user(&self, keyspace: &Keyspace) -> Result<Option<RegistryVersion>, KeyspacesError> {
        let current = self.registry.current().await?;
        let current = current.filter(|current| keyspaces_of(&current.definitions).any(|read| read == *keyspace));
        Ok(current.map(|current| current.version))
    }
}
