//! The rows: the same ones in every run, made again where they are needed rather than kept.

/// The length of a key.
const KEY: usize = 16;

/// The length of a value: a header of 26 bytes and 13 features.
const VALUE: usize = 130;

/// The bytes of a row.
pub(crate) const ROW: u64 = (KEY + VALUE) as u64;

/// A key, as spread out as hashes are.
pub(crate) type Key = [u8; KEY];

/// A row of features as Asof packs it.
pub(crate) type Value = [u8; VALUE];

const SEED: u64 = 0x0a50_f0a5;

/// The key of a row.
pub(crate) fn key(row: u64) -> Key {
    let mut key = [0; KEY];
    key[..8].copy_from_slice(&mix(SEED.wrapping_add(2 * row)).to_be_bytes());
    key[8..].copy_from_slice(&mix(SEED.wrapping_add(2 * row + 1)).to_be_bytes());
    key
}

/// The value of a row. The header is nearly the same in all rows, as in a real one; the features are random numbers
/// between 0 and 1, which leave a compressor little to find.
pub(crate) fn value(row: u64) -> Value {
    let mut value = [0; VALUE];
    value[0] = 1;
    value[2..10].copy_from_slice(&SEED.to_le_bytes());
    value[10..18].copy_from_slice(&(1_700_000_000_000_000 + row).to_le_bytes());
    let mut random = Random::new(row);
    for feature in value[26..].chunks_exact_mut(8) {
        let number = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
        feature.copy_from_slice(&number.to_le_bytes());
    }
    value
}

/// Rows in a batch as it is written: ordered by key, which every ordered store likes best.
pub(crate) fn batch(rows: std::ops::Range<u64>) -> Vec<(Key, Value)> {
    let mut batch = rows.map(|row| (key(row), value(row))).collect::<Vec<_>>();
    batch.sort_unstable_by_key(|(key, _)| *key);
    batch
}

/// Random numbers from a seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    /// Starts the sequence of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// The next number below a limit. Its bias is far below what is measured.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Mixes the bits of a number; no two numbers become one.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rows_have_keys_of_their_own_and_come_again() {
        let keys = (0..10_000).map(key).collect::<BTreeSet<_>>();
        assert_eq!(keys.len(), 10_000);
        assert_eq!(value(7), value(7));
        assert_ne!(value(7)[26..], value(8)[26..]);
    }

    #[test]
    fn a_batch_is_in_order_and_whole() {
        let batch = batch(100..200);
        assert_eq!(batch.len(), 100);
        assert!(batch.is_sorted());
        assert!((100..200).all(|row| batch.contains(&(key(row), value(row)))));
    }
}
