//! Rows that compete for their entities in a memory of known size.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use asof_model::ScalarType;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{
    GreedyMemoryPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;

use super::entrant::{Entrant, Rules};
use super::partitions::Partitions;
use super::winners::Winners;
use super::*;
use crate::source::{RowId, Scanned};

/// A pool that knows the most that was ever taken of it.
#[derive(Debug)]
struct Watched {
    pool: GreedyMemoryPool,
    peak: AtomicUsize,
}

impl Watched {
    fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            pool: GreedyMemoryPool::new(bytes),
            peak: AtomicUsize::new(0),
        })
    }

    fn context(self: &Arc<Self>) -> Result<TaskContext> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::clone(self) as Arc<dyn MemoryPool>)
            .build_arc()?;
        Ok(TaskContext::default().with_runtime(runtime))
    }

    fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    fn look(&self) {
        self.peak.fetch_max(self.pool.reserved(), Ordering::Relaxed);
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}

impl MemoryPool for Watched {
    fn name(&self) -> &'static str {
        "watched"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        self.look();
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.pool.try_grow(reservation, additional)?;
        self.look();
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

fn entrant(pool: &Arc<Watched>, key: ScalarType) -> Result<(Arc<Partitions>, Entrant)> {
    let rules = Rules {
        codec: KeyCodec::new(&[key]),
        admission: Admission {
            ttl: None,
            availability_lag: None,
            visible_from_created: false,
        },
        at: Timestamp::from_micros(i64::MAX),
        only: None,
    };
    let partitions = Arc::new(Partitions::new(rules.is_int(), &pool.context()?));
    Ok((Arc::clone(&partitions), Entrant::new(partitions, Arc::new(rules))))
}

/// Rows of a part with these keys, at the event times given.
fn batch(keys: ArrayRef, times: impl IntoIterator<Item = i64>, part: u32, rows: Range<u32>) -> Result<Scanned> {
    let times = TimestampMicrosecondArray::from_iter_values(times);
    let created = TimestampMicrosecondArray::new_null(times.len());
    let ids = UInt64Array::from_iter_values(rows.map(|row| RowId::new(part, row).bits()));
    let columns: [(&str, ArrayRef); 4] = [
        ("k", keys),
        ("event_time", Arc::new(times)),
        ("created_time", Arc::new(created)),
        ("row", Arc::new(ids)),
    ];
    Ok(Scanned::new(&RecordBatch::try_from_iter(columns)?, 1))
}

fn winners(partitions: &Partitions, parts: usize) -> Result<Vec<Vec<u32>>> {
    let winners = Winners::new(parts);
    partitions.finish(2, &winners)?;
    Ok(winners.into_parts().map(|rows| rows.iter().collect()).collect())
}

const BATCH: u32 = 1 << 13;

#[test]
fn a_million_entities_are_found_in_one_megabyte() -> Result<()> {
    let entities = 1_000_000_u32;
    let pool = Watched::new(1 << 20);
    let (partitions, mut entrant) = entrant(&pool, ScalarType::Int64)?;
    // Every entity has a row in one part, every fourth a later one in another.
    for (part, step) in [(1, 4), (0, 1)] {
        let keys: Vec<i64> = (0..entities)
            .step_by(step)
            .map(|key| i64::from(key) * 1_000_003)
            .collect();
        for (keys, first) in keys.chunks(BATCH as usize).zip((0..).step_by(BATCH as usize)) {
            let rows = first..first + keys.len() as u32;
            let times = keys.iter().map(|_| i64::from(part));
            entrant.take(&batch(Arc::new(Int64Array::from(keys.to_vec())), times, part, rows)?)?;
        }
    }
    let found = winners(&partitions, 2)?;
    assert!(found[0].iter().copied().eq((0..entities).filter(|row| row % 4 > 0)));
    assert!(found[1].iter().copied().eq(0..entities / 4));
    assert!(pool.peak() <= 1 << 20, "{}", pool.peak());
    assert!(partitions.spilled() > 0);
    drop((partitions, entrant));
    assert_eq!(pool.reserved(), 0);
    Ok(())
}

#[test]
fn keys_that_come_all_the_time_take_the_memory_of_one_row_each() -> Result<()> {
    let pool = Watched::new(16 << 10);
    let (partitions, mut entrant) = entrant(&pool, ScalarType::Int64)?;
    for at in 0..100 {
        let keys = (0..BATCH).map(|row| if row % 10 == 0 { i64::from(row) % 20 } else { 7 });
        let keys = Arc::new(Int64Array::from_iter_values(keys));
        let times = (0..i64::from(BATCH)).map(|row| row / 20);
        entrant.take(&batch(keys, times, 0, at * BATCH..(at + 1) * BATCH)?)?;
    }
    // The last rows of the last batch that have the latest time.
    let end = 100 * BATCH;
    let expected: BTreeSet<u32> = [end - 1, end - 2, end - 12].into();
    let found: BTreeSet<u32> = winners(&partitions, 1)?.concat().into_iter().collect();
    assert_eq!(found, expected);
    assert_eq!(partitions.spilled(), 0);
    assert!(pool.peak() <= 2 << 10, "{}", pool.peak());
    Ok(())
}

#[test]
fn threads_that_make_room_for_each_other_lose_nothing() -> Result<()> {
    for bytes in [0, 4 << 10, 1 << 30] {
        let pool = Watched::new(bytes);
        let (partitions, entrant) = entrant(&pool, ScalarType::String)?;
        let key = |part: u32, row: u32| format!("{:width$}", row * 31 % 997, width = (part + row) as usize % 2 * 40);
        let time = |part: u32, row: u32| i64::from((part * 131 + row * 17) % 101);
        let parts = 4;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..parts)
                .map(|part| {
                    let mut entrant = entrant.clone();
                    scope.spawn(move || {
                        for first in (0..4000).step_by(500) {
                            let rows = first..first + 500;
                            let keys = StringArray::from_iter_values(rows.clone().map(|row| key(part, row)));
                            let times = rows.clone().map(|row| time(part, row));
                            entrant.take(&batch(Arc::new(keys), times, part, rows)?)?;
                        }
                        Ok(())
                    })
                })
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("no thread panics"))
        })
        .map_err(|error: OfflineError| error)?;
        let mut expected: BTreeMap<String, (i64, u32, u32)> = BTreeMap::new();
        for part in 0..parts {
            for row in 0..4000 {
                let order = (time(part, row), part, row);
                let best = expected.entry(key(part, row)).or_insert(order);
                *best = order.max(*best);
            }
        }
        let expected: BTreeSet<(u32, u32)> = expected.into_values().map(|(_, part, row)| (part, row)).collect();
        let found = winners(&partitions, parts as usize)?.into_iter().zip(0..);
        let found: BTreeSet<(u32, u32)> = found
            .flat_map(|(rows, part)| rows.into_iter().map(move |row| (part, row)))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(partitions.spilled() > 0, bytes < 1 << 30);
    }
    Ok(())
}
