//! One shard's rows in their order, and the groups of them that answer somebody.

use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::compute::interleave;

use super::program::WindowProgram;
use super::segment::Segment;
use super::spill::{Held, Memory};
use super::store::{Collected, SHARDS};
use crate::OfflineError;
use crate::asof_join::Index;
use crate::source::batch_of;

/// The rows of a shard's entities that lie in a window of an answer, in order, and the windows of its answers.
#[derive(Debug)]
pub(super) struct Shard {
    /// What is folded.
    pub(super) rows: Held,
    /// When the rows were written, if some groups do not know all rows in their windows.
    pub(super) created: Option<Vec<Option<i64>>>,
    pub(super) groups: Vec<Group>,
    /// For each group, the first row of each window.
    pub(super) starts: Vec<u32>,
    /// The slots that are answered, with the position of the group that answers and its cutoff.
    pub(super) answers: Vec<Answer>,
    /// The slots that know rows, all of them too old.
    pub(super) expired: Vec<u32>,
}

/// Rows that are folded into one feature row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// The row behind the last one.
    pub(super) end: u32,
    /// The time as of which rows are known, if some are not.
    pub(super) known_at: Option<i64>,
}

/// What answers a slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) slot: u32,
    pub(super) group: u32,
    pub(super) cutoff: i64,
}

/// A row by what it is sorted by, and where it lies.
#[derive(Debug, Clone, Copy)]
struct Entry {
    event: i64,
    segment: u32,
    row: u32,
}

impl Shard {
    /// Sorts the rows of a shard, and finds the answers to its entities.
    pub(super) fn new(
        program: &WindowProgram,
        index: &Index,
        shard: usize,
        segments: Vec<Collected>,
        memory: &Memory,
    ) -> Result<Self, OfflineError> {
        let segments = segments.into_iter().map(|segment| segment.take(memory));
        let segments: Vec<Segment> = segments.collect::<Result<_, _>>()?;
        let (entries, starts) = by_entity(&segments);
        let mut groups = Grouping::new(program, &segments);
        let mut entries = entries;
        for (at, ends) in starts.windows(2).enumerate() {
            let entries = &mut entries[ends[0] as usize..ends[1] as usize];
            if !entries.is_empty() {
                sort(entries, &segments);
                groups.add(index, (at * SHARDS + shard) as u32, entries);
            }
        }
        drop(entries);
        groups.finish(memory)
    }
}

/// All rows by entity, those of each in the order of their ids; and where the rows of each entity start, and the last
/// end.
fn by_entity(segments: &[Segment]) -> (Vec<Entry>, Vec<u32>) {
    let mut runs: Vec<(u64, usize, Range<u32>)> = Vec::new();
    let mut starts: Vec<u32> = vec![0];
    let place = |entity: u32| entity as usize / SHARDS;
    for (number, segment) in segments.iter().enumerate() {
        runs.extend(segment.runs().map(|(id, rows)| (id, number, rows)));
        for entity in &segment.entities {
            let place = place(*entity);
            if starts.len() <= place + 1 {
                starts.resize(place + 2, 0);
            }
            starts[place + 1] += 1;
        }
    }
    runs.sort_unstable_by_key(|(id, ..)| *id);
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let rows = starts.last().copied().unwrap_or_default() as usize;
    let none = Entry {
        event: 0,
        segment: 0,
        row: 0,
    };
    let mut entries = vec![none; rows];
    for (_, number, rows) in runs {
        let segment = &segments[number];
        for row in rows {
            let next = &mut next[place(segment.entities[row as usize])];
            entries[*next as usize] = Entry {
                event: segment.events[row as usize],
                segment: number as u32,
                row,
            };
            *next += 1;
        }
    }
    (entries, starts)
}

/// Sorts the rows of one entity, which are in the order of their ids, by event time, then created time, then id.
fn sort(entries: &mut [Entry], segments: &[Segment]) {
    let created = |entry: &Entry| segments[entry.segment as usize].created_time(entry.row);
    if segments.iter().all(|segment| segment.created.is_none()) {
        if !entries.is_sorted_by_key(|entry| entry.event) {
            entries.sort_by_key(|entry| entry.event);
        }
    } else {
        entries.sort_by(|a, b| a.event.cmp(&b.event).then_with(|| created(a).cmp(&created(b))));
    }
}

