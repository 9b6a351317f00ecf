//! The rows that window features aggregate, collected in any order and kept by entity.
//!
//! ```text
//!  batches ──> pending rows (of one thread) ──> segments, by shard ──> one shard at a time: sorted, grouped
//! ```
//!
//! When memory is short, segments go to a temporary file, and come back with their shard.
//!
//! A row is kept only while some time asked about can reach it. Entities lie in shards, so that sorting a shard stays
//! in the processor's cache, and what is unsorted is given up shard by shard.

use std::sync::Arc;

use super::program::WindowProgram;
use super::segment::{Pending, Segment, SpilledSegment};
use super::spill::Memory;
use crate::OfflineError;
use crate::asof_join::{AtomicBits, Index, NO_ENTITY};
use crate::parallel::in_parallel;
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
    spilled: Vec<Vec<SpilledSegment>>,
    /// Segments of other partitions, with the numbers that their entities have here.
    renumbered: Vec<Renumbered>,
    memory: Memory,
    seen: Arc<Seen>,
    rows: usize,
    /// For each slot, the last event time of the rows that are known there.
    latest: Vec<i64>,
    forget_at: usize,
}

/// All rows, when none is to come.
#[derive(Debug)]
pub(super) struct ByShard {
    /// The segments of each shard.
    pub(super) shards: Vec<Vec<Collected>>,
    pub(super) memory: Memory,
    pub(super) seen: Arc<Seen>,
}

/// What is noted of rows that are not kept, where a spine asks.
#[derive(Debug)]
pub(super) struct Seen {
    /// Entities of which any row came.
    pub(super) entities: AtomicBits,
    /// Slots for which a row came that was too old for them.
    pub(super) expired: AtomicBits,
}

impl Seen {
    pub(super) fn new(index: &Index) -> Self {
        let (entities, slots) = match index {
            Index::Spine(slots) => (slots.entities(), slots.len()),
            Index::Discovered { .. } => (0, 0),
        };
        Self {
            entities: AtomicBits::new(entities),
            expired: AtomicBits::new(slots),
        }
    }
}

/// A segment, and the numbers that its entities have in the end.
type Renumbered = (Collected, Arc<[u32]>);

/// A segment that was collected.
#[derive(Debug)]
pub(super) enum Collected {
    Here(Segment),
    Spilled(SpilledSegment),
}

impl Collected {
    /// The segment, in memory and no longer counted.
    pub(super) fn take(self, memory: &Memory) -> Result<Segment, OfflineError> {
        match self {
            Self::Here(segment) => {
                memory.shrink(segment.memory());
                Ok(segment)
            }
            Self::Spilled(segment) => segment.load(memory),
        }
    }
}

impl Store {
    pub(super) fn new(program: Arc<WindowProgram>, memory: Memory, seen: Arc<Seen>) -> Self {
        Self {
            program,
            memory,
            seen,
            pending: Pending::default(),
            segments: Vec::new(),
            spilled: Vec::new(),
            renumbered: Vec::new(),
            rows: 0,
            latest: Vec::new(),
            forget_at: ROWS_BEFORE_FORGETTING,
        }
    }

    /// The same for other rows.
    pub(super) fn share(&self) -> Self {
        Self::new(Arc::clone(&self.program), self.memory.clone(), Arc::clone(&self.seen))
    }

