//! The question to an aggregated view: rows come in, and the answer of every slot comes out.

use std::sync::Arc;

use asof_model::{StoredOrder, Timestamp};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;

use super::folded::FoldedRows;
use super::program::WindowProgram;
use super::shard::Shard;
use super::spill::Memory;
use super::store::{ByShard, Collected, Seen, Store};
use crate::OfflineError;
use crate::asof_join::{Answers, Index, NO_ROW, Outcome, Slots};
use crate::parallel::in_parallel;
use crate::source::{RowId, Scanned};

/// The rows collected so far, from some of the partitions of a scan, in any order.
#[derive(Debug)]
pub(crate) struct Events {
    program: Arc<WindowProgram>,
    store: Store,
}

impl Events {
    /// None yet; rows are counted by the memory pool of `context`, and go to a temporary file when it has no more.
    pub(crate) fn new(program: Arc<WindowProgram>, index: &Index, context: &TaskContext) -> Self {
        let reservation = MemoryConsumer::new("AsofJoinExec windows")
            .with_can_spill(true)
            .register(context.memory_pool());
        Self {
            store: Store::new(
                Arc::clone(&program),
                Memory::new(reservation),
                Arc::new(Seen::new(index)),
            ),
            program,
        }
    }

    /// The same for other rows.
    pub(crate) fn share(&self) -> Self {
        Self {
            program: Arc::clone(&self.program),
            store: self.store.share(),
        }
    }

    /// Keeps the rows of a batch that can matter to somebody; `entities` says whose each is.
    pub(crate) fn offer(&mut self, index: &Index, entities: &[u32], batch: &Scanned) -> Result<(), OfflineError> {
        self.store.offer(index, entities, batch)
    }

    /// Called once, after the last batch.
    pub(crate) fn hand_in(&mut self, index: &Index) -> Result<(), OfflineError> {
        self.store.hand_in(index)
    }

    /// Takes in the rows of another partition, which were all handed in. `entities` says what its entities are here, if
    /// not the same.
    pub(crate) fn absorb(&mut self, other: Self, entities: Option<&[u32]>) {
        self.store.absorb(other.store, entities);
    }

    /// The answer of every slot: the cutoff that answers there. Its windows are folded when its values are read.
    pub(crate) fn finish(self, index: &Index) -> Result<Answers, OfflineError> {
        let (program, threads) = (&self.program, self.program.threads);
        let ByShard { shards, memory, seen } = self.store.into_shards()?;
        let shards: Vec<(usize, Vec<Collected>)> = shards.into_iter().enumerate().collect();
        let shards = in_parallel(threads, shards, |(shard, segments)| {
            Shard::new(program, index, shard, segments, &memory)
        })?;
        for slot in shards.iter().flat_map(|shard| &shard.expired) {
            if !index.is_at_one_time() {
                seen.expired.insert(*slot as usize);
            }
        }
        let rows = FoldedRows::new(self.program, shards, memory);
        let mut winners = vec![NO_ROW; index.slots()];
        let mut orders = if index.is_at_one_time() {
            vec![NO_ORDER; index.slots()]
        } else {
            Vec::new()
        };
        for (part, shard, groups) in rows.each_part() {
            let first = shard
                .answers
                .partition_point(|answer| (answer.group as usize) < groups.start);
            let answers = shard.answers[first..].iter();
            for answer in answers.take_while(|answer| (answer.group as usize) < groups.end) {
                winners[answer.slot as usize] = RowId::new(part, answer.group - groups.start as u32).bits();
                if let Some(order) = orders.get_mut(answer.slot as usize) {
                    order.event_time = Timestamp::from_micros(answer.cutoff);
                }
            }
        }
        let outcome = match index {
            Index::Spine(slots) => {
                let seen = Arc::into_inner(seen).expect("the copies of the other partitions are gone");
                Some(Outcome::new(expired(slots, &winners, &seen), seen.entities))
            }
            Index::Discovered { .. } => None,
        };
        Ok(Answers {
            winners,
            orders,
            values: Some(Arc::new(rows)),
            outcome,
        })
    }
}

/// Which slots have no answer, though there were rows in time: all too old.
fn expired(slots: &Slots, winners: &[u64], seen: &Seen) -> Vec<bool> {
    let mut expired = Vec::with_capacity(winners.len());
    for entity in 0..slots.entities() as u32 {
        let mut had_older = false;
        for slot in slots.of_entity(entity) {
            let is_answered = winners[slot as usize] != NO_ROW;
            had_older |= is_answered || seen.expired.contains(slot as usize);
            expired.push(had_older && !is_answered);
        }
    }
    expired
}

/// In place of the times of no answer.
const NO_ORDER: StoredOrder = StoredOrder {
    event_time: Timestamp::from_micros(i64::MIN),
    created_time: None,
};