/// Groups of the entities so far, and the rows that lie in one.
struct Grouping<'a> {
    program: &'a WindowProgram,
    segments: &'a [Segment],
    /// Whether rows may be written after a time that asks.
    hides: bool,
    kept: Vec<(usize, usize)>,
    groups: Vec<Group>,
    starts: Vec<u32>,
    answers: Vec<Answer>,
    expired: Vec<u32>,
}

impl<'a> Grouping<'a> {
    fn new(program: &'a WindowProgram, segments: &'a [Segment]) -> Self {
        Self {
            program,
            segments,
            hides: program.visible_from_created && segments.iter().any(|segment| segment.created.is_some()),
            kept: Vec::new(),
            groups: Vec::new(),
            starts: Vec::new(),
            answers: Vec::new(),
            expired: Vec::new(),
        }
    }

    fn created(&self, entry: &Entry) -> Option<i64> {
        self.segments[entry.segment as usize].created_time(entry.row)
    }

    /// Adds the groups that answer at the slots of an entity, whose rows are in their order.
    fn add(&mut self, index: &Index, entity: u32, entries: &[Entry]) {
        let (cutoffs, windows) = (&self.program.cutoffs, self.program.aggregate.windows());
        let (slots, times) = index.slots_of(entity);
        let mut history = History::new(entries, windows.len());
        let mut written = Written::default();
        for (slot, t) in slots.zip(times) {
            let Some(last_event) = cutoffs.last_event(*t) else {
                continue;
            };
            let visible = history.up_to(last_event);
            let is_known = |entry: &&Entry| !self.hides || self.created(entry).is_none_or(|created| created <= *t);
            let Some(last) = entries[..visible].iter().rev().find(is_known) else {
                continue;
            };
            let Some(cutoff) = cutoffs.answer(*t, last.event) else {
                self.expired.push(slot);
                continue;
            };
            if history.cutoff != Some(cutoff) {
                history.move_to(cutoff, self.program);
                if self.hides {
                    let rows = history.rows();
                    history.all_known_from = written.latest(rows, |row| self.created(&entries[row]));
                }
                history.group = None;
            }
            let known_at = (self.hides && *t < history.all_known_from).then_some(*t);
            let group = match history.group {
                Some(group) if known_at.is_none() => group,
                _ => {
                    let group = self.push(entries, &mut history, known_at);
                    history.group = Some(group).filter(|_| known_at.is_none());
                    group
                }
            };
            self.answers.push(Answer { slot, group, cutoff });
        }
    }

    /// Adds a group, and keeps its rows if they are not kept yet.
    fn push(&mut self, entries: &[Entry], history: &mut History<'_>, known_at: Option<i64>) -> u32 {
        let rows = history.rows();
        let first = rows.start.max(history.kept);
        if first > history.kept || history.group_base.is_none() {
            history.group_base = Some((self.kept.len(), first));
        }
        let kept = &entries[first..rows.end.max(first)];
        self.kept
            .extend(kept.iter().map(|entry| (entry.segment as usize, entry.row as usize)));
        history.kept = rows.end.max(history.kept);
        // Rows kept without a gap since `from` are here, one after the other, from `base` on.
        let (base, from) = history.group_base.unwrap_or_default();
        let place = |row: usize| (base + row - from) as u32;
        self.starts.extend(history.starts.iter().map(|start| place(*start)));
        self.groups.push(Group {
            end: place(rows.end),
            known_at,
        });
        self.groups.len() as u32 - 1
    }

