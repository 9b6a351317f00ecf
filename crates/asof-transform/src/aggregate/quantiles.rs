//! Approximate percentiles, by DDSketch.
//!
//! Values are counted in buckets whose width grows with the value, as in *DDSketch: a fast and fully-mergeable quantile
//! sketch with relative-error guarantees* (Masson, Rim, Lee, 2019). A bucket is a float cut off after eight bits of
//! its fraction, so 256 of them lie between a power of two and the next, and none needs a logarithm. A bucket stands
//! for its end nearest to zero, so that whole numbers up to 512 stand for themselves, and nothing is off by more than
//! 1/256 (0.4 %) of itself. Counts do not depend on the order of values.

use super::groups::Spans;
use super::sliding::{Bag, slide};

/// Bits of a float's fraction that do not matter.
const CUT: u32 = f64::MANTISSA_DIGITS - 1 - 8;
/// The bucket of what is not a number: behind all others.
const NOT_A_NUMBER: u32 = u32::MAX;
/// Buckets whose counts are summed, to be passed over at once.
const BLOCK: usize = 64;

/// The bucket of a value; buckets are in the order of values.
fn bucket(value: f64) -> u32 {
    if value.is_nan() {
        return NOT_A_NUMBER;
    }
    // Both zeros are zero.
    let bits = (value + 0.0).to_bits();
    let magnitude = ((bits << 1) >> (CUT + 1)) as u32;
    if bits >> 63 == 0 {
        (1 << 30) + magnitude
    } else {
        (1 << 30) - magnitude
    }
}

/// What a bucket stands for.
fn value(bucket: u32) -> f64 {
    const ZERO: u32 = 1 << 30;
    let of = |magnitude: u32| f64::from_bits(u64::from(magnitude) << CUT);
    match bucket {
        NOT_A_NUMBER => f64::NAN,
        ZERO.. => of(bucket - ZERO),
        _ => -of(ZERO - bucket),
    }
}

/// How many values each bucket holds.
struct Counts<'a> {
    /// The bucket of each value, as its place among the buckets that hold any.
    places: &'a [u32],
    held: Vec<u32>,
    blocks: Vec<u32>,
}

impl Bag for Counts<'_> {
    fn add(&mut self, at: usize) {
        let place = self.places[at] as usize;
        self.held[place] += 1;
        self.blocks[place / BLOCK] += 1;
    }

    fn remove(&mut self, at: usize) {
        let place = self.places[at] as usize;
        self.held[place] -= 1;
        self.blocks[place / BLOCK] -= 1;
    }
}

impl Counts<'_> {
    /// The bucket of the value with a rank, from zero; there are more values than that.
    fn at(&self, mut rank: u32) -> usize {
        let mut pass = |counts: &[u32], first: usize| {
            let mut place = first;
            for count in &counts[first..] {
                if rank < *count {
                    break;
                }
                rank -= count;
                place += 1;
            }
            place
        };
        let block = pass(&self.blocks, 0);
        pass(&self.held, block * BLOCK)
    }
}

/// The value below which about a share of `fraction` of each span lies, between two values in proportion; of an empty
/// span, nothing that counts.
pub(super) fn percentiles(values: &[f64], fractions: &[f64], spans: &Spans<'_>) -> Vec<Vec<f64>> {
    let buckets: Vec<u32> = values.iter().copied().map(bucket).collect();
    let mut known = buckets.clone();
    known.sort_unstable();
    known.dedup();
    let places: Vec<u32> = buckets
        .iter()
        .map(|bucket| known.partition_point(|known| known < bucket) as u32)
        .collect();
    let mut counts = Counts {
        places: &places,
        held: vec![0; known.len()],
        blocks: vec![0; known.len().div_ceil(BLOCK)],
    };
    let mut found: Vec<Vec<f64>> = fractions.iter().map(|_| Vec::with_capacity(spans.groups())).collect();
    slide(&mut counts, spans, |counts, start, end| {
        for (fraction, found) in fractions.iter().zip(&mut found) {
            found.push(if start == end {
                0.0
            } else {
                let at = |rank: u32| value(known[counts.at(rank)]);
                between(fraction * f64::from(end - start - 1), at)
            });
        }
    });
    found
}

/// The value at a rank between two whole ones.
fn between(rank: f64, at: impl Fn(u32) -> f64) -> f64 {
    let (below, share) = (rank.floor() as u32, rank.fract());
    let low = at(below);
    if share == 0.0 {
        return low;
    }
    let high = at(below + 1);
    if low == high || !(low.is_finite() && high.is_finite()) {
        // Nothing lies in proportion between infinities: the nearer one.
        return if share < 0.5 { low } else { high };
    }
    low * (1.0 - share) + high * share
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aggregate::groups::tests::values_and_spans;

    #[test]
    fn buckets_are_in_order_and_near() {
        let mut last = 0;
        for value in [
            f64::NEG_INFINITY,
            -1e300,
            -1.5,
            -1.0,
            -1e-300,
            0.0,
            5e-324,
            1.0,
            1.01,
            2.0,
            1e9,
            f64::INFINITY,
        ] {
            let bucket = bucket(value);
            assert!(last <= bucket, "{value}");
            last = bucket;
            let found = super::value(bucket);
            assert!(
                found == value || (found - value).abs() <= value.abs() / 256.0 || value == 5e-324,
                "{value}: {found}"
            );
        }
        for whole in -512..=512 {
            assert_eq!(value(bucket(f64::from(whole))), f64::from(whole));
        }
        assert_eq!(value(bucket(-0.0)).to_bits(), 0);
        assert!(value(bucket(-f64::NAN)).is_nan());
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_error((values, spans) in values_and_spans(-1e6..1e6_f64), fraction in 0.0..=1.0_f64) {
            let fractions = [0.0, fraction, 1.0];
            let found = percentiles(&values, &fractions, &spans);
            for (group, (start, end)) in spans.iter().enumerate().filter(|(_, (start, end))| start < end) {
                let mut sorted = values[start as usize..end as usize].to_vec();
                sorted.sort_unstable_by(f64::total_cmp);
                for (fraction, found) in fractions.iter().zip(&found) {
                    let rank = fraction * (sorted.len() - 1) as f64;
                    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
                    let exact = low * (1.0 - rank.fract()) + high * rank.fract();
                    let error = low.abs().max(high.abs()) / 256.0 + 1e-6;
                    prop_assert!((found[group] - exact).abs() <= error, "{} is not {}", found[group], exact);
                }
            }
        }

        #[test]
        fn small_whole_numbers_are_exact((values, spans) in values_and_spans(-300_i16..300)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let found = percentiles(&values, &[0.5], &spans).remove(0);
            for (group, (start, end)) in spans.iter().enumerate().filter(|(_, (start, end))| start < end) {
                let mut sorted = values[start as usize..end as usize].to_vec();
                sorted.sort_unstable_by(f64::total_cmp);
                let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
                prop_assert_eq!(found[group], median);
            }
        }
    }
}
