//! Whether a column of a row group is worth a dictionary.
//!
//! A dictionary makes a column small when its values repeat, and is work for nothing when they do not: each value is
//! hashed, and in the end the dictionary is thrown away. A sample tells: of `n` values drawn from `d` distinct ones,
//! about `n² / 2d` repeat an earlier one. The sample follows from the rows alone, and so do the file's bytes.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_64;

/// Values looked at; with fewer than an eighth of it, nothing is said.
const SAMPLE: usize = 8192;

/// Bytes of values that a dictionary may have.
pub(super) const LARGEST: usize = 8 << 20;

/// A dictionary needs this many values for each distinct one.
const REPEATS: u128 = 8;

/// Whether a dictionary is worth it for a column of `rows` rows that begins as the one at `column` in `pieces` does.
/// `None` where nothing can be said.
pub(super) fn is_worth_it(pieces: &[RecordBatch], column: usize, rows: usize) -> Option<bool> {
    let seen: usize = pieces.iter().map(RecordBatch::num_rows).sum();
    let share = SAMPLE.div_ceil(pieces.len().max(1));
    let mut sample = Sample::default();
    for piece in pieces {
        sample.take(piece.column(column), share)?;
    }
    let repeated = (sample.taken - sample.known.len()) as u128;
    let (taken, values) = (sample.taken as u128, sample.values as u128);
    if sample.taken < SAMPLE / 8 || seen == 0 {
        return None;
    }
    // All times 2 * repeated, so that nothing is divided: distinct = taken² / (2 * repeated).
    let distinct = taken * taken;
    let expected = values * rows as u128 / seen as u128;
    let repeats_enough = distinct * REPEATS <= expected * 2 * repeated;
    let is_small = distinct * sample.bytes as u128 <= taken * LARGEST as u128 * 2 * repeated;
    Some(repeats_enough && is_small)
}

/// The values looked at.
#[derive(Default)]
struct Sample {
    /// What is stored of them; of long ones a hash.
    known: HashSet<u64>,
    taken: usize,
    /// Their bytes.
    bytes: usize,
    /// Values there are, looked at or not.
    values: usize,
}

impl Sample {
    /// Looks at about `share` values, spread over an array. `None`: its type is none that can be judged.
    fn take(&mut self, array: &ArrayRef, share: usize) -> Option<()> {
        use DataType as T;
        let rows = (0..array.len()).step_by((array.len() / share).max(1));
        let rows = rows.filter(|row| array.is_valid(*row));
        match array.data_type() {
            T::List(_) => {
                let list = array.as_list::<i32>();
                let (first, last) = (list.value_offsets()[0], list.value_offsets()[list.len()]);
                return self.take(&list.values().slice(first as usize, (last - first) as usize), share);
            }
            T::FixedSizeList(_, _) => {
                let list = array.as_fixed_size_list();
                return self.take(list.values(), share);
            }
            T::Utf8 => {
                let texts = array.as_string::<i32>();
                rows.for_each(|row| self.look_at(texts.value(row).as_bytes()));
            }
            T::Binary => {
                let values = array.as_binary::<i32>();
                rows.for_each(|row| self.look_at(values.value(row)));
            }
            other => {
                let width = other.primitive_width().filter(|width| matches!(width, 4 | 8))?;
                let data = array.to_data();
                let values = &data.buffers()[0].as_slice()[data.offset() * width..];
                rows.for_each(|row| self.look_at(&values[row * width..(row + 1) * width]));
            }
        }
        self.values += array.len();
        Some(())
    }

    fn look_at(&mut self, value: &[u8]) {
        self.taken += 1;
        self.bytes += value.len();
        self.known.insert(xxh3_64(value));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int32Array, ListArray, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Float32Type, Int8Type};

    use super::*;

    /// A column in pieces of 8192 rows of a row group of a million.
    fn judge(array: impl Array + 'static) -> Option<bool> {
        let rows = array.len();
        let batch = RecordBatch::try_from_iter([("c", Arc::new(array) as ArrayRef)]).expect("one column");
        let pieces: Vec<_> = (0..rows)
            .step_by(8192)
            .map(|at| batch.slice(at, 8192.min(rows - at)))
            .collect();
        is_worth_it(&pieces, 0, 1 << 20)
    }

    /// Numbers below `distinct` that follow no order.
    fn numbers(distinct: u64) -> impl Iterator<Item = u64> {
        (0..1_u64 << 16).map(move |at| xxh3_64(&at.to_le_bytes()) % distinct)
    }

    #[test]
    fn values_that_repeat_have_a_dictionary_and_others_do_not() {
        for (distinct, worth) in [
            (2, true),
            (5_000, true),
            (100_000, true),
            (200_000, false),
            (1 << 60, false),
        ] {
            let floats = Float64Array::from_iter_values(numbers(distinct).map(|n| n as f64));
            assert_eq!(judge(floats), Some(worth), "{distinct} floats");
            let times = TimestampMicrosecondArray::from_iter_values(numbers(distinct).map(|n| n as i64));
            assert_eq!(judge(times), Some(worth), "{distinct} times");
            let texts = StringArray::from_iter_values(numbers(distinct).map(|n| format!("{n:030}")));
            assert_eq!(judge(texts), Some(worth), "{distinct} texts");
            let long = StringArray::from_iter_values(numbers(distinct).map(|n| format!("{n:0300}")));
            assert_eq!(judge(long), Some(distinct <= 5_000), "{distinct} long texts");
            let items = numbers(distinct).map(|n| Some(vec![Some(n as f32), Some(n as f32 + 0.5), None]));
            let lists = ListArray::from_iter_primitive::<Float32Type, _, _>(items);
            // Twice as many values, in three times as many places.
            assert_eq!(judge(lists), Some(distinct <= 200_000), "{distinct} lists");
        }
    }

    #[test]
    fn nulls_are_no_values_and_too_few_values_say_nothing() {
        let some = |kept: u64| {
            let cells = (0..1_i32 << 16).map(|at| (at as u64).is_multiple_of(kept).then_some(at));
            judge(cells.collect::<Int32Array>())
        };
        assert_eq!(
            some(3),
            Some(false),
            "every third value is there, and all are different"
        );
        assert_eq!(some(1 << 10), None);
        assert_eq!(
            judge(arrow::array::PrimitiveArray::<Int8Type>::from_iter_values([1, 2, 3])),
            None
        );
    }
}