    /// Brings the rows together.
    fn finish(self, memory: &Memory) -> Result<Shard, OfflineError> {
        let schema = self.program.aggregate.input_schema();
        let gather = |column: &dyn Fn(&Segment) -> &ArrayRef| {
            let arrays: Vec<&dyn Array> = self.segments.iter().map(|segment| column(segment).as_ref()).collect();
            interleave(&arrays, &self.kept)
        };
        let columns = if self.segments.is_empty() {
            schema
                .fields()
                .iter()
                .map(|field| arrow::array::new_empty_array(field.data_type()))
                .collect()
        } else {
            let columns = 0..schema.fields().len();
            columns
                .map(|at| gather(&|segment| &segment.inputs[at]))
                .collect::<Result<_, _>>()?
        };
        let created = self.groups.iter().any(|group| group.known_at.is_some()).then(|| {
            let of = |(segment, row): &(usize, usize)| self.segments[*segment].created_time(*row as u32);
            self.kept.iter().map(of).collect()
        });
        Ok(Shard {
            rows: memory.hold(batch_of(schema, columns, self.kept.len())?)?,
            created,
            groups: self.groups,
            starts: self.starts,
            answers: self.answers,
            expired: self.expired,
        })
    }
}

/// The rows of one entity, gone through from the first time asked about to the last. Cutoffs that answer ascend, so
/// that places only move forward.
struct History<'a> {
    entries: &'a [Entry],
    visible: usize,
    cutoff: Option<i64>,
    /// The first row of each window that ends at the cutoff, and the row behind its last.
    starts: Vec<usize>,
    end: usize,
    /// The group of the cutoff with all rows known, if there is one yet; and the time from which on all are.
    group: Option<u32>,
    all_known_from: i64,
    /// Rows before this are kept, if in a group.
    kept: usize,
    /// The place of a kept row and the row, behind which rows are kept without a gap.
    group_base: Option<(usize, usize)>,
}

impl<'a> History<'a> {
    fn new(entries: &'a [Entry], windows: usize) -> Self {
        Self {
            entries,
            visible: 0,
            cutoff: None,
            starts: vec![0; windows],
            end: 0,
            group: None,
            all_known_from: i64::MIN,
            kept: 0,
            group_base: None,
        }
    }

    /// The position behind the last row at or before `time`.
    fn up_to(&mut self, time: i64) -> usize {
        self.visible = advance(self.entries, self.visible, |event| event <= time);
        self.visible
    }

    /// Finds the windows that end at `cutoff`.
    fn move_to(&mut self, cutoff: i64, program: &WindowProgram) {
        self.cutoff = Some(cutoff);
        self.end = advance(self.entries, self.end, |event| event <= cutoff);
        for (start, window) in self.starts.iter_mut().zip(program.aggregate.windows()) {
            let before = super::Cutoffs::before_window(cutoff, *window);
            *start = advance(self.entries, *start, |event| i128::from(event) <= before);
        }
    }

    /// The rows of the longest window.
    fn rows(&self) -> Range<usize> {
        self.starts.iter().copied().min().unwrap_or(self.end)..self.end
    }
}

/// The created times that can be the latest of a range of rows: those with none as late behind them, descending.
#[derive(Debug, Default)]
struct Written {
    times: Vec<(i64, usize)>,
    next: usize,
}

impl Written {
    /// The latest created time of some rows; the beginning of all time if there is none. Ranges ascend.
    fn latest(&mut self, rows: Range<usize>, created: impl Fn(usize) -> Option<i64>) -> i64 {
        for row in self.next.max(rows.start)..rows.end {
            let Some(time) = created(row) else {
                continue;
            };
            while self.times.last().is_some_and(|(last, _)| *last <= time) {
                self.times.pop();
            }
            self.times.push((time, row));
        }
        self.next = self.next.max(rows.end);
        let first = self.times.partition_point(|(_, row)| *row < rows.start);
        self.times.get(first).map_or(i64::MIN, |(time, _)| *time)
    }
}

/// The first position from `from` on whose event is not `before`: nearby ones are found in few steps.
fn advance(entries: &[Entry], from: usize, before: impl Fn(i64) -> bool) -> usize {
    let mut step = 1;
    let mut low = from;
    while low + step <= entries.len() && before(entries[low + step - 1].event) {
        low += step;
        step *= 2;
    }
    let high = (low + step - 1).min(entries.len());
    low + entries[low..high].partition_point(|entry| before(entry.event))
}
