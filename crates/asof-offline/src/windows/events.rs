//! The rows that window features aggregate, and the fold of the cutoffs that answer.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use asof_model::definition::Aggregation;
use asof_model::{Admission, StoredOrder, Timestamp, ViewName};
use asof_transform::{AggregateProgram, Folder, RowRef as InputRef};

use super::Cutoffs;
use crate::OfflineError;
use crate::asof_join::{Answers, ComputedRows, Index, NO_ENTITY, NO_ROW, ValueBatch};
use crate::source::{Place, RowId, Scanned, batch_of};

/// How the rows of an aggregated view are made.
#[derive(Debug)]
pub(crate) struct WindowProgram {
    view: ViewName,
    aggregate: Arc<AggregateProgram>,
    cutoffs: Cutoffs,
    visible_from_created: bool,
}

impl WindowProgram {
    /// The program of `view`; `after` bounds the cutoffs that answer from below.
    pub(crate) fn new(
        view: &ViewName,
        aggregation: &Aggregation,
        admission: &Admission,
        aggregate: Arc<AggregateProgram>,
        after: Option<Timestamp>,
    ) -> Self {
        Self {
            view: view.clone(),
            aggregate,
            cutoffs: Cutoffs::new(aggregation, admission, after.map(Timestamp::micros)),
            visible_from_created: admission.visible_from_created,
        }
    }

    /// See [`Cutoffs::reach`].
    pub(crate) fn reach(&self, first: i64, last: i64) -> (i64, i64) {
        self.cutoffs.reach(first, last)
    }

    /// Whether a source row is known at `t`. The lag holds back cutoffs, not the rows in their windows.
    fn is_known(&self, place: &Place, t: i64) -> bool {
        let created = place.created_time().filter(|_| self.visible_from_created);
        created.is_none_or(|created| created <= t)
    }
}

/// Rows out of reach are dropped when there are more rows than this, and than twice those in reach before.
const ROWS_BEFORE_FORGETTING: usize = 1 << 16;

/// A row of an entity that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    entity: u32,
    place: Place,
    input: InputRef,
}

/// The rows collected so far, from some of the partitions of a scan, in any order.
#[derive(Debug)]
pub(crate) struct Events {
    program: Arc<WindowProgram>,
    rows: Vec<Event>,
    inputs: Vec<RecordBatch>,
    /// Where everything is asked at one time: the last event time of each entity that can matter then, and the number
    /// of rows at which those out of reach of it are dropped. So memory follows the windows, not the history.
    latest: Vec<i64>,
    forget_at: usize,
}

impl Events {
    pub(crate) fn new(program: Arc<WindowProgram>) -> Self {
        Self {
            program,
            rows: Vec::new(),
            inputs: Vec::new(),
            latest: Vec::new(),
            forget_at: ROWS_BEFORE_FORGETTING,
        }
    }

    /// The same for other rows.
    pub(crate) fn share(&self) -> Self {
        Self::new(Arc::clone(&self.program))
    }

    /// Keeps the rows of a batch that can matter to somebody.
    pub(crate) fn offer(&mut self, index: &Index, entities: &[u32], batch: &Scanned) -> Result<(), OfflineError> {
        let chunk = self.inputs.len() as u32;
        let mut kept: Vec<u32> = Vec::new();
        for (row, entity) in entities.iter().copied().enumerate() {
            if entity == NO_ENTITY {
                continue;
            }
            let place = batch.place(row);
            let (_, times) = index.slots_of(entity);
            let (Some(first), Some(last)) = (times.first(), times.last()) else {
                continue;
            };
            let (from, to) = self.program.reach(*first, *last);
            let event_time = place.event_time();
            if event_time < from || event_time > to || !self.program.is_known(&place, *last) {
                continue;
            }
            if index.is_at_one_time() && !self.is_in_reach(entity, event_time) {
                continue;
            }
            self.rows.push(Event {
                entity,
                place,
                input: InputRef {
                    batch: chunk,
                    row: kept.len() as u32,
                },
            });
            kept.push(row as u32);
        }
        if !kept.is_empty() {
            let schema = self.program.aggregate.input_schema();
            self.inputs.push(take_rows(&batch.inputs, kept, schema)?);
            self.forget(index)?;
        }
        Ok(())
    }

    /// Takes note of an event, which is visible; whether it is in reach of the last one so far.
    fn is_in_reach(&mut self, entity: u32, event_time: i64) -> bool {
        let entity = entity as usize;
        if self.latest.len() <= entity {
            self.latest.resize(entity + 1, i64::MIN);
        }
        let last = &mut self.latest[entity];
        *last = event_time.max(*last);
        i128::from(event_time) > self.program.cutoffs.before_reach(*last)
    }