    /// Keeps the rows of a batch that can matter to somebody; `entities` says whose each is.
    pub(super) fn offer(&mut self, index: &Index, entities: &[u32], batch: &Scanned) -> Result<(), OfflineError> {
        if self.latest.len() < index.slots() {
            let more = index.slots() - self.latest.len();
            self.memory.grow(more * size_of::<i64>());
            self.latest.resize(index.slots(), i64::MIN);
        }
        let events = batch.event_times.values();
        let is_spine = !index.is_at_one_time();
        // Files are mostly in the order of time, so that the next event often lies in the same tile.
        let mut tile = self.program.cutoffs.tile(0);
        let mut kept = Vec::new();
        for (row, (entity, event)) in entities.iter().zip(events).enumerate() {
            if *entity == NO_ENTITY {
                continue;
            }
            if is_spine {
                self.seen.entities.insert(*entity as usize);
            }
            if !tile.has(*event) {
                tile = self.program.cutoffs.tile(*event);
            }
            let created = batch.created_time(row);
            let Some(known) = self.program.first_slot(index, *entity, *event, created, &tile) else {
                continue;
            };
            let slot = known.slot as usize;
            if known.is_fresh {
                self.latest[slot] = self.latest[slot].max(*event);
                if self.program.cutoffs.is_in_reach(*event, self.latest[slot]) {
                    kept.push(row);
                }
            } else if is_spine {
                self.seen.expired.insert(slot);
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
        let laid = self.pending.lay(shards)?;
        let bytes = laid.iter().map(|(_, segment)| segment.memory()).sum();
        for (shard, segment) in laid {
            self.segments[shard].push(segment);
        }
        if self.memory.try_grow(bytes) {
            return Ok(());
        }
        self.memory.grow(bytes);
        self.spill()
    }

    /// Moves all segments to the temporary file.
    fn spill(&mut self) -> Result<(), OfflineError> {
        self.spilled.resize_with(self.segments.len(), Vec::new);
        for (segments, spilled) in self.segments.iter_mut().zip(&mut self.spilled) {
            for segment in segments.drain(..) {
                let bytes = segment.memory();
                spilled.push(segment.spill(&self.memory)?);
                self.memory.shrink(bytes);
            }
        }
        Ok(())
    }

    /// Drops the rows that are out of reach by now, of those in memory.
    fn forget(&mut self, index: &Index) -> Result<(), OfflineError> {
        self.carry_forward(index);
        let (program, latest) = (&self.program, &self.latest);
        let before = self.rows;
        self.rows = 0;
        for segments in &mut self.segments {
            for segment in segments {
                let bytes = segment.memory();
                *segment = std::mem::take(segment).retain(|entity, event, created| {
                    let tile = program.cutoffs.tile(event);
                    let known = program.first_slot(index, entity, event, created, &tile);
                    known.is_some_and(|known| program.cutoffs.is_in_reach(event, latest[known.slot as usize]))
                })?;
                self.memory.shrink(bytes - segment.memory().min(bytes));
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
        self.memory.shrink(other.latest.len() * size_of::<i64>());
        if let Some(entities) = entities {
            let numbers: Arc<[u32]> = entities.into();
            let here = other.segments.into_iter().flatten().map(Collected::Here);
            let spilled = other.spilled.into_iter().flatten().map(Collected::Spilled);
            self.renumbered
                .extend(here.chain(spilled).map(|segment| (segment, Arc::clone(&numbers))));
            return;
        }
        append(&mut self.segments, other.segments);
        append(&mut self.spilled, other.spilled);
    }

    /// All rows by shard.
    pub(super) fn into_shards(mut self) -> Result<ByShard, OfflineError> {
        let (memory, threads) = (self.memory, self.program.threads);
        let split = |(segment, numbers): Renumbered| {
            let segment = segment.take(&memory)?;
            let parts = segment.split(&numbers, SHARDS)?.into_iter().map(|(shard, segment)| {
                let bytes = segment.memory();
                if memory.try_grow(bytes) {
                    return Ok((shard, Collected::Here(segment)));
                }
                Ok((shard, Collected::Spilled(segment.spill(&memory)?)))
            });
            parts.collect::<Result<Vec<_>, OfflineError>>()
        };
        let split = in_parallel(threads, self.renumbered, split)?;
        self.segments.resize_with(SHARDS, Vec::new);
        self.spilled.resize_with(SHARDS, Vec::new);
        let shards = self.segments.into_iter().zip(self.spilled);
        let shards = shards.map(|(here, spilled)| {
            let spilled = spilled.into_iter().map(Collected::Spilled);
            here.into_iter().map(Collected::Here).chain(spilled).collect()
        });
        let mut shards: Vec<Vec<Collected>> = shards.collect();
        for (shard, segment) in split.into_iter().flatten() {
            shards[shard].push(segment);
        }
        Ok(ByShard {
            shards,
            memory,
            seen: self.seen,
        })
    }
}

/// Adds what is in each shard.
fn append<T>(mine: &mut Vec<Vec<T>>, theirs: Vec<Vec<T>>) {
    if mine.len() < theirs.len() {
        mine.resize_with(theirs.len(), Vec::new);
    }
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        mine.extend(theirs);
    }
}
