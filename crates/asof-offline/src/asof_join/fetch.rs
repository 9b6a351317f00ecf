//! The value pass: the values of the winning rows are read, part by part, and dealt out to the ranges of the spine
//! that want them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::UInt32Array;
use datafusion::common::runtime::JoinSet;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use parking_lot::Mutex;

use super::bucket::Bucket;
use super::row_set::{RowSet, ones};
use super::values::{NO_ROW, ValueBatch, ValueSource};
use crate::OfflineError;
use crate::source::RowId;

/// What the lookups on one view want: for each, the winner of each row of the spine.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) source: Arc<dyn ValueSource>,
    pub(crate) lookups: Vec<Arc<Vec<u64>>>,
}

/// The values of all views, by range of the spine.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Of each range, a bucket per view; taken when the range's turn comes.
    chunks: Vec<Vec<Mutex<Option<Bucket>>>>,
    reservation: MemoryReservation,
    spilled: AtomicUsize,
    /// Serializes spilling: one thread makes room for all.
    spilling: Mutex<()>,
}

/// What the value pass of a view found.
#[derive(Debug, Clone, Default)]
pub(crate) struct FetchReport {
    /// Rows whose values were read.
    pub(crate) winners: u64,
    /// Parts that they came from, ascending.
    pub(crate) parts: Vec<u32>,
}

impl Fetched {
    /// Nothing yet, for `chunks` ranges.
    pub(crate) fn new(chunks: usize, context: &TaskContext) -> Self {
        let consumer = MemoryConsumer::new("AsofJoinExec values").with_can_spill(true);
        Self {
            chunks: (0..chunks).map(|_| Vec::new()).collect(),
            reservation: consumer.register(context.memory_pool()),
            spilled: AtomicUsize::new(0),
            spilling: Mutex::new(()),
        }
    }