    /// Drops the rows that are out of reach by now, where there are many.
    fn forget(&mut self, index: &Index) -> Result<(), OfflineError> {
        if !index.is_at_one_time() || self.rows.len() < self.forget_at {
            return Ok(());
        }
        let (cutoffs, latest) = (&self.program.cutoffs, &self.latest);
        self.rows.retain(|event| {
            let last = latest[event.entity as usize];
            i128::from(event.place.event_time()) > cutoffs.before_reach(last)
        });
        // The rest moves to one batch per batch that still has some.
        let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); self.inputs.len()];
        for event in &mut self.rows {
            let rows = &mut rows_of[event.input.batch as usize];
            rows.push(event.input.row);
            event.input.row = rows.len() as u32 - 1;
        }
        let mut inputs = Vec::new();
        let mut places = vec![0; rows_of.len()];
        for ((batch, rows), place) in self.inputs.iter().zip(rows_of).zip(&mut places) {
            *place = inputs.len() as u32;
            if !rows.is_empty() {
                inputs.push(take_rows(batch.columns(), rows, batch.schema_ref())?);
            }
        }
        for event in &mut self.rows {
            event.input.batch = places[event.input.batch as usize];
        }
        self.inputs = inputs;
        self.forget_at = ROWS_BEFORE_FORGETTING.max(2 * self.rows.len());
        Ok(())
    }

    /// Takes in the rows of other partitions. `entities` says what their entities are here, if not the same.
    pub(crate) fn absorb(&mut self, other: Self, entities: Option<&[u32]>) {
        for (entity, last) in other.latest.iter().enumerate() {
            let entity = entities.map_or(entity, |entities| entities[entity] as usize);
            if self.latest.len() <= entity {
                self.latest.resize(entity + 1, i64::MIN);
            }
            self.latest[entity] = self.latest[entity].max(*last);
        }
        let base = self.inputs.len() as u32;
        self.inputs.extend(other.inputs);
        self.rows.extend(other.rows.into_iter().map(|mut event| {
            event.input.batch += base;
            event.entity = entities.map_or(event.entity, |entities| entities[event.entity as usize]);
            event
        }));
    }

    /// The answer of every slot: the cutoff that answers there, its windows folded in the order of rows.
    pub(crate) fn finish(mut self, index: &Index) -> Result<Answers, OfflineError> {
        self.rows.sort_unstable();
        let refs: Vec<InputRef> = self.rows.iter().map(|event| event.input).collect();
        let failed = |error| OfflineError::evaluation(&self.program.view, error);
        let mut folder = Folder::try_new(&self.program.aggregate, &self.inputs).map_err(failed)?;
        let mut winners = vec![NO_ROW; index.slots()];
        let mut orders = vec![NO_ORDER; index.slots()];
        let mut end = 0;
        while end < self.rows.len() {
            let start = end;
            let entity = self.rows[start].entity;
            end += self.rows[start..].partition_point(|event| event.entity == entity);
            let history = History {
                program: &self.program,
                events: &self.rows[start..end],
                refs: &refs[start..end],
            };
            let (slots, times) = index.slots_of(entity);
            let mut last: Option<(i64, RowId)> = None;
            for (slot, t) in slots.zip(times) {
                let Some(cutoff) = history.answer(*t) else {
                    continue;
                };
                let known = last.filter(|(known, _)| *known == cutoff && !self.program.visible_from_created);
                let answer = if let Some((_, answer)) = known {
                    answer
                } else {
                    let row = folder.len() as u32;
                    history.fold(&mut folder, cutoff, *t).map_err(failed)?;
                    RowId::new(0, row)
                };
                last = Some((cutoff, answer));
                winners[slot as usize] = answer.bits();
                orders[slot as usize] = StoredOrder {
                    event_time: Timestamp::from_micros(cutoff),
                    created_time: None,
                };
            }
        }
        let rows = folder.len();
        let columns = folder.finish().map_err(failed)?;
        Ok(Answers {
            winners,
            orders,
            values: Some(Arc::new(ComputedRows(vec![ValueBatch { rows, columns }]))),
            outcome: None,
        })
    }
}

/// In place of the times of no answer.
const NO_ORDER: StoredOrder = StoredOrder {
    event_time: Timestamp::from_micros(i64::MIN),
    created_time: None,
};

/// Some rows of the columns, as a batch: which may have no columns.
fn take_rows(columns: &[ArrayRef], rows: Vec<u32>, schema: &SchemaRef) -> Result<RecordBatch, OfflineError> {
    let count = rows.len();
    let rows = UInt32Array::from(rows);
    let columns = columns.iter().map(|column| take(column, &rows, None));
    batch_of(schema, columns.collect::<Result<_, _>>()?, count)
}

/// The rows of one entity in their order.
struct History<'a> {
    program: &'a WindowProgram,
    events: &'a [Event],
    refs: &'a [InputRef],
}

impl History<'_> {
    /// The cutoff that answers at `t`.
    fn answer(&self, t: i64) -> Option<i64> {
        let last_event = self.program.cutoffs.last_event(t)?;
        let end = self.end(last_event);
        let last = self.events[..end]
            .iter()
            .rev()
            .find(|event| self.program.is_known(&event.place, t))?;
        self.program.cutoffs.answer(t, last.place.event_time())
    }

    /// Folds the windows that end at `cutoff`, as known at `t`.
    fn fold(&self, folder: &mut Folder<'_>, cutoff: i64, t: i64) -> Result<(), asof_transform::EvaluationError> {
        let end = self.end(cutoff);
        let windows = self.program.aggregate.windows();
        let starts = windows.iter().map(|window| {
            let before = Cutoffs::before_window(cutoff, *window);
            self.events[..end].partition_point(|event| i128::from(event.place.event_time()) <= before)
        });
        let starts: Vec<usize> = starts.collect();
        let first = starts.iter().copied().min().unwrap_or(end);
        let (events, refs) = (&self.events[first..end], &self.refs[first..end]);
        if events.iter().all(|event| self.program.is_known(&event.place, t)) {
            let starts: Vec<usize> = starts.iter().map(|start| start - first).collect();
            return folder.push(refs, &starts);
        }
        let mut known = Vec::with_capacity(refs.len());
        // How many known rows lie before each row.
        let mut before = Vec::with_capacity(refs.len() + 1);
        for (event, input) in events.iter().zip(refs) {
            before.push(known.len());
            if self.program.is_known(&event.place, t) {
                known.push(*input);
            }
        }
        before.push(known.len());
        let starts: Vec<usize> = starts.iter().map(|start| before[start - first]).collect();
        folder.push(&known, &starts)
    }

    /// The position behind the last row at or before `time`.
    fn end(&self, time: i64) -> usize {
        self.events.partition_point(|event| event.place.event_time() <= time)
    }
}
