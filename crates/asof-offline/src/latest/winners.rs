//! The rows that won, collected by many threads.

use parking_lot::Mutex;
use roaring::RoaringBitmap;

use crate::source::{Place, RowId};

/// Rows that a thread keeps until it hands them in: sorted, they cost less.
const KEPT: usize = 1 << 16;

/// A set of rows of a source, by part.
#[derive(Debug)]
pub(super) struct Winners {
    parts: Vec<Mutex<RoaringBitmap>>,
}

/// Hands in the rows that one thread finds.
pub(super) struct Collector<'a> {
    winners: &'a Winners,
    rows: Vec<RowId>,
}

impl Winners {
    /// None yet, of so many parts.
    pub(super) fn new(parts: usize) -> Self {
        Self {
            parts: (0..parts).map(|_| Mutex::default()).collect(),
        }
    }

    pub(super) fn collector(&self) -> Collector<'_> {
        Collector {
            winners: self,
            rows: Vec::new(),
        }
    }

    /// The rows of each part.
    pub(super) fn into_parts(self) -> impl Iterator<Item = RoaringBitmap> {
        self.parts.into_iter().map(|rows| {
            let mut rows = rows.into_inner();
            rows.optimize();
            rows
        })
    }
}

impl Collector<'_> {
    pub(super) fn add(&mut self, place: Place) {
        self.rows.extend(place.id());
        if self.rows.len() >= KEPT {
            self.hand_in();
        }
    }

    /// Called at the end, too.
    pub(super) fn hand_in(&mut self) {
        self.rows.sort_unstable();
        for rows in self.rows.chunk_by(|a, b| a.part() == b.part()) {
            let part = rows[0].part() as usize;
            self.winners.parts[part].lock().extend(rows.iter().map(|id| id.row()));
        }
        self.rows.clear();
    }
}
