//! Approximate numbers of different values, by HyperLogLog.
//!
//! 4,096 registers, so the standard error is 1.04 / √4096 = 1.6 %; small numbers are nearly exact. The estimator is the
//! improved one of Otmar Ertl, *New cardinality estimation algorithms for HyperLogLog sketches* (2017), which needs
//! no tables and no change of method by size. Values are hashed by XXH3 without a seed, and registers keep maxima: the
//! result follows from the set of values alone.

use xxhash_rust::xxh3::xxh3_64;

use super::groups::Spans;
use super::keys::Keys;

/// Bits of a hash that choose the register.
const PRECISION: u32 = 12;
const REGISTERS: usize = 1 << PRECISION;
/// The other bits.
const REST: u32 = u64::BITS - PRECISION;
/// What a register can hold: the place of the first one among the other bits, from 1; 0 if it saw no value.
const LEVELS: usize = REST as usize + 2;
/// Values per block. The registers of a block are made once for all windows that hold it whole.
const BLOCK: u32 = 4096;

/// What a value says to a register.
#[derive(Debug, Clone, Copy)]
struct Mark {
    register: u16,
    level: u8,
}

impl Mark {
    fn new(hash: u64) -> Self {
        let rest = (hash << PRECISION).leading_zeros().min(REST);
        Self {
            register: (hash >> REST) as u16,
            level: rest as u8 + 1,
        }
    }
}

/// The registers of a window that grows backward, and how many registers hold each level.
struct Sketch {
    registers: Vec<u8>,
    levels: [u32; LEVELS],
    touched: Vec<u16>,
}

impl Sketch {
    fn new() -> Self {
        let mut levels = [0; LEVELS];
        levels[0] = REGISTERS as u32;
        Self {
            registers: vec![0; REGISTERS],
            levels,
            touched: Vec::new(),
        }
    }

    fn clear(&mut self) {
        for register in self.touched.drain(..) {
            self.registers[register as usize] = 0;
        }
        self.levels = [0; LEVELS];
        self.levels[0] = REGISTERS as u32;
    }

    fn raise(&mut self, mark: Mark) {
        let register = &mut self.registers[mark.register as usize];
        if *register < mark.level {
            if *register == 0 {
                self.touched.push(mark.register);
            }
            self.levels[*register as usize] -= 1;
            self.levels[mark.level as usize] += 1;
            *register = mark.level;
        }
    }

    fn merge(&mut self, block: &[u8]) {
        for (register, other) in self.registers.iter_mut().zip(block) {
            *register = (*register).max(*other);
        }
        self.levels = [0; LEVELS];
        self.touched.clear();
        for (number, level) in self.registers.iter().enumerate() {
            self.levels[*level as usize] += 1;
            if *level > 0 {
                self.touched.push(number as u16);
            }
        }
    }

    fn estimate(&self) -> i64 {
        let registers = REGISTERS as f64;
        let mut sum = registers * tau(1.0 - f64::from(self.levels[LEVELS - 1]) / registers);
        for level in self.levels[1..LEVELS - 1].iter().rev() {
            sum = 0.5 * (sum + f64::from(*level));
        }
        sum += registers * sigma(f64::from(self.levels[0]) / registers);
        let estimate = registers * registers / (2.0 * std::f64::consts::LN_2 * sum);
        estimate.round() as i64
    }
}

/// What the registers that saw no value add. Infinite if none did.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if sum == before {
            return sum;
        }
    }
}

/// What the registers that are at their limit add.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * y;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// About how many different values each span has, for each window. `windows` grow, and end at the same places.
pub(super) fn estimates(keys: &Keys<'_>, windows: &[Spans<'_>]) -> Vec<Vec<i64>> {
    let marks: Vec<Mark> = match keys {
        Keys::Words(words) => words
            .iter()
            .map(|word| Mark::new(xxh3_64(&word.to_le_bytes())))
            .collect(),
        Keys::Bytes(bytes) => bytes.iter().map(|bytes| Mark::new(xxh3_64(bytes))).collect(),
    };
    let mut blocks: Vec<Option<Vec<u8>>> = vec![None; marks.len() / BLOCK as usize];
    let groups = windows.first().map_or(0, Spans::groups);
    let mut found: Vec<Vec<i64>> = windows.iter().map(|_| Vec::with_capacity(groups)).collect();
    let mut sketch = Sketch::new();
    for group in 0..groups {
        sketch.clear();
        let mut at = windows[0].ends[group];
        for (spans, found) in windows.iter().zip(&mut found) {
            let start = spans.starts[group];
            while start < at {
                // Down to the start of the window or of a block, whichever comes first; by the block if it is whole.
                let block = (at - 1) / BLOCK;
                let first = (block * BLOCK).max(start);
                if at - first == BLOCK {
                    let range = first as usize..at as usize;
                    let block = blocks[block as usize].get_or_insert_with(|| registers(&marks[range]));
                    sketch.merge(block);
                } else {
                    marks[first as usize..at as usize]
                        .iter()
                        .for_each(|mark| sketch.raise(*mark));
                }
                at = first;
            }
            found.push(sketch.estimate());
        }
    }
    found
}

fn registers(marks: &[Mark]) -> Vec<u8> {
    let mut registers = vec![0_u8; REGISTERS];
    for mark in marks {
        let register = &mut registers[mark.register as usize];
        *register = mark.level.max(*register);
    }
    registers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate_of(words: Vec<u64>, spans: &[(u32, u32)]) -> Vec<i64> {
        let (starts, ends): (Vec<u32>, Vec<u32>) = spans.iter().copied().unzip();
        let spans = Spans {
            starts: starts.into(),
            ends: ends.into(),
        };
        estimates(&Keys::Words(words), &[spans]).remove(0)
    }

    #[test]
    fn small_numbers_are_exact_and_great_ones_within_the_error() {
        for count in [0_u64, 1, 2, 10, 100, 1_000, 10_000, 100_000, 1_000_000] {
            // Each value twice.
            let words: Vec<u64> = (0..2 * count).map(|word| word / 2).collect();
            let found = estimate_of(words, &[(0, 2 * count as u32)])[0];
            let error = (found as f64 / count.max(1) as f64 - 1.0).abs();
            assert!(
                if count < 100 {
                    found == count as i64
                } else {
                    error < 3.0 * 0.01625
                },
                "{count}: {found}"
            );
        }
    }

    #[test]
    fn blocks_give_what_their_values_give() {
        let words: Vec<u64> = (0..30_000).map(|word| word * word % 20_011).collect();
        let spans = [
            (0, 100),
            (50, 4096),
            (50, 8192),
            (4096, 12_288),
            (4097, 29_000),
            (8000, 30_000),
        ];
        for ((start, end), found) in spans.into_iter().zip(estimate_of(words.clone(), &spans)) {
            let mut sketch = Sketch::new();
            let marks = words[start as usize..end as usize].iter();
            marks.for_each(|word| sketch.raise(Mark::new(xxh3_64(&word.to_le_bytes()))));
            assert_eq!(found, sketch.estimate(), "{start}..{end}");
        }
    }

    #[test]
    fn estimates_stay_what_they_are() {
        let words: Vec<u64> = (0..5_000).collect();
        assert_eq!(estimate_of(words, &[(0, 500), (0, 5_000)]), [506, 4965]);
    }
}
