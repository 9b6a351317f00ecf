//! Row features: the best row of each slot so far, and at the end of each slot what earlier slots leave to it.

use arrow::array::UInt32Array;
use arrow::compute::take;
use arrow::error::ArrowError;
use asof_model::key::EncodedKeys;
use asof_model::{Admission, RowOrder, TimeSpan, Timestamp};

use super::answers::{Answers, Found, RowRef, Values};
use super::index::Index;
use crate::source::Scanned;

/// Rows that lost their slot again are dropped when they are more than the rest and more than this.
const LOST_ROWS: usize = 1 << 16;

#[derive(Debug, Clone, Copy)]
struct Best {
    order: RowOrder,
    row: RowRef,
}

/// The best row per slot of one lookup, from some of the rows of its source, in any order.
///
/// A row becomes known at `max(event_time + lag, created_time)`, and competes for the first slot at or after that;
/// later slots inherit it in [`Self::finish`].
#[derive(Debug)]
pub(crate) struct Winners {
    admission: Admission,
    best: Vec<Option<Best>>,
    values: Values,
}

impl Winners {
    pub(crate) fn new(admission: Admission) -> Self {
        Self {
            admission,
            best: Vec::new(),
            values: Values::default(),
        }
    }

    /// Lets every row of a batch compete.
    pub(crate) fn offer(&mut self, index: &mut Index, keys: &EncodedKeys, batch: &Scanned) -> Result<(), ArrowError> {
        let chunk = self.values.next_chunk();
        let mut kept: Vec<u32> = Vec::new();
        for (row, key) in keys.iter().enumerate() {
            let Some(entity) = key.and_then(|key| index.entity(key)) else {
                continue;
            };
            let order = batch.order(row);
            let Some(known) = self.known_at(order) else {
                continue;
            };
            let (slots, times) = index.slots_of(entity);
            let first = times.partition_point(|time| *time < known);
            let Some(time) = times.get(first) else {
                continue;
            };
            // Too old for this slot is too old for every later one.
            if !self.admission.is_fresh(order.event_time, Timestamp::from_micros(*time)) {
                continue;
            }
            let slot = slots.start as usize + first;
            if self.best.len() <= slot {
                self.best.resize(index.slots(), None);
            }
            if self.best[slot].is_none_or(|best| best.order < order) {
                let row_ref = RowRef {
                    chunk,
                    row: kept.len() as u32,
                };
                self.best[slot] = Some(Best { order, row: row_ref });
                kept.push(row as u32);
            }
        }
        if !kept.is_empty() {
            let rows = kept.len();
            let kept = UInt32Array::from(kept);
            let columns = batch.values.iter().map(|column| take(column, &kept, None));
            self.values.push(columns.collect::<Result<_, _>>()?, rows);
            self.forget_lost()?;
        }
        Ok(())
    }

    /// When a row becomes known; `None` for never.
    fn known_at(&self, order: RowOrder) -> Option<i64> {
        let lag = self.admission.availability_lag.map_or(0, TimeSpan::micros);
        let known = order.event_time.micros().checked_add(lag)?;
        match order.created_time {
            Some(created) if self.admission.visible_from_created => Some(known.max(created.micros())),
            _ => Some(known),
        }
    }

    fn forget_lost(&mut self) -> Result<(), ArrowError> {
        if self.values.rows() > LOST_ROWS.max(2 * self.best.len()) {
            self.values
                .compact(self.best.iter_mut().flatten().map(|best| &mut best.row))?;
        }
        Ok(())
    }

    /// Takes in the winners of other rows. `slots` says where their slots are here, if not at the same numbers.
    pub(crate) fn absorb(&mut self, other: Self, slots: Option<&[u32]>) {
        let base = self.values.append(other.values);
        for (slot, theirs) in other.best.into_iter().enumerate() {
            let Some(mut theirs) = theirs else {
                continue;
            };
            theirs.row.chunk += base;
            let slot = slots.map_or(slot, |slots| slots[slot] as usize);
            if self.best.len() <= slot {
                self.best.resize(slot + 1, None);
            }
            let best = &mut self.best[slot];
            if best.is_none_or(|best| best.order < theirs.order) {
                *best = Some(theirs);
            }
        }
    }

    /// The answer of every slot.
    ///
    /// A slot inherits from the one before it: what was known then is known now. Of the rows known, the last in the
    /// order has the latest event time, so when it is too old, all are.
    pub(crate) fn finish(mut self, index: &Index) -> Result<Answers, ArrowError> {
        self.best.resize(index.slots(), None);
        self.values
            .compact(self.best.iter_mut().flatten().map(|best| &mut best.row))?;
        let mut found = vec![None; self.best.len()];
        for entity in 0..index.entities() as u32 {
            let (slots, times) = index.slots_of(entity);
            let mut last: Option<Best> = None;
            for (slot, time) in slots.zip(times) {
                let slot = slot as usize;
                if let Some(best) = self.best[slot]
                    && last.is_none_or(|last| last.order < best.order)
                {
                    last = Some(best);
                }
                let time = Timestamp::from_micros(*time);
                found[slot] = last
                    .filter(|last| self.admission.is_fresh(last.order.event_time, time))
                    .map(|last| Found {
                        row: last.row,
                        order: last.order.into(),
                    });
            }
        }
        Ok(Answers {
            values: self.values,
            found,
        })
    }
}
