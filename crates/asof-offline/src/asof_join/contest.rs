//! The contest of a view's rows for the slots of a spine, fought by all threads in one place.
//!
//! A row becomes known at `max(event_time + lag, created_time)`, and competes for the first slot at or after that;
//! later slots inherit it in [`Contest::finish`]. Slots lie in shards, each behind a lock. A thread collects its rows
//! by shard and hands them in many at a time, so that locks cost nothing and a shard's slots are in the cache while
//! they are looked at.

use std::ops::Range;

use asof_model::{Admission, TimeSpan, Timestamp};
use parking_lot::Mutex;

use super::bits::AtomicBits;
use super::index::{NO_SLOT, Slots};
use super::int_table::NO_ENTITY;
use super::values::NO_ROW;
use crate::source::{Place, RowId, Scanned};

/// Slots per shard, at least: as many as fit a processor's own cache.
const LEAST_SHARD: usize = 1 << 13;

/// How many shards at most: each thread keeps rows for every one.
const MOST_SHARDS: usize = 256;

/// Rows handed in at once.
const HANDED_IN: usize = 256;

/// A row that competes for a slot.
#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: u32,
    place: Place,
}

/// The best row of each slot so far.
#[derive(Debug)]
pub(crate) struct Contest {
    admission: Admission,
    /// A slot's shard is its number without so many bits.
    shard_bits: u32,
    shards: Vec<Mutex<Vec<Place>>>,
    /// Slots for which a row came that was too old for them.
    expired: AtomicBits,
    /// Entities of which any row came.
    seen: AtomicBits,
}

/// The rows of one thread that are not handed in yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    by_shard: Vec<Vec<Entry>>,
    /// The rows of the batch at hand that have an entity, with its slots.
    hits: Vec<(u32, Range<u32>)>,
}

/// How it ended, slot by slot.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The bits of the winner's [`RowId`], or [`NO_ROW`].
    pub(crate) winners: Vec<u64>,
    /// Whether a slot without a winner had rows that were too old.
    expired: Vec<bool>,
    /// Whether an entity had any row.
    seen: AtomicBits,
}

impl Contest {
    pub(crate) fn new(admission: Admission, slots: &Slots) -> Self {
        let count = slots.len();
        let shard = LEAST_SHARD.max(count.div_ceil(MOST_SHARDS)).next_power_of_two();
        let sizes = (0..count).step_by(shard).map(|start| shard.min(count - start));
        Self {
            admission,
            shard_bits: shard.trailing_zeros(),
            shards: sizes.map(|size| Mutex::new(vec![Place::NONE; size])).collect(),
            expired: AtomicBits::new(count),
            seen: AtomicBits::new(slots.entities()),
        }
    }

    /// The memory that a contest for so many slots takes.
    pub(crate) fn memory(slots: usize) -> usize {
        slots * size_of::<Place>()
    }

