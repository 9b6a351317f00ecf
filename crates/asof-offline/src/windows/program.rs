//! What is known of a view with windows before any row is read.

use std::sync::Arc;

use asof_model::definition::Aggregation;
use asof_model::{Admission, Timestamp, ViewName};
use asof_transform::AggregateProgram;

use super::Cutoffs;
use super::cutoffs::Tile;
use crate::asof_join::Index;

/// How the rows of an aggregated view are made.
#[derive(Debug)]
pub(crate) struct WindowProgram {
    pub(super) view: ViewName,
    pub(super) aggregate: Arc<AggregateProgram>,
    pub(super) cutoffs: Cutoffs,
    pub(super) visible_from_created: bool,
    /// How many threads may fold.
    pub(super) threads: usize,
}

impl WindowProgram {
    /// The program of `view`, to run in so many threads; `after` bounds the cutoffs that answer from below.
    pub(crate) fn new(
        view: &ViewName,
        aggregation: &Aggregation,
        admission: &Admission,
        aggregate: Arc<AggregateProgram>,
        after: Option<Timestamp>,
        threads: usize,
    ) -> Self {
        Self {
            view: view.clone(),
            aggregate,
            cutoffs: Cutoffs::new(aggregation, admission, after.map(Timestamp::micros)),
            visible_from_created: admission.visible_from_created,
            threads,
        }
    }

    /// See [`Cutoffs::reach`].
    pub(crate) fn reach(&self, first: i64, last: i64) -> (i64, i64) {
        self.cutoffs.reach(first, last)
    }

    /// The first slot of an entity at which a source row is known; later slots know it too. `None`: no slot does.
    ///
    /// `tile` is the one that the event lies in. The lag holds back cutoffs, not the rows in their windows.
    pub(super) fn first_slot(
        &self,
        index: &Index,
        entity: u32,
        event: i64,
        created: Option<i64>,
        tile: &Tile,
    ) -> Option<Known> {
        let mut known = tile.known?;
        if let (true, Some(created)) = (self.visible_from_created, created) {
            known = known.max(created);
        }
        let (slots, times) = index.slots_of(entity);
        let first = times.partition_point(|t| *t < known);
        let t = times.get(first)?;
        Some(Known {
            slot: slots.start + first as u32,
            is_fresh: event >= self.cutoffs.first_event(*t),
        })
    }
}

/// Where a row is known first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) slot: u32,
    /// Whether it may lie in a window of the answer. What is too old for one slot is too old for every later one.
    pub(super) is_fresh: bool,
}
