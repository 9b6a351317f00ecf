//! Sums and variances of floats, each a strict fold from the first value to the last, many at once.
//!
//! An addition waits for the one before it, so one fold uses a fraction of what a processor can add. But the windows
//! of neighbouring cutoffs overlap: the same values go into many folds, each in its own *lane*, and the lanes are added
//! to side by side. No fold sees another order of its values than its own, so no bit differs.
//!
//! ```text
//! values    v0  v1  v2  v3  v4  v5  v6  v7
//! lane 0    [───────────────]                 a lane that has not begun, or has ended, adds along: what it holds
//! lane 1        [───────────────────]         is set to nothing at its start, and read at its end
//! lane 2                [───────────────]
//! ```

use super::groups::Spans;

/// Folds side by side.
trait Lanes: Default {
    /// How many.
    const COUNT: usize;

    /// Makes a lane hold the fold of nothing.
    fn begin(&mut self, lane: usize);

    /// Adds values to every lane.
    fn add(&mut self, values: &[f64]);

    /// What a lane holds.
    fn result(&self, lane: usize) -> f64;
}

/// The sum of each span from its first value to its last. The first value is the first sum, so that a sum of -0.0
/// alone keeps its sign. Not a number is what the first operation gives that gives none. Of an empty span: nothing
/// that counts.
pub(super) fn sums(values: &[f64], spans: &Spans<'_>) -> Vec<f64> {
    fold::<Sums>(values, spans, careful_sum)
}

/// The sum of squared distances from the mean of each span, by Welford's recurrence from its first value to its last.
pub(super) fn squares(values: &[f64], spans: &Spans<'_>) -> Vec<f64> {
    fold::<Squares>(values, spans, careful_squares)
}

/// Folds each span. Results that are not a number come from `careful`: which NaN an instruction gives for two of them
/// is left to the compiler, so that lanes could differ.
fn fold<L: Lanes>(values: &[f64], spans: &Spans<'_>, careful: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut results = vec![0.0; spans.groups()];
    let blocks = spans.starts.chunks(L::COUNT).zip(spans.ends.chunks(L::COUNT));
    for ((starts, ends), results) in blocks.zip(results.chunks_mut(L::COUNT)) {
        fold_block::<L>(values, starts, ends, results);
        for ((start, end), result) in starts.iter().zip(ends).zip(results) {
            if result.is_nan() && start < end {
                *result = careful(&values[*start as usize..*end as usize]);
            }
        }
    }
    results
}

/// Folds no more spans than there are lanes.
fn fold_block<L: Lanes>(values: &[f64], starts: &[u32], ends: &[u32], results: &mut [f64]) {
    let mut lanes = L::default();
    // Of the spans, so many have begun and ended; all values before `at` are added.
    let (mut begun, mut ended, mut at) = (0, 0, 0);
    while ended < ends.len() {
        let start = starts.get(begun).copied();
        let is_open = ended < begun;
        if let Some(start) = start.filter(|start| !is_open || *start < ends[ended]) {
            if is_open {
                lanes.add(&values[at as usize..start as usize]);
            }
            at = start;
            lanes.begin(begun);
            begun += 1;
        } else {
            lanes.add(&values[at as usize..ends[ended] as usize]);
            at = ends[ended];
            results[ended] = lanes.result(ended);
            ended += 1;
        }
    }
}

/// Enough sums to keep two adders busy that take four cycles each.
const SUMS: usize = 16;

#[derive(Default)]
struct Sums([f64; SUMS]);

impl Lanes for Sums {
    const COUNT: usize = SUMS;

    fn begin(&mut self, lane: usize) {
        // Minus zero and any number make that number.
        self.0[lane] = -0.0;
    }

    fn add(&mut self, values: &[f64]) {
        let mut sums = self.0;
        for value in values {
            for sum in &mut sums {
                *sum += value;
            }
        }
        self.0 = sums;
    }

    fn result(&self, lane: usize) -> f64 {
        self.0[lane]
    }
}

/// Divisions are what takes time here; this many hide the wait for one.
const SQUARES: usize = 8;

#[derive(Default)]
struct Squares {
    counts: [f64; SQUARES],
    means: [f64; SQUARES],
    sums: [f64; SQUARES],
}

impl Lanes for Squares {
    const COUNT: usize = SQUARES;