    /// A place to collect the rows of one thread.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting {
            by_shard: vec![Vec::new(); self.shards.len()],
            hits: Vec::new(),
        }
    }

    /// Lets the rows of a batch compete; `entities` says whose each is. Returns how many have an entity.
    pub(crate) fn offer(&self, slots: &Slots, entities: &[u32], batch: &Scanned, waiting: &mut Waiting) -> u64 {
        let lag = self.admission.availability_lag.map_or(0, TimeSpan::micros);
        let from_created = self.admission.visible_from_created;
        let event_times = batch.event_times.values();
        // In two steps: the first only loads, each load on its own, so that the processor waits for many at a time.
        let mut hits = std::mem::take(&mut waiting.hits);
        for (row, entity) in entities.iter().enumerate().filter(|(_, entity)| **entity != NO_ENTITY) {
            self.seen.insert(*entity as usize);
            hits.push((row as u32, slots.of_entity(*entity)));
        }
        let matched = hits.len() as u64;
        for (row, of_entity) in hits.drain(..) {
            let row = row as usize;
            let event_time = event_times[row];
            let Some(mut known) = event_time.checked_add(lag) else {
                continue;
            };
            let created_time = batch.created_time(row);
            if let (true, Some(created)) = (from_created, created_time) {
                known = known.max(created);
            }
            let times = slots.times(of_entity.clone());
            let first = times.partition_point(|time| *time < known);
            let Some(time) = times.get(first) else {
                continue;
            };
            let slot = of_entity.start + first as u32;
            // Too old for this slot is too old for every later one.
            if !self.is_fresh(event_time, *time) {
                self.expired.insert(slot as usize);
                continue;
            }
            let place = Place::new(event_time, created_time, batch.id(row));
            self.enter(Entry { slot, place }, waiting);
        }
        waiting.hits = hits;
        matched
    }

    /// Hands in all rows that wait.
    pub(crate) fn hand_in(&self, waiting: &mut Waiting) {
        for (shard, entries) in waiting.by_shard.iter_mut().enumerate() {
            self.judge(shard, entries);
        }
    }

    fn is_fresh(&self, event_time: i64, t: i64) -> bool {
        let (event_time, t) = (Timestamp::from_micros(event_time), Timestamp::from_micros(t));
        self.admission.is_fresh(event_time, t)
    }

    fn enter(&self, entry: Entry, waiting: &mut Waiting) {
        let shard = (entry.slot >> self.shard_bits) as usize;
        let entries = &mut waiting.by_shard[shard];
        entries.push(entry);
        if entries.len() >= HANDED_IN {
            self.judge(shard, entries);
        }
    }

    fn judge(&self, shard: usize, entries: &mut Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let first = (shard as u32) << self.shard_bits;
        let mut best = self.shards[shard].lock();
        for entry in entries.drain(..) {
            let best = &mut best[(entry.slot - first) as usize];
            if *best < entry.place {
                *best = entry.place;
            }
        }
    }

    /// The winner of every slot.
    ///
    /// A slot inherits from the one before it: what was known then is known now. Of the rows known, the last in the
    /// order has the latest event time, so when it is too old, all are.
    pub(crate) fn finish(self, slots: &Slots) -> Outcome {
        let shards = self.shards.iter();
        let shards: Vec<_> = shards.map(|shard| shard.lock()).collect();
        let mask = (1_usize << self.shard_bits) - 1;
        let mut outcome = Outcome {
            winners: Vec::with_capacity(slots.len()),
            expired: Vec::with_capacity(slots.len()),
            seen: AtomicBits::new(0),
        };
        for entity in 0..slots.entities() as u32 {
            let of_entity = slots.of_entity(entity);
            let times = slots.times(of_entity.clone());
            let mut last = Place::NONE;
            let mut had_older = false;
            for (slot, time) in of_entity.zip(times) {
                let slot = slot as usize;
                last = last.max(shards[slot >> self.shard_bits][slot & mask]);
                let fresh = last.id().filter(|_| self.is_fresh(last.event_time(), *time));
                had_older |= last.is_row() || self.expired.contains(slot);
                outcome.winners.push(fresh.map_or(NO_ROW, RowId::bits));
                outcome.expired.push(fresh.is_none() && had_older);
            }
        }
        drop(shards);
        outcome.seen = self.seen;
        outcome
    }
}

impl Outcome {
    /// How the search for answers of another kind ended: for which slots rows were too old, and of which entities any
    /// row came.
    pub(crate) fn new(expired: Vec<bool>, seen: AtomicBits) -> Self {
        Self {
            winners: Vec::new(),
            expired,
            seen,
        }
    }

    /// Whether a slot has no winner, though there were rows in time: all too old.
    pub(crate) fn is_expired(&self, slot: u32) -> bool {
        self.expired[slot as usize]
    }

    /// How many rows of the spine have a key of which no row came.
    pub(crate) fn rows_of_unknown(&self, slots: &Slots) -> u64 {
        let mut unknown = vec![false; slots.len()];
        for entity in (0..slots.entities() as u32).filter(|entity| !self.seen.contains(*entity as usize)) {
            for slot in slots.of_entity(entity) {
                unknown[slot as usize] = true;
            }
        }
        let rows = slots.of_row().iter().filter(|slot| **slot != NO_SLOT);
        rows.filter(|slot| unknown[**slot as usize]).count() as u64
    }
}
