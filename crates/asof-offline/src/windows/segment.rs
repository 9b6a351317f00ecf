//! Rows on their way to their shard.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{filter, interleave, take};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType, UInt32Type};

use super::spill::{Held, Memory};
use crate::source::Scanned;
use crate::{OfflineError, memory};

/// Rows of some entities, in any order.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub(super) entities: Vec<u32>,
    /// Event times, in microseconds.
    pub(super) events: Vec<i64>,
    /// Created times; absent if all are.
    pub(super) created: Option<ArrayRef>,
    /// From these rows on, ids ascend from these ids: rows of one batch of the scan.
    pub(super) runs: Vec<(u32, u64)>,
    /// The columns that are folded.
    pub(super) inputs: Vec<ArrayRef>,
}

impl Segment {
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// The memory that it takes.
    pub(super) fn memory(&self) -> usize {
        let words = self.entities.len() * size_of::<u32>() + self.events.len() * size_of::<i64>();
        let runs = self.runs.len() * size_of::<(u32, u64)>();
        words
            + runs
            + memory::of_columns(&self.inputs)
            + self
                .created
                .as_ref()
                .map_or(0, |created| memory::of_columns(std::slice::from_ref(created)))
    }

    /// Moves its rows to the temporary file.
    pub(super) fn spill(self, memory: &Memory) -> Result<SpilledSegment, OfflineError> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from(self.entities)),
            Arc::new(Int64Array::from(self.events)),
        ];
        let has_created = self.created.is_some();
        columns.extend(self.created);
        columns.extend(self.inputs);
        let named = columns.into_iter().enumerate();
        let rows = RecordBatch::try_from_iter_with_nullable(named.map(|(at, column)| (at.to_string(), column, true)))?;
        Ok(SpilledSegment {
            rows: memory.spill(&rows)?,
            runs: self.runs,
            has_created,
        })
    }

    /// When a row was written, in microseconds.
    pub(super) fn created_time(&self, row: u32) -> Option<i64> {
        let created = self.created.as_ref()?.as_primitive::<TimestampMicrosecondType>();
        created.is_valid(row as usize).then(|| created.value(row as usize))
    }

    /// The rows of each run, and the id of its first.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u64, Range<u32>)> {
        let ends = self.runs.iter().skip(1).map(|(first, _)| *first);
        let ends = ends.chain([self.len() as u32]);
        self.runs.iter().zip(ends).map(|((first, id), end)| (*id, *first..end))
    }

    /// Keeps the rows for which `is_kept` says so of their entity, event time and created time.
    pub(super) fn retain(self, is_kept: impl Fn(u32, i64, Option<i64>) -> bool) -> Result<Self, OfflineError> {
        let rows = (0..self.len() as u32).filter(|row| {
            let at = *row as usize;
            is_kept(self.entities[at], self.events[at], self.created_time(*row))
        });
        let rows: Vec<u32> = rows.collect();
        if rows.len() == self.len() {
            Ok(self)
        } else {
            self.taken(&rows)
        }
    }

    /// Gives every entity the number that `numbers` has for it, and splits the rows by shard.
    pub(super) fn split(mut self, numbers: &[u32], shards: usize) -> Result<Vec<(usize, Self)>, OfflineError> {
        for entity in &mut self.entities {
            *entity = numbers[*entity as usize];
        }
        let parts = by_shard(&self.entities, shards);
        parts.map(|(shard, rows)| Ok((shard, self.taken(&rows)?))).collect()
    }

    /// Some of the rows, which ascend.
    fn taken(&self, rows: &[u32]) -> Result<Self, OfflineError> {
        let mut runs: Vec<(u32, u64)> = Vec::new();
        let mut of_run = self.runs().peekable();
        let mut entered = false;
        for (row, at) in rows.iter().zip(0..) {
            while of_run.peek().is_some_and(|(_, run)| run.end <= *row) {
                of_run.next();
                entered = false;
            }
            if let (Some((id, _)), false) = (of_run.peek(), entered) {
                runs.push((at, *id));
                entered = true;
            }
        }
        let indices = UInt32Array::from(rows.to_vec());
        let gather = |column: &ArrayRef| take(column, &indices, None);
        Ok(Self {
            entities: rows.iter().map(|row| self.entities[*row as usize]).collect(),
            events: rows.iter().map(|row| self.events[*row as usize]).collect(),
            created: self.created.as_ref().map(gather).transpose()?,
            runs,
            inputs: self.inputs.iter().map(gather).collect::<Result<_, _>>()?,
        })
    }
}

