//! Folds that can take a value back: what is kept of the values of a window follows it from group to group.

use super::groups::Spans;

/// What is kept of the values of a window.
pub(super) trait Bag {
    /// Puts in the value at a position.
    fn add(&mut self, at: usize);

    /// Takes it out again.
    fn remove(&mut self, at: usize);
}

/// Fills `bag` with the values of each span in turn, and collects what `answer` says of it. Each value is put in and
/// taken out at most once. Empties the bag in the end.
pub(super) fn slide<B: Bag, T>(
    bag: &mut B,
    spans: &Spans<'_>,
    mut answer: impl FnMut(&mut B, u32, u32) -> T,
) -> Vec<T> {
    let (mut first, mut behind) = (0, 0);
    let mut answers = Vec::with_capacity(spans.groups());
    for (start, end) in spans.iter() {
        for at in first..start.min(behind) {
            bag.remove(at as usize);
        }
        first = start;
        for at in behind.max(start)..end {
            bag.add(at as usize);
        }
        behind = behind.max(end);
        answers.push(answer(bag, start, end));
    }
    for at in first..behind {
        bag.remove(at as usize);
    }
    answers
}

/// An exact sum of whole numbers. 2^63 of them fit.
#[derive(Debug)]
struct Sum<'a> {
    values: &'a [i64],
    total: i128,
}

impl Bag for Sum<'_> {
    fn add(&mut self, at: usize) {
        self.total += i128::from(self.values[at]);
    }

    fn remove(&mut self, at: usize) {
        self.total -= i128::from(self.values[at]);
    }
}

/// The exact sum of each span.
pub(super) fn sums(values: &[i64], spans: &Spans<'_>) -> Vec<i128> {
    slide(&mut Sum { values, total: 0 }, spans, |bag, _, _| bag.total)
}

/// How often each of some values is there, and how many are.
#[derive(Debug)]
struct Distinct<'a> {
    codes: &'a [u32],
    counts: Vec<u32>,
    nonzero: i64,
}

impl Bag for Distinct<'_> {
    fn add(&mut self, at: usize) {
        let count = &mut self.counts[self.codes[at] as usize];
        self.nonzero += i64::from(*count == 0);
        *count += 1;
    }

    fn remove(&mut self, at: usize) {
        let count = &mut self.counts[self.codes[at] as usize];
        *count -= 1;
        self.nonzero -= i64::from(*count == 0);
    }
}

/// How many different values, told apart by their `codes` from 0 to `count`, each span has.
pub(super) fn distinct(codes: &[u32], count: usize, spans: &Spans<'_>) -> Vec<i64> {
    let mut bag = Distinct {
        codes,
        counts: vec![0; count],
        nonzero: 0,
    };
    slide(&mut bag, spans, |bag, _, _| bag.nonzero)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::aggregate::groups::tests::values_and_spans;

    proptest! {
        #[test]
        fn what_slides_equals_what_is_counted_anew((values, spans) in values_and_spans(0_u32..9)) {
            let numbers: Vec<i64> = values.iter().map(|value| i64::from(*value) * (i64::MAX / 9) - 7).collect();
            let (sums, distinct) = (sums(&numbers, &spans), distinct(&values, 9, &spans));
            for (group, (start, end)) in spans.iter().enumerate() {
                let range = start as usize..end as usize;
                let sum: i128 = numbers[range.clone()].iter().map(|number| i128::from(*number)).sum();
                prop_assert_eq!(sums[group], sum);
                prop_assert_eq!(distinct[group], values[range].iter().collect::<BTreeSet<_>>().len() as i64);
            }
        }
    }
}
