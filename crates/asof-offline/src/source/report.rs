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

    pub(crate) fn parts_pruned_by_time(&self) -> u64 {
        self.parts_pruned_by_time.load(Ordering::Relaxed)
    }

    pub(crate) fn parts_pruned_by_key(&self) -> u64 {
        self.parts_pruned_by_key.load(Ordering::Relaxed)
    }

    /// Pages of which the least and the greatest value were looked at, and how many of them were skipped.
    pub(crate) fn pages(&self) -> (u64, u64) {
        let [looked_at, skipped] = [&self.pages_looked_at, &self.pages_skipped];
        (looked_at.load(Ordering::Relaxed), skipped.load(Ordering::Relaxed))
    }

    /// Rows of the parts that were read, but for those of pages that were skipped.
    pub(crate) fn rows_read(&self) -> u64 {
        self.rows_read.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    pub(crate) fn rows_matched(&self) -> u64 {
        self.rows_matched.load(Ordering::Relaxed)
    }
}
