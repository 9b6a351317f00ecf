//! What happens to a shard.

use std::time::Duration;

use asof_model::Timestamp;
use asof_online::KeyspaceLife;

use super::{LEASE, Part, owner};
use crate::RowCounts;

/// Something that happened to a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardEvent {
    /// Somebody does it.
    Claimed(Claim),
    /// Whoever did it lets others have it.
    Released {
        /// When.
        at: Timestamp,
    },
    /// Whoever did it could not.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        problem: String,
    },
    /// All of it is written.
    Done(ShardDone),
}

/// Who does a shard, and for how long the claim holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who: machine and process.
    pub owner: String,
    /// When it was claimed, or renewed.
    pub at: Timestamp,
    /// How long the claim holds.
    pub until: Timestamp,
    /// Whether it is an earlier claim that goes on.
    pub renewed: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardDone {
    /// Who did it.
    pub owner: String,
    /// When all was written.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What became of the rows.
    pub rows: RowCounts,
    /// Bytes of keys and rows that were sent to the store.
    pub bytes: u64,
    /// A sum over the hashes of all keys with their rows: it does not depend on their order.
    pub checksum: u64,
    /// The newest event time among the rows; `None`: there was no row.
    pub newest: Option<Timestamp>,
    /// The life of the keyspace when all was written.
    pub life: KeyspaceLife,
}

/// A shard and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardStatus {
    /// The shard.
    pub part: Part,
    /// How often it was begun.
    pub attempts: u32,
    /// The last thing that happened to it; `None`: nothing yet.
    pub last: Option<ShardEvent>,
}

impl ShardStatus {
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            attempts: 0,
            last: None,
        }
    }

    pub(super) fn add(&mut self, event: ShardEvent) {
        if matches!(&event, ShardEvent::Claimed(claim) if !claim.renewed) {
            self.attempts += 1;
        }
        self.last = Some(event);
    }

    /// Whether somebody does it `now`, as far as that is known.
    pub fn is_running(&self, now: Timestamp) -> bool {
        matches!(&self.last, Some(ShardEvent::Claimed(claim)) if claim.is_valid(now))
    }

    /// What was done, if all of it was.
    pub fn done(&self) -> Option<&ShardDone> {
        match &self.last {
            Some(ShardEvent::Done(done)) => Some(done),
            _ => None,
        }
    }
}

impl Claim {
    /// A claim from `now` on.
    pub(crate) fn new(owner: &str, now: Timestamp, renewed: bool) -> Self {
        Self {
            owner: owner.to_owned(),
            at: now,
            until: Timestamp::from_micros(now.micros().saturating_add(LEASE.as_micros() as i64)),
            renewed,
        }
    }

    /// Whether nobody else may begin the shard `now`.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.holds(now) && !owner::is_gone(&self.owner)
    }

    /// A claim of a clock that is ahead by more than a lease would hold for longer than anybody should wait.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        let left = self.until.micros().saturating_sub(now.micros());
        (0..=2 * LEASE.as_micros() as i64).contains(&left)
    }
}