    /// Reads what is wanted of one more view with so many threads. `chunk_rows`: rows of the spine per range.
    ///
    /// # Errors
    /// When the source cannot be read, a value cannot be computed, or there is no room for a temporary file.
    pub(crate) async fn add(
        self: &mut Arc<Self>,
        wanted: &Wanted,
        chunk_rows: usize,
        threads: usize,
    ) -> Result<FetchReport, OfflineError> {
        let view = {
            let this = Arc::get_mut(self).expect("no task of an earlier view is left");
            for (chunk, buckets) in this.chunks.iter_mut().enumerate() {
                let ids = wanted.lookups.iter().flat_map(|winners| {
                    let end = winners.len().min((chunk + 1) * chunk_rows);
                    let winners = &winners[(chunk * chunk_rows).min(end)..end];
                    winners.iter().filter(|winner| **winner != NO_ROW)
                });
                let rows = RowSet::new(wanted.source.as_ref(), ids.map(|winner| RowId::from_bits(*winner)));
                buckets.push(Mutex::new(Some(Bucket::new(rows))));
            }
            this.chunks.first().map_or(0, |buckets| buckets.len() - 1)
        };
        let parts = (0..wanted.source.parts() as u32).filter(|part| self.is_wanted(view, *part));
        let parts: Arc<Vec<u32>> = Arc::new(parts.collect());
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks: JoinSet<Result<u64, OfflineError>> = JoinSet::new();
        for _ in 0..threads.clamp(1, parts.len().max(1)) {
            let (this, source) = (Arc::clone(self), Arc::clone(&wanted.source));
            let (parts, next) = (Arc::clone(&parts), Arc::clone(&next));
            tasks.spawn(async move {
                let mut winners = 0;
                while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    winners += this.read(view, source.as_ref(), *part).await?;
                }
                Ok(winners)
            });
        }
        let mut winners = 0;
        while let Some(done) = tasks.join_next().await {
            winners += done.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
        }
        Ok(FetchReport {
            winners,
            parts: Arc::unwrap_or_clone(parts),
        })
    }

    /// Bytes that went to temporary files so far.
    pub(crate) fn spilled(&self) -> u64 {
        self.spilled.load(Ordering::Relaxed) as u64
    }

    /// Takes the buckets of a range out, one per view, with what its values take counted no longer.
    pub(crate) fn take(&self, chunk: usize) -> Vec<Bucket> {
        let buckets: Vec<Bucket> = self.chunks[chunk]
            .iter()
            .filter_map(|bucket| bucket.lock().take())
            .collect();
        self.reservation.shrink(buckets.iter().map(Bucket::memory).sum());
        buckets
    }

    fn is_wanted(&self, view: usize, part: u32) -> bool {
        let mut buckets = self.chunks.iter().map(|buckets| buckets[view].lock());
        buckets.any(|bucket| bucket.as_ref().is_some_and(|bucket| bucket.rows.has_part(part)))
    }

    async fn read(&self, view: usize, source: &dyn ValueSource, part: u32) -> Result<u64, OfflineError> {
        let mut mask = vec![0; source.rows_of(part).div_ceil(64) as usize];
        for buckets in &self.chunks {
            if let Some(bucket) = buckets[view].lock().as_ref() {
                bucket.rows.add_to(part, &mut mask);
            }
        }
        let rows = ones(&mask);
        let mut ranks = vec![0; self.chunks.len()];
        let mut first = 0;
        for values in source.read(part, &rows).await? {
            let of_batch = &rows[first..first + values.rows];
            first += values.rows;
            for (buckets, rank) in self.chunks.iter().zip(&mut ranks) {
                let taken = self.push(&buckets[view], part, *rank, of_batch, &values)?;
                *rank += taken;
            }
        }
        Ok(rows.len() as u64)
    }

    /// Gives a bucket those of the values that it wants. Returns how many rows that were.
    fn push(
        &self,
        bucket: &Mutex<Option<Bucket>>,
        part: u32,
        rank: u32,
        rows: &[u32],
        values: &ValueBatch,
    ) -> Result<u32, OfflineError> {
        let wanted: Vec<u32> = match bucket.lock().as_ref() {
            Some(bucket) if bucket.rows.has_part(part) => {
                let wanted = rows
                    .iter()
                    .zip(0..)
                    .filter(|(row, _)| bucket.rows.contains(part, **row));
                wanted.map(|(_, at)| at).collect()
            }
            _ => return Ok(0),
        };
        if wanted.is_empty() {
            return Ok(0);
        }
        let count = wanted.len();
        let values = if count == values.rows {
            values.clone()
        } else {
            values.take(&UInt32Array::from(wanted))?
        };
        let memory = values.memory();
        self.make_room(memory)?;
        if let Some(bucket) = bucket.lock().as_mut() {
            bucket.push(part, rank, values, memory);
        }
        Ok(count as u32)
    }

    /// Reserves memory, if need be by moving buckets to temporary files: those whose turn comes last first.
    fn make_room(&self, bytes: usize) -> Result<(), OfflineError> {
        if self.reservation.try_grow(bytes).is_ok() {
            return Ok(());
        }
        let _turn = self.spilling.lock();
        for buckets in self.chunks.iter().rev() {
            for bucket in buckets {
                if self.reservation.try_grow(bytes).is_ok() {
                    return Ok(());
                }
                if let Some(bucket) = bucket.lock().as_mut() {
                    let freed = bucket.spill()?;
                    self.reservation.shrink(freed);
                    self.spilled.fetch_add(freed, Ordering::Relaxed);
                }
            }
        }
        // There is nothing left to move: what is at hand is needed.
        self.reservation.grow(bytes);
        Ok(())
    }
}

impl Wanted {
    /// The memory per range that it takes to know which rows are wanted.
    pub(crate) fn memory_per_chunk(&self) -> usize {
        RowSet::memory(self.source.as_ref())
    }

    /// About the memory per row of the spine that values take.
    pub(crate) fn row_bytes(&self) -> usize {
        self.source.row_bytes() * self.lookups.len()
    }
}
