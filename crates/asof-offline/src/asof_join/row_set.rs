//! The rows of a value source that some range of the spine wants, and where their values come to lie.

use super::values::ValueSource;
use crate::source::RowId;

/// A set of rows, part by part.
#[derive(Debug)]
pub(crate) struct RowSet {
    parts: Vec<Option<Box<PartSet>>>,
}

/// The rows wanted of one part: a bit per row, and how many bits stand before each word.
#[derive(Debug)]
struct PartSet {
    words: Vec<u64>,
    before: Vec<u32>,
    /// The segments that hold the values, each with the rank of its first row; ascending.
    segments: Vec<(u32, u32)>,
}

impl RowSet {
    /// The set of the given rows. More may not be added.
    pub(crate) fn new(source: &dyn ValueSource, rows: impl Iterator<Item = RowId>) -> Self {
        let mut parts: Vec<Option<Box<PartSet>>> = Vec::new();
        parts.resize_with(source.parts(), || None);
        for id in rows {
            let part = parts[id.part() as usize].get_or_insert_with(|| {
                let words = source.rows_of(id.part()).div_ceil(64) as usize;
                Box::new(PartSet {
                    words: vec![0; words],
                    before: Vec::new(),
                    segments: Vec::new(),
                })
            });
            part.words[id.row() as usize / 64] |= 1 << (id.row() % 64);
        }
        for part in parts.iter_mut().flatten() {
            let mut count = 0;
            part.before.reserve_exact(part.words.len());
            for word in &part.words {
                part.before.push(count);
                count += word.count_ones();
            }
        }
        Self { parts }
    }

    /// The memory that a set of rows of `source` takes at most.
    pub(crate) fn memory(source: &dyn ValueSource) -> usize {
        let rows: usize = (0..source.parts() as u32)
            .map(|part| source.rows_of(part) as usize)
            .sum();
        rows.div_ceil(64) * (size_of::<u64>() + size_of::<u32>()) + source.parts() * size_of::<usize>()
    }

    /// Whether it has rows of a part.
    pub(crate) fn has_part(&self, part: u32) -> bool {
        self.parts[part as usize].is_some()
    }

    /// Whether it has a row.
    pub(crate) fn contains(&self, part: u32, row: u32) -> bool {
        let part = self.parts[part as usize].as_ref();
        part.is_some_and(|part| part.words[row as usize / 64] & (1 << (row % 64)) != 0)
    }

    /// Adds the rows of a part to a mask of its rows.
    pub(crate) fn add_to(&self, part: u32, mask: &mut [u64]) {
        if let Some(part) = &self.parts[part as usize] {
            for (mask, word) in mask.iter_mut().zip(&part.words) {
                *mask |= word;
            }
        }
    }

    /// Notes that the values of the rows of a part from the `rank`th on stand in a segment. For a part, ranks come in
    /// ascending order.
    pub(crate) fn place(&mut self, part: u32, rank: u32, segment: u32) {
        if let Some(part) = &mut self.parts[part as usize] {
            part.segments.push((rank, segment));
        }
    }

    /// Where the values of a row of the set are: the segment, and the row in it.
    pub(crate) fn find(&self, id: RowId) -> (u32, u32) {
        let part = self.parts[id.part() as usize]
            .as_ref()
            .expect("rows that are looked up were put in");
        let (word, bit) = (id.row() as usize / 64, id.row() % 64);
        let below = part.words[word] & ((1 << bit) - 1);
        let rank = part.before[word] + below.count_ones();
        let at = match part.segments.as_slice() {
            [_] => 0,
            segments => segments.partition_point(|(first, _)| *first <= rank) - 1,
        };
        let (first, segment) = part.segments[at];
        (segment, rank - first)
    }
}

/// The numbers of the bits that are set, ascending.
pub(crate) fn ones(mask: &[u64]) -> Vec<u32> {
    let mut rows = Vec::new();
    for (word, mut bits) in (0..).zip(mask.iter().copied()) {
        while bits != 0 {
            rows.push(word * 64 + bits.trailing_zeros());
            bits &= bits - 1;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::super::values::ValueBatch;
    use super::*;
    use crate::OfflineError;

    /// Parts of so many rows, and no values.
    #[derive(Debug)]
    struct Parts(Vec<u32>);

    impl ValueSource for Parts {
        fn parts(&self) -> usize {
            self.0.len()
        }

        fn rows_of(&self, part: u32) -> u32 {
            self.0[part as usize]
        }

        fn read<'a>(&'a self, _: u32, _: &'a [u32]) -> BoxFuture<'a, Result<Vec<ValueBatch>, OfflineError>> {
            futures::future::ready(Ok(Vec::new())).boxed()
        }

        fn row_bytes(&self) -> usize {
            0
        }

        fn take_bytes_read(&self) -> u64 {
            0
        }
    }

    #[test]
    fn every_row_is_found_in_the_segment_that_its_rank_leads_to() {
        let source = Parts(vec![10, 200, 70]);
        let rows: Vec<RowId> = [(1, 199), (0, 3), (1, 0), (1, 64), (2, 69), (1, 63), (1, 0)]
            .map(|(part, row)| RowId::new(part, row))
            .into();
        let mut set = RowSet::new(&source, rows.iter().copied());
        assert!(set.has_part(0) && set.contains(1, 63) && !set.contains(1, 62));
        let mut mask = vec![0; 4];
        set.add_to(1, &mut mask);
        assert_eq!(ones(&mask), [0, 63, 64, 199]);
        set.place(2, 0, 0);
        set.place(1, 0, 1);
        set.place(1, 3, 2);
        set.place(0, 0, 3);
        let found: Vec<_> = rows.iter().map(|id| set.find(*id)).collect();
        assert_eq!(found, [(2, 0), (3, 0), (1, 0), (1, 2), (0, 0), (1, 1), (1, 0)]);
    }
}
