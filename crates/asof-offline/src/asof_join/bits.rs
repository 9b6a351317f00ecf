//! A set of numbers below a limit that many threads add to.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct AtomicBits(Vec<AtomicU64>);

impl AtomicBits {
    /// An empty set of numbers below `limit`.
    pub(crate) fn new(limit: usize) -> Self {
        Self((0..limit.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Adds a number. It is written only if it is new, so that threads do not take the cache line from each other.
    #[inline]
    pub(crate) fn insert(&self, number: usize) {
        let (word, bit) = (&self.0[number / 64], 1 << (number % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    pub(crate) fn contains(&self, number: usize) -> bool {
        self.0[number / 64].load(Ordering::Relaxed) & (1 << (number % 64)) != 0
    }
}
