//! Ranges of bytes: joined before they are fetched, found again after.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// Sorts ranges and joins those that overlap or have less than `near` bytes between them. Empty ones are left out.
pub(super) fn coalesce(ranges: &[Range<u64>], near: u64) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start < last.end.saturating_add(near) => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// The one of some sorted, disjoint ranges that holds the byte at `at`.
pub(super) fn holding(ranges: &[Range<u64>], at: u64) -> Option<usize> {
    let next = ranges.partition_point(|range| range.start <= at);
    let index = next.checked_sub(1)?;
    ranges[index].contains(&at).then_some(index)
}

/// Bytes of some ranges of a file.
#[derive(Debug, Clone)]
pub(super) struct Pieces {
    /// Sorted and disjoint.
    ranges: Arc<[Range<u64>]>,
    bytes: Arc<[Bytes]>,
}

impl Pieces {
    /// The bytes of `ranges`, which are sorted and disjoint.
    pub(super) fn new(ranges: &[Range<u64>], bytes: Vec<Bytes>) -> Self {
        debug_assert!(
            ranges
                .iter()
                .zip(&bytes)
                .all(|(range, bytes)| range.end - range.start == bytes.len() as u64)
        );
        Self {
            ranges: ranges.into(),
            bytes: bytes.into(),
        }
    }

    /// How many bytes there are in all.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.iter().map(|bytes| bytes.len() as u64).sum()
    }

    /// All that is there from `start` on, without a gap.
    pub(super) fn from(&self, start: u64) -> Option<Bytes> {
        let piece = holding(&self.ranges, start)?;
        let skipped = usize::try_from(start - self.ranges[piece].start).ok()?;
        Some(self.bytes[piece].slice(skipped..))
    }

    /// The `length` bytes at `start`.
    pub(super) fn get(&self, start: u64, length: usize) -> Option<Bytes> {
        if length == 0 {
            return Some(Bytes::new());
        }
        let rest = self.from(start)?;
        (length <= rest.len()).then(|| rest.slice(..length))
    }
}
