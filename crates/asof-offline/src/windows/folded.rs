//! The feature rows of an aggregated view, folded when they are read.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{interleave, take};
use asof_transform::Groups;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::program::WindowProgram;
use super::shard::Shard;
use super::spill::Memory;
use crate::OfflineError;
use crate::asof_join::{ValueBatch, ValueSource};
use crate::source::batch_of;

/// The most groups of a part. Few in tests, so that theirs need several.
const PART_GROUPS: usize = if cfg!(test) { 3 } else { 1 << 13 };

/// The most rows in the longest windows of a part's groups: the answers of one entity with many rows go into several
/// parts, so that several threads fold them.
const PART_ROWS: usize = if cfg!(test) { 16 } else { 1 << 25 };

/// The most rows of groups that do not know all rows in their windows, brought together at once.
const KNOWN_ROWS: usize = if cfg!(test) { 6 } else { 1 << 18 };

/// Groups of rows, in parts that are folded one by one.
#[derive(Debug)]
pub(super) struct FoldedRows {
    program: Arc<WindowProgram>,
    shards: Vec<Shard>,
    parts: Vec<Part>,
    memory: Memory,
}

/// Groups of a shard that lie side by side.
#[derive(Debug)]
pub(super) struct Part {
    shard: usize,
    groups: Range<usize>,
}

impl FoldedRows {
    pub(super) fn new(program: Arc<WindowProgram>, shards: Vec<Shard>, memory: Memory) -> Self {
        let parts = shards.iter().enumerate().flat_map(|(number, shard)| {
            shard
                .parts()
                .into_iter()
                .map(move |groups| Part { shard: number, groups })
        });
        Self {
            parts: parts.collect(),
            program,
            shards,
            memory,
        }
    }

    /// The parts of each shard: the number of the first one, and the groups of each.
    pub(super) fn each_part(&self) -> impl Iterator<Item = (u32, &Shard, Range<usize>)> {
        let parts = self.parts.iter().zip(0..);
        parts.map(|(part, number)| (number, &self.shards[part.shard], part.groups.clone()))
    }

    fn fold(&self, part: u32, rows: &[u32]) -> Result<ValueBatch, OfflineError> {
        let part = &self.parts[part as usize];
        let shard = &self.shards[part.shard];
        let groups: Vec<usize> = rows.iter().map(|row| part.groups.start + *row as usize).collect();
        let rows_of_shard = self.memory.load(&shard.rows)?;
        let columns = shard.fold(&self.program, &rows_of_shard, &groups)?;
        Ok(ValueBatch {
            rows: rows.len(),
            columns,
        })
    }
}

impl ValueSource for FoldedRows {
    fn parts(&self) -> usize {
        self.parts.len()
    }

    fn rows_of(&self, part: u32) -> u32 {
        self.parts[part as usize].groups.len() as u32
    }

    fn read<'a>(&'a self, part: u32, rows: &'a [u32]) -> BoxFuture<'a, Result<Vec<ValueBatch>, OfflineError>> {
        async move { Ok(vec![self.fold(part, rows)?]) }.boxed()
    }

    fn row_bytes(&self) -> usize {
        self.program.aggregate.row_bytes()
    }

    fn take_bytes_read(&self) -> u64 {
        0
    }
}

impl Shard {
    /// The first row of each window of a group.
    fn starts(&self, group: usize) -> &[u32] {
        let windows = self.starts.len() / self.groups.len();
        &self.starts[group * windows..(group + 1) * windows]
    }

    /// The rows of the longest window of a group.
    fn rows(&self, group: usize) -> Range<usize> {
        let end = self.groups[group].end as usize;
        let first = self.starts(group).iter().min().map_or(end, |first| *first as usize);
        first..end
    }

