//! The unit of work: one view, one range of rows.

use std::sync::Arc;

use asof_model::definition::{FeatureView, Source};
use asof_model::{Keyspace, Timestamp};

use crate::LedgerEntry;

/// Which of a view's rows are to go online.
#[derive(Debug, Clone, PartialEq)]
pub enum Scope {
    /// The last row per entity among rows with `from < event_time <= to` that are visible at `to`.
    Interval {
        /// The start, itself outside.
        from: Timestamp,
        /// The end, itself inside.
        to: Timestamp,
    },
    /// The last row per entity among all rows visible at `to`, of which those up to `done` are online already.
    UpTo {
        /// The end, itself inside.
        to: Timestamp,
        /// The last complete run; `None`: nothing is online yet.
        done: Option<LedgerEntry>,
    },
}

impl Scope {
    /// The start of the interval, itself outside; `None`: the beginning of time.
    pub fn from(&self) -> Option<Timestamp> {
        match self {
            Self::Interval { from, .. } => Some(*from),
            Self::UpTo { .. } => None,
        }
    }

    /// The same rows, when none of them is online yet.
    pub(crate) fn anew(&self) -> Self {
        match self {
            Self::Interval { from, to } => Self::Interval { from: *from, to: *to },
            Self::UpTo { to, .. } => Self::UpTo { to: *to, done: None },
        }
    }

    /// The end, itself inside.
    pub fn to(&self) -> Timestamp {
        match self {
            Self::Interval { to, .. } | Self::UpTo { to, .. } => *to,
        }
    }
}

/// One view's share of a run. Carrying it out twice, or by two at once, ends in the same state as once.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewTask {
    /// The view.
    pub view: Arc<FeatureView>,
    /// Its source.
    pub source: Arc<Source>,
    /// The registry version that defines them.
    pub registry_version: u64,
    /// Where its rows go.
    pub keyspace: Keyspace,
    /// Which rows.
    pub scope: Scope,
}