    fn begin(&mut self, lane: usize) {
        self.counts[lane] = 0.0;
        self.means[lane] = 0.0;
        self.sums[lane] = 0.0;
    }

    fn add(&mut self, values: &[f64]) {
        let (mut counts, mut means, mut sums) = (self.counts, self.means, self.sums);
        for value in values {
            let mut distances = [0.0; SQUARES];
            for lane in 0..SQUARES {
                counts[lane] += 1.0;
                distances[lane] = value - means[lane];
            }
            for lane in 0..SQUARES {
                means[lane] += distances[lane] / counts[lane];
            }
            for lane in 0..SQUARES {
                sums[lane] += distances[lane] * (value - means[lane]);
            }
        }
        (self.counts, self.means, self.sums) = (counts, means, sums);
    }

    fn result(&self, lane: usize) -> f64 {
        self.sums[lane]
    }
}

fn careful_sum(values: &[f64]) -> f64 {
    let mut values = values.iter();
    let mut sum = values.next().copied().unwrap_or_default();
    for value in values {
        sum = careful(sum, *value, |sum, value| sum + value);
        if sum.is_nan() {
            break;
        }
    }
    sum
}

fn careful_squares(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        let distance = careful(*value, mean, |value, mean| value - mean);
        mean = careful(mean, distance, |mean, distance| mean + distance / count);
        let after = careful(*value, mean, |value, mean| value - mean);
        let square = careful(distance, after, |distance, after| distance * after);
        squares = careful(squares, square, |squares, square| squares + square);
        if squares.is_nan() {
            break;
        }
    }
    squares
}

/// An operation whose result, where one side is not a number, is that side, and the left one if both are not.
fn careful(left: f64, right: f64, operation: impl Fn(f64, f64) -> f64) -> f64 {
    // As processors do: the same NaN, marked as quiet.
    let quiet = |value: f64| f64::from_bits(value.to_bits() | 1 << (f64::MANTISSA_DIGITS - 2));
    if left.is_nan() {
        quiet(left)
    } else if right.is_nan() {
        quiet(right)
    } else {
        operation(left, right)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aggregate::groups::tests::values_and_spans;

    fn plain_squares(values: &[f64]) -> f64 {
        let (mut count, mut mean, mut squares) = (0_u64, 0.0_f64, 0.0_f64);
        for value in values {
            count += 1;
            let distance = value - mean;
            mean += distance / count as f64;
            squares += distance * (value - mean);
        }
        squares
    }

    fn any_float() -> impl Strategy<Value = f64> + Clone {
        let special = vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324, 1e300];
        prop_oneof![3 => -1e3..1e3_f64, 1 => prop::sample::select(special)]
    }

    proptest! {
        #[test]
        fn each_lane_is_the_plain_fold((values, spans) in values_and_spans(any_float())) {
            let (sums, squares) = (sums(&values, &spans), squares(&values, &spans));
            for (group, (start, end)) in spans.iter().enumerate().filter(|(_, (start, end))| start < end) {
                let values = &values[start as usize..end as usize];
                let sum = values.iter().copied().reduce(|sum, value| sum + value).unwrap();
                prop_assert_eq!(sums[group].to_bits(), sum.to_bits());
                prop_assert_eq!(squares[group].to_bits(), plain_squares(values).to_bits());
            }
        }
    }

    #[test]
    fn the_first_nan_stays() {
        let nan = |payload: u64| f64::from_bits(f64::NAN.to_bits() | payload);
        let signalling = f64::from_bits(0x7ff0_0000_0000_0001);
        let values = [1.0, nan(1), -nan(2), signalling, nan(3)];
        let spans = Spans {
            starts: vec![0, 1, 2, 3, 3].into(),
            ends: vec![4, 4, 4, 4, 5].into(),
        };
        let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        let quieted = 0x7ff8_0000_0000_0001;
        let first = [nan(1).to_bits(), nan(1).to_bits(), (-nan(2)).to_bits()];
        // One value alone is its own sum, as it is.
        let sums = bits(sums(&values, &spans));
        assert_eq!(
            (&sums[..3], &sums[3..]),
            (&first[..], &[signalling.to_bits(), quieted][..])
        );
        let squares = bits(squares(&values, &spans));
        assert_eq!((&squares[..3], &squares[3..]), (&first[..], &[quieted, quieted][..]));
    }
}