    /// The groups, cut into ranges that take about the same time.
    fn parts(&self) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let (mut first, mut cost) = (0, 0);
        for group in 0..self.groups.len() {
            let rows = self.rows(group).len();
            if group > first && (group - first >= PART_GROUPS || cost + rows > PART_ROWS) {
                parts.push(first..group);
                (first, cost) = (group, 0);
            }
            cost += rows;
        }
        if first < self.groups.len() {
            parts.push(first..self.groups.len());
        }
        parts
    }

    /// The features of some groups, which ascend.
    fn fold(
        &self,
        program: &WindowProgram,
        rows: &RecordBatch,
        groups: &[usize],
    ) -> Result<Vec<ArrayRef>, OfflineError> {
        let is_whole = |group: &&usize| self.groups[**group].known_at.is_none();
        let whole: Vec<usize> = groups.iter().filter(is_whole).copied().collect();
        let mut folded = vec![self.fold_whole(program, rows, &whole)?];
        if whole.len() == groups.len() {
            return Ok(folded.remove(0));
        }
        // Where each group's features are: of which fold, and which row.
        let mut places = Vec::with_capacity(groups.len());
        let (mut of_whole, mut known) = (0, Known::new(program));
        for group in groups {
            if let Some(known_at) = self.groups[*group].known_at {
                places.push((folded.len(), known.groups.len()));
                known.add(self, *group, known_at);
                if known.rows.len() >= KNOWN_ROWS {
                    folded.push(std::mem::replace(&mut known, Known::new(program)).fold(program, rows)?);
                }
            } else {
                places.push((0, of_whole));
                of_whole += 1;
            }
        }
        folded.push(known.fold(program, rows)?);
        let columns = (0..folded[0].len()).map(|column| {
            let arrays: Vec<&dyn Array> = folded.iter().map(|columns| columns[column].as_ref()).collect();
            Ok(interleave(&arrays, &places)?)
        });
        columns.collect()
    }

    /// The features of groups that know all their rows.
    fn fold_whole(
        &self,
        program: &WindowProgram,
        rows: &RecordBatch,
        groups: &[usize],
    ) -> Result<Vec<ArrayRef>, OfflineError> {
        let first = groups.first().map_or(0, |group| self.rows(*group).start);
        let end = groups.last().map_or(first, |group| self.groups[*group].end as usize);
        let mut ranges = Groups::new(program.aggregate.windows().len());
        for group in groups {
            let starts = self.starts(*group).iter().map(|start| start - first as u32);
            ranges.push(&starts.collect::<Vec<_>>(), self.groups[*group].end - first as u32);
        }
        fold(program, &rows.slice(first, end - first), &ranges)
    }
}

/// Groups that do not know all rows in their windows, each with rows of its own.
struct Known {
    rows: Vec<u32>,
    groups: Groups,
}

impl Known {
    fn new(program: &WindowProgram) -> Self {
        Self {
            rows: Vec::new(),
            groups: Groups::new(program.aggregate.windows().len()),
        }
    }

    fn add(&mut self, shard: &Shard, group: usize, known_at: i64) {
        let range = shard.rows(group);
        let mut starts = vec![0; shard.starts(group).len()];
        for row in range.clone() {
            for (start, first) in starts.iter_mut().zip(shard.starts(group)) {
                if row == *first as usize {
                    *start = self.rows.len() as u32;
                }
            }
            let created = shard.created.as_ref().and_then(|created| created[row]);
            if created.is_none_or(|created| created <= known_at) {
                self.rows.push(row as u32);
            }
        }
        let end = self.rows.len() as u32;
        for (start, first) in starts.iter_mut().zip(shard.starts(group)) {
            if *first as usize == range.end {
                *start = end;
            }
        }
        self.groups.push(&starts, end);
    }

    fn fold(self, program: &WindowProgram, rows: &RecordBatch) -> Result<Vec<ArrayRef>, OfflineError> {
        let known = UInt32Array::from(self.rows);
        let columns = rows.columns().iter().map(|column| take(column, &known, None));
        let columns = columns.collect::<Result<_, _>>()?;
        fold(
            program,
            &batch_of(rows.schema_ref(), columns, known.len())?,
            &self.groups,
        )
    }
}

fn fold(program: &WindowProgram, rows: &RecordBatch, groups: &Groups) -> Result<Vec<ArrayRef>, OfflineError> {
    let folded = program.aggregate.fold(rows, groups);
    folded.map_err(|error| OfflineError::evaluation(&program.view, error))
}
