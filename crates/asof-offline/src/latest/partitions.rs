//! The last row of every entity there is, in memory of a given size: entities are dealt out to partitions by their
//! key, and when memory is short, the largest partitions go to temporary files.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use parking_lot::Mutex;

use super::last_rows::{Key, LastRows};
use super::runs::Runs;
use super::winners::Winners;
use crate::OfflineError;
use crate::parallel::in_parallel;
use crate::source::Place;

/// How many partitions there are: enough that threads seldom meet, and that one of them takes little memory.
pub(super) const PARTITIONS: usize = 64;

/// The last row so far of every entity, shared by all threads.
#[derive(Debug)]
pub(super) struct Partitions {
    all: Vec<Partition>,
    /// Whether keys are whole numbers.
    is_int: bool,
    reservation: MemoryReservation,
    /// Serializes spilling: one thread makes room for all.
    making_room: Mutex<()>,
    spilled: AtomicU64,
}

#[derive(Debug, Default)]
struct Partition {
    held: Mutex<Held>,
    /// What the rows in memory take.
    memory: AtomicUsize,
}

#[derive(Debug, Default)]
struct Held {
    rows: LastRows,
    runs: Runs,
}

impl Partitions {
    /// No row yet. Memory is taken from the pool of `context`.
    pub(super) fn new(is_int: bool, context: &TaskContext) -> Self {
        let consumer = MemoryConsumer::new("latest rows").with_can_spill(true);
        Self {
            all: (0..PARTITIONS).map(|_| Partition::default()).collect(),
            is_int,
            reservation: consumer.register(context.memory_pool()),
            making_room: Mutex::new(()),
            spilled: AtomicU64::new(0),
        }
    }

    /// The partition of a key with this hash. Tables go by the lowest and the highest bits; these are others.
    #[inline]
    pub(super) fn of(hash: u64) -> usize {
        (hash >> 40) as usize % PARTITIONS
    }

    /// Bytes that went to temporary files so far.
    pub(super) fn spilled(&self) -> u64 {
        self.spilled.load(Ordering::Relaxed)
    }

    /// Lets rows of one partition compete, each with its key and the key's hash.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub(super) fn enter<'a>(
        &self,
        partition: usize,
        rows: impl Iterator<Item = (u64, Key<'a>, Place)>,
    ) -> Result<(), OfflineError> {
        let partition = &self.all[partition];
        let mut held = partition.held.lock();
        for (hash, key, place) in rows {
            while !held.rows.enter(hash, key, place) {
                let room = held.rows.room_for(key);
                if self.reservation.try_grow(room).is_err() {
                    // Whoever makes room may need this partition.
                    drop(held);
                    self.make_room(room)?;
                    held = partition.held.lock();
                }
                // Meanwhile another thread may have used it, so that the key needs less room, or more.
                if held.rows.room_for(key) <= room {
                    let before = held.rows.memory();
                    held.rows.grow(key);
                    let after = held.rows.memory();
                    partition.memory.store(after, Ordering::Relaxed);
                    self.reservation.shrink((before + room).saturating_sub(after));
                } else {
                    self.reservation.shrink(room);
                }
            }
        }
        Ok(())
    }

    /// Reserves memory, if need be by moving the largest partitions to temporary files.
    fn make_room(&self, bytes: usize) -> Result<(), OfflineError> {
        let _turn = self.making_room.lock();
        while self.reservation.try_grow(bytes).is_err() {
            let memory = |partition: &&Partition| partition.memory.load(Ordering::Relaxed);
            let largest = self.all.iter().max_by_key(memory);
            let Some(largest) = largest.filter(|largest| memory(largest) > 0) else {
                // There is nothing left to move: what is at hand is needed.
                self.reservation.grow(bytes);
                break;
            };
            self.spill(largest, &mut largest.held.lock())?;
        }
        Ok(())
    }

    fn spill(&self, partition: &Partition, held: &mut Held) -> Result<(), OfflineError> {
        let freed = held.rows.memory();
        let Held { rows, runs } = held;
        let written = runs.add(|writer| rows.drain_sorted(self.is_int, |key, place| writer.push(key, place)));
        self.spilled
            .fetch_add(written.map_err(OfflineError::spill)?, Ordering::Relaxed);
        partition.memory.store(0, Ordering::Relaxed);
        self.reservation.shrink(freed);
        Ok(())
    }

    /// Collects the last row of every entity, with so many threads, and forgets them. Blocks.
    ///
    /// # Errors
    /// When a temporary file cannot be written or read.
    pub(super) fn finish(&self, threads: usize, winners: &Winners) -> Result<(), OfflineError> {
        in_parallel(threads, self.all.iter().collect(), |partition: &Partition| {
            let mut held = partition.held.lock();
            let mut winners = winners.collector();
            if held.runs.is_empty() {
                let rows = std::mem::take(&mut held.rows);
                rows.places().for_each(|place| winners.add(place));
                self.reservation.shrink(rows.memory());
                partition.memory.store(0, Ordering::Relaxed);
            } else {
                self.spill(partition, &mut held)?;
                let runs = std::mem::take(&mut held.runs);
                let written = runs.merge(|place| winners.add(place));
                self.spilled
                    .fetch_add(written.map_err(OfflineError::spill)?, Ordering::Relaxed);
            }
            winners.hand_in();
            Ok::<_, OfflineError>(())
        })?;
        Ok(())
    }
}