/// A segment whose rows are in the temporary file.
#[derive(Debug)]
pub(super) struct SpilledSegment {
    rows: Held,
    runs: Vec<(u32, u64)>,
    has_created: bool,
}

impl SpilledSegment {
    /// The segment, in memory again.
    pub(super) fn load(self, memory: &Memory) -> Result<Segment, OfflineError> {
        let rows = memory.load(&self.rows)?;
        let (columns, firsts) = (rows.columns(), 2 + usize::from(self.has_created));
        Ok(Segment {
            entities: columns[0].as_primitive::<UInt32Type>().values().to_vec(),
            events: columns[1].as_primitive::<Int64Type>().values().to_vec(),
            created: self.has_created.then(|| Arc::clone(&columns[2])),
            runs: self.runs,
            inputs: columns[firsts..].to_vec(),
        })
    }
}

/// The rows of each shard that has any.
fn by_shard(entities: &[u32], shards: usize) -> impl Iterator<Item = (usize, Vec<u32>)> + use<> {
    let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); shards];
    for (row, entity) in entities.iter().enumerate() {
        rows_of[*entity as usize % shards].push(row as u32);
    }
    rows_of.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty())
}

/// Rows of batches, some of them in no order but their own.
#[derive(Debug, Default)]
pub(super) struct Pending {
    entities: Vec<u32>,
    events: Vec<i64>,
    /// The batch of each row, and its row there.
    places: Vec<(usize, usize)>,
    batches: Vec<PendingBatch>,
}

#[derive(Debug)]
struct PendingBatch {
    created: ArrayRef,
    ids: Vec<u64>,
    inputs: Vec<ArrayRef>,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Adds the rows of a batch that are kept, with their entities and event times.
    pub(super) fn push(&mut self, batch: &Scanned, rows: &[usize], entities: &[u32]) -> Result<(), OfflineError> {
        let number = self.batches.len();
        self.entities.extend(rows.iter().map(|row| entities[*row]));
        self.events.extend(rows.iter().map(|row| batch.event_times.value(*row)));
        self.places.extend((0..rows.len()).map(|row| (number, row)));
        let mut created: ArrayRef = Arc::new(batch.created_times.clone());
        let mut inputs = batch.inputs.clone();
        if rows.len() < batch.len() {
            let mut mask = vec![false; batch.len()];
            for row in rows {
                mask[*row] = true;
            }
            let mask = BooleanArray::from(mask);
            created = filter(&created, &mask)?;
            inputs = inputs
                .iter()
                .map(|input| filter(input, &mask))
                .collect::<Result<_, _>>()?;
        }
        self.batches.push(PendingBatch {
            created,
            ids: rows.iter().map(|row| batch.id(*row).bits()).collect(),
            inputs,
        });
        Ok(())
    }

    /// All rows, laid by shard: one segment for each shard that has any.
    pub(super) fn lay(&mut self, shards: usize) -> Result<Vec<(usize, Segment)>, OfflineError> {
        let pending = std::mem::take(self);
        let has_created = pending
            .batches
            .iter()
            .any(|batch| batch.created.null_count() < batch.created.len());
        let inputs = pending.batches.first().map_or(0, |batch| batch.inputs.len());
        let segments = by_shard(&pending.entities, shards).map(|(shard, rows)| {
            let places: Vec<(usize, usize)> = rows.iter().map(|row| pending.places[*row as usize]).collect();
            let gather = |column: &dyn Fn(&PendingBatch) -> &ArrayRef| {
                let arrays: Vec<&dyn Array> = pending.batches.iter().map(|batch| column(batch).as_ref()).collect();
                interleave(&arrays, &places)
            };
            let mut segment = Segment {
                entities: rows.iter().map(|row| pending.entities[*row as usize]).collect(),
                events: rows.iter().map(|row| pending.events[*row as usize]).collect(),
                created: has_created.then(|| gather(&|batch| &batch.created)).transpose()?,
                runs: Vec::new(),
                inputs: (0..inputs)
                    .map(|at| gather(&|batch| &batch.inputs[at]))
                    .collect::<Result<_, _>>()?,
            };
            let mut last = None;
            for ((batch, row), at) in places.iter().zip(0..) {
                let id = pending.batches[*batch].ids[*row];
                if last.is_none_or(|(of, before)| of != *batch || before >= id) {
                    segment.runs.push((at, id));
                }
                last = Some((*batch, id));
            }
            Ok((shard, segment))
        });
        segments.collect()
    }
}
