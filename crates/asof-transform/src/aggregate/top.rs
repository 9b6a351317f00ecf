//! The most frequent values of windows.

use std::cmp::Reverse;

use super::groups::Spans;
use super::sliding::{Bag, slide};

/// Values whose greatest count is kept, so that those far from it are passed over at once.
const BLOCK: usize = 64;

/// How often each value is there.
struct Counts<'a> {
    codes: &'a [u32],
    often: Vec<u32>,
    /// The greatest count in each block, or more.
    greatest: Vec<u32>,
}

impl Bag for Counts<'_> {
    fn add(&mut self, at: usize) {
        let code = self.codes[at] as usize;
        self.often[code] += 1;
        let greatest = &mut self.greatest[code / BLOCK];
        *greatest = self.often[code].max(*greatest);
    }

    fn remove(&mut self, at: usize) {
        self.often[self.codes[at] as usize] -= 1;
    }
}

impl Counts<'_> {
    /// Adds the codes of the `count` most frequent values of a span to `top`, the most frequent first; of equally
    /// frequent ones, the least.
    fn top(&mut self, span: &[u32], count: usize, top: &mut Vec<u32>) {
        let mut best: Vec<(Reverse<u32>, u32)> = Vec::with_capacity(count + 1);
        let mut offer = |code: u32, often: u32| {
            let entry = (Reverse(often), code);
            let place = best.partition_point(|known| *known < entry);
            if often > 0 && place < count && best.get(place) != Some(&entry) {
                best.truncate(count - 1);
                best.insert(place, entry);
            }
            (best.len() == count).then(|| best[count - 1].0.0)
        };
        if span.len() < self.greatest.len() {
            for code in span {
                offer(*code, self.often[*code as usize]);
            }
        } else {
            let mut least = 0;
            for (block, greatest) in self.greatest.iter_mut().enumerate() {
                // Codes ascend, so an equally frequent one comes behind those that are there.
                if *greatest <= least {
                    continue;
                }
                let first = block * BLOCK;
                let counts = &self.often[first..self.often.len().min(first + BLOCK)];
                *greatest = counts.iter().copied().max().unwrap_or_default();
                for (code, often) in (first as u32..).zip(counts) {
                    least = offer(code, *often).unwrap_or(0);
                }
            }
        }
        top.extend(best.into_iter().map(|(_, code)| code));
    }
}

/// The codes of the `count` most frequent values of each span, and where each span's list ends among them. `codes` are
/// from 0 to `values`, in the order of the values.
pub(super) fn most_frequent(codes: &[u32], values: usize, count: usize, spans: &Spans<'_>) -> (Vec<u32>, Vec<usize>) {
    let mut counts = Counts {
        codes,
        often: vec![0; values],
        greatest: vec![0; values.div_ceil(BLOCK)],
    };
    let mut top = Vec::new();
    let ends = slide(&mut counts, spans, |counts, start, end| {
        counts.top(&codes[start as usize..end as usize], count, &mut top);
        top.len()
    });
    (top, ends)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::aggregate::groups::tests::values_and_spans;

    fn check(values: &[u32], spans: &Spans<'_>, codes: u32, count: usize) {
        let (top, ends) = most_frequent(values, codes as usize, count, spans);
        let mut first = 0;
        for ((start, end), behind) in spans.iter().zip(ends) {
            let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
            for value in &values[start as usize..end as usize] {
                *counts.entry(*value).or_default() += 1;
            }
            let mut expected: Vec<(u32, u32)> = counts.into_iter().collect();
            expected.sort_by_key(|(value, often)| (Reverse(*often), *value));
            let expected: Vec<u32> = expected.into_iter().take(count).map(|(value, _)| value).collect();
            assert_eq!(top[first..behind], expected);
            first = behind;
        }
    }

    proptest! {
        #[test]
        fn few_values_are_ranked((values, spans) in values_and_spans(0_u32..6), count in 1_usize..4) {
            check(&values, &spans, 6, count);
        }

        #[test]
        fn values_in_many_blocks_are_ranked((values, spans) in values_and_spans(0_u32..4), count in 1_usize..4) {
            // Spans both shorter and longer than the number of blocks.
            let values: Vec<u32> = values.into_iter().map(|value| value * 250 + 17).collect();
            check(&values, &spans, 1000, count);
        }
    }
}
