//! What a scan and the reading of its values cost, counted while they go on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::prune::{Narrowed, PartRows};
use super::table::SourceTable;

/// Counts of one scan.
#[derive(Debug)]
pub(crate) struct ScanReport {
    /// Parts that were read.
    parts: Vec<AtomicBool>,
    parts_pruned_by_time: AtomicU64,
    parts_pruned_by_key: AtomicU64,
    pages_looked_at: AtomicU64,
    pages_skipped: AtomicU64,
    rows_read: AtomicU64,
    bytes_read: AtomicU64,
    rows_matched: AtomicU64,
}

impl ScanReport {
    pub(crate) fn new(table: &SourceTable) -> Self {
        Self {
            parts: table.parts.iter().map(|_| AtomicBool::new(false)).collect(),
            parts_pruned_by_time: AtomicU64::new(0),
            parts_pruned_by_key: AtomicU64::new(0),
            pages_looked_at: AtomicU64::new(0),
            pages_skipped: AtomicU64::new(0),
            rows_read: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            rows_matched: AtomicU64::new(0),
        }
    }

    /// A part was left out because none of its keys is asked for.
    pub(crate) fn pruned_by_key(&self) {
        self.parts_pruned_by_key.fetch_add(1, Ordering::Relaxed);
    }

    /// A part was looked at closer.
    pub(crate) fn narrowed(&self, narrowed: &Narrowed) {
        match narrowed.rows {
            PartRows::All | PartRows::Some(_) => {}
            PartRows::None if narrowed.by_key => self.pruned_by_key(),
            PartRows::None => self.pruned_by_time(),
            PartRows::Filtered => self.pruned_by_key(),
        }
        self.pages_looked_at.fetch_add(narrowed.pages, Ordering::Relaxed);
        self.pages_skipped.fetch_add(narrowed.pages_skipped, Ordering::Relaxed);
        self.bytes(narrowed.bytes);
    }

    /// A part was left out because of its statistics on event times.
    pub(crate) fn pruned_by_time(&self) {
        self.parts_pruned_by_time.fetch_add(1, Ordering::Relaxed);
    }

    /// A part is read: so many rows of it.
    pub(crate) fn read(&self, part: u32, rows: u64) {
        self.parts[part as usize].store(true, Ordering::Relaxed);
        self.rows_read.fetch_add(rows, Ordering::Relaxed);
    }

    /// Bytes were read.
    pub(crate) fn bytes(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Rows had a key that is asked about.
    pub(crate) fn matched(&self, rows: u64) {
        self.rows_matched.fetch_add(rows, Ordering::Relaxed);
    }

    /// The parts that were read, ascending.
    pub(crate) fn parts_read(&self) -> impl Iterator<Item = u32> {
        let parts = self.parts.iter().zip(0..);
        parts
            .filter(|(read, _)| read.load(Ordering::Relaxed))
            .map(|(_, part)| part)
    }

    /// What was counted since this was last asked.
    pub(crate) fn take(&self) -> ScanCounts {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        ScanCounts {
            parts_pruned_by_time: take(&self.parts_pruned_by_time),
            parts_pruned_by_key: take(&self.parts_pruned_by_key),
            pages: take(&self.pages_looked_at),
            pages_skipped: take(&self.pages_skipped),
            rows_read: take(&self.rows_read),
            bytes_read: take(&self.bytes_read),
            rows_matched: take(&self.rows_matched),
        }
    }
}

/// What some part of a scan has cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScanCounts {
    pub(crate) parts_pruned_by_time: u64,
    pub(crate) parts_pruned_by_key: u64,
    /// Pages of which the least and the greatest value were looked at.
    pub(crate) pages: u64,
    /// How many of them were skipped.
    pub(crate) pages_skipped: u64,
    /// Rows of the parts that were read, but for those of pages that were skipped.
    pub(crate) rows_read: u64,
    pub(crate) bytes_read: u64,
    pub(crate) rows_matched: u64,
}
