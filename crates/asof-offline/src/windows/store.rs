//! The rows that window features aggregate, collected in any order and kept by entity.
//!
//! ```text
//!  batches ──> pending rows (of one thread) ──> segments, by shard ──> one shard at a time: sorted, grouped
//! ```
//!
//! A row is kept only while some time asked about can reach it. Entities lie in shards, so that sorting a shard stays
//! in the processor's cache, and what is unsorted is given up shard by shard.

use std::sync::Arc;

use super::parallel::in_parallel;
use super::program::WindowProgram;
use super::segment::{Pending, Segment};
use crate::OfflineError;
use crate::asof_join::{Index, NO_ENTITY};
use crate::source::Scanned;

/// Entities lie in this many shards, by their number.
pub(super) const SHARDS: usize = 64;

/// Rows that are collected before they are laid by shard. Few in tests, so that theirs are enough.
const PENDING_ROWS: usize = if cfg!(test) { 5 } else { 1 << 17 };

/// Rows out of reach are dropped when there are more rows than this.
const ROWS_BEFORE_FORGETTING: usize = if cfg!(test) { 8 } else { 1 << 20 };

/// The rows collected so far from some of the partitions of a scan.
#[derive(Debug)]
pub(super) struct Store {
    program: Arc<WindowProgram>,
    pending: Pending,
    /// By shard; all in one where entities have numbers of their partition until they meet those of the others.
    segments: Vec<Vec<Segment>>,
    /// Segments of other partitions, with the numbers that their entities have here.
    renumbered: Vec<(Segment, Arc<[u32]>)>,
    rows: usize,
    /// For each slot, the last event time of the rows that are known there.
    latest: Vec<i64>,
    forget_at: usize,
}

impl Store {
    pub(super) fn new(program: Arc<WindowProgram>) -> Self {
        Self {
            program,
            pending: Pending::default(),
            segments: Vec::new(),
            renumbered: Vec::new(),
            rows: 0,
            latest: Vec::new(),
            forget_at: ROWS_BEFORE_FORGETTING,
        }
    }

    /// Keeps the rows of a batch that can matter to somebody; `entities` says whose each is.
    pub(super) fn offer(&mut self, index: &Index, entities: &[u32], batch: &Scanned) -> Result<(), OfflineError> {
        if self.latest.len() < index.slots() {
            self.latest.resize(index.slots(), i64::MIN);
        }
        let events = batch.event_times.values();
        let mut kept = Vec::new();
        for (row, (entity, event)) in entities.iter().zip(events).enumerate() {
            if *entity == NO_ENTITY {
                continue;
            }
            let Some(slot) = self.program.first_slot(index, *entity, *event, batch.created_time(row)) else {
                continue;
            };
            let latest = &mut self.latest[slot as usize];
            *latest = (*latest).max(*event);
            if self.program.cutoffs.is_in_reach(*event, *latest) {
                kept.push(row);
            }
        }
        if kept.is_empty() {
            return Ok(());
        }
        self.rows += kept.len();
        self.pending.push(batch, &kept, entities)?;
        if self.pending.len() >= PENDING_ROWS {
            self.lay(index)?;
            if self.rows >= self.forget_at {
                self.forget(index)?;
            }
        }
        Ok(())
    }

    /// Called once, after the last batch.
    pub(super) fn hand_in(&mut self, index: &Index) -> Result<(), OfflineError> {
        if self.pending.len() > 0 {
            self.lay(index)
        } else {
            Ok(())
        }
    }

    fn lay(&mut self, index: &Index) -> Result<(), OfflineError> {
        let shards = if index.is_at_one_time() { 1 } else { SHARDS };
        self.segments.resize_with(shards, Vec::new);
        for (shard, segment) in self.pending.lay(shards)? {
            self.segments[shard].push(segment);
        }
        Ok(())
    }

    /// Drops the rows that are out of reach by now.
    fn forget(&mut self, index: &Index) -> Result<(), OfflineError> {
        self.carry_forward(index);
        let (program, latest) = (&self.program, &self.latest);
        let before = self.rows;
        self.rows = 0;
        for segments in &mut self.segments {
            for segment in segments {
                *segment = std::mem::take(segment).retain(|entity, event, created| {
                    let slot = program.first_slot(index, entity, event, created);
                    slot.is_some_and(|slot| program.cutoffs.is_in_reach(event, latest[slot as usize]))
                })?;
                self.rows += segment.len();
            }
        }
        // Where little is dropped, little will be.
        let growth = if self.rows > before / 4 * 3 { 8 } else { 2 };
        self.forget_at = ROWS_BEFORE_FORGETTING.max(growth * self.rows);
        Ok(())
    }

    /// What is known at a slot is known at the later slots of the entity.
    fn carry_forward(&mut self, index: &Index) {
        let Index::Spine(spine) = index else {
            return;
        };
        for entity in 0..spine.entities() as u32 {
            let slots = spine.of_entity(entity);
            let mut last = i64::MIN;
            for latest in &mut self.latest[slots.start as usize..slots.end as usize] {
                last = last.max(*latest);
                *latest = last;
            }
        }
    }

    /// Takes in the rows of another partition, which were all handed in. `entities` says what its entities are here, if
    /// not the same.
    pub(super) fn absorb(&mut self, other: Self, entities: Option<&[u32]>) {
        self.rows += other.rows;
        self.renumbered.extend(other.renumbered);
        if let Some(entities) = entities {
            let numbers: Arc<[u32]> = entities.into();
            let segments = other.segments.into_iter().flatten();
            self.renumbered
                .extend(segments.map(|segment| (segment, Arc::clone(&numbers))));
            return;
        }
        if self.segments.len() < other.segments.len() {
            self.segments.resize_with(other.segments.len(), Vec::new);
        }
        for (mine, theirs) in self.segments.iter_mut().zip(other.segments) {
            mine.extend(theirs);
        }
    }

    /// The segments of each shard.
    pub(super) fn into_shards(mut self, threads: usize) -> Result<Vec<Vec<Segment>>, OfflineError> {
        let split = |(segment, numbers): (Segment, Arc<[u32]>)| segment.split(&numbers, SHARDS);
        let split = in_parallel(threads, self.renumbered, split)?;
        self.segments.resize_with(SHARDS, Vec::new);
        for (shard, segment) in split.into_iter().flatten() {
            self.segments[shard].push(segment);
        }
        Ok(self.segments)
    }
}
