//! What a scan and the reading of its values cost, counted while they go on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::table::SourceTable;

/// Counts of one scan.
#[derive(Debug)]
pub(crate) struct ScanReport {
    /// Parts that were read.
    parts: Vec<AtomicBool>,
    rows_of_part: Vec<u32>,
    parts_pruned_by_time: AtomicU64,
    bytes_read: AtomicU64,
    rows_matched: AtomicU64,
}

impl ScanReport {
    pub(crate) fn new(table: &SourceTable) -> Self {
        Self {
            parts: table.parts.iter().map(|_| AtomicBool::new(false)).collect(),
            rows_of_part: table.parts.iter().map(|part| part.rows).collect(),
            parts_pruned_by_time: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            rows_matched: AtomicU64::new(0),
        }
    }

    /// A part was left out because of its statistics on event times.
    pub(crate) fn pruned_by_time(&self) {
        self.parts_pruned_by_time.fetch_add(1, Ordering::Relaxed);
    }

    /// A part is read: so many bytes of it.
    pub(crate) fn read(&self, part: u32, bytes: u64) {
        self.parts[part as usize].store(true, Ordering::Relaxed);
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

    /// Rows of the parts that were read.
    pub(crate) fn rows_read(&self) -> u64 {
        self.parts_read()
            .map(|part| u64::from(self.rows_of_part[part as usize]))
            .sum()
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    pub(crate) fn rows_matched(&self) -> u64 {
        self.rows_matched.load(Ordering::Relaxed)
    }
}
