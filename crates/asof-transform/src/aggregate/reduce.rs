//! The arithmetic of the folds: each takes the arrays of one column and rows in order.

use std::cmp::Ordering;
use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

/// One row of the inputs: a batch and a row in it, both from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowRef {
    /// The position of the batch in the slice given to [`Folder::try_new`](super::Folder::try_new).
    pub batch: u32,
    /// The row in that batch.
    pub row: u32,
}

/// The values of `rows` that are not null, as `read` gives them. Arrays are told their type row by row: that is a
/// comparison, and costs less than a list of typed arrays for each of very many small groups.
fn values<'a, T>(
    arrays: &[&'a ArrayRef],
    rows: impl Iterator<Item = RowRef>,
    read: impl Fn(&'a dyn Array, usize) -> T,
) -> impl Iterator<Item = (RowRef, T)> {
    rows.filter_map(move |at| {
        let (array, row) = (arrays[at.batch as usize].as_ref(), at.row as usize);
        array.is_valid(row).then(|| (at, read(array, row)))
    })
}

fn primitive<T: ArrowPrimitiveType>(
    arrays: &[&ArrayRef],
    rows: impl Iterator<Item = RowRef>,
) -> impl Iterator<Item = (RowRef, T::Native)> {
    values(arrays, rows, |array, row| array.as_primitive::<T>().value(row))
}

fn strings<'a>(arrays: &[&'a ArrayRef], rows: impl Iterator<Item = RowRef>) -> impl Iterator<Item = (RowRef, &'a str)> {
    values(arrays, rows, |array, row| array.as_string::<i32>().value(row))
}

fn bytes<'a>(arrays: &[&'a ArrayRef], rows: impl Iterator<Item = RowRef>) -> impl Iterator<Item = (RowRef, &'a [u8])> {
    values(arrays, rows, |array, row| array.as_binary::<i32>().value(row))
}

fn truths(arrays: &[&ArrayRef], rows: impl Iterator<Item = RowRef>) -> impl Iterator<Item = (RowRef, bool)> {
    values(arrays, rows, |array, row| array.as_boolean().value(row))
}

fn data_type<'a>(arrays: &[&'a ArrayRef]) -> &'a DataType {
    arrays
        .first()
        .copied()
        .map_or(&DataType::Null, |array| array.data_type())
}

/// The truth values that are not null.
pub(super) fn booleans(arrays: &[&ArrayRef], rows: impl Iterator<Item = RowRef>) -> impl Iterator<Item = bool> {
    truths(arrays, rows).map(|(_, value)| value)
}

/// The exact sum of whole numbers, and how many there were. 2^63 of them fit.
pub(super) fn sum_int(arrays: &[&ArrayRef], rows: impl Iterator<Item = RowRef>) -> (i128, usize) {
    primitive::<Int64Type>(arrays, rows).fold((0, 0), |(sum, count), (_, value)| (sum + i128::from(value), count + 1))
}

/// The sum of floats from the first to the last, and how many there were; nothing if there was none. The first value
/// is the first sum, so that a sum of -0.0 alone keeps its sign.
pub(super) fn sum_float(arrays: &[&ArrayRef], rows: impl Iterator<Item = RowRef>) -> Option<(f64, usize)> {
    primitive::<Float64Type>(arrays, rows)
        .map(|(_, value)| (value, 1))
        .reduce(|(sum, count), (value, _)| (sum + value, count + 1))
}

/// The variance by Welford's recurrence; nothing for too few numbers.
pub(super) fn variance(arrays: &[&ArrayRef], rows: impl Iterator<Item = RowRef>, sample: bool) -> Option<f64> {
    let (mut count, mut mean, mut squares) = (0_u64, 0.0_f64, 0.0_f64);
    let mut add = |value: f64| {
        count += 1;
        let distance = value - mean;
        mean += distance / count as f64;
        squares += distance * (value - mean);
    };
    if *data_type(arrays) == DataType::Int64 {
        primitive::<Int64Type>(arrays, rows).for_each(|(_, value)| add(value as f64));
    } else {
        primitive::<Float64Type>(arrays, rows).for_each(|(_, value)| add(value));
    }
    let divisor = if sample { count.checked_sub(1)? } else { count };
    (divisor > 0).then(|| squares / divisor as f64)
}

/// The first of `rows`, or the first whose value is not null.
pub(super) fn pick(arrays: &[&ArrayRef], mut rows: impl Iterator<Item = RowRef>, ignore_nulls: bool) -> Option<RowRef> {
    rows.find(|at| !ignore_nulls || arrays[at.batch as usize].is_valid(at.row as usize))
}

/// The row of the least or the greatest value that is not null.
pub(super) fn extreme(arrays: &[&ArrayRef], rows: impl Iterator<Item = RowRef>, wanted: Ordering) -> Option<RowRef> {
    fn of<T>(
        values: impl Iterator<Item = (RowRef, T)>,
        wanted: Ordering,
        order: impl Fn(&T, &T) -> Ordering,
    ) -> Option<RowRef> {
        let best = values.reduce(|best, next| if order(&next.1, &best.1) == wanted { next } else { best });
        best.map(|(at, _)| at)
    }
    match data_type(arrays) {
        DataType::Int32 => of(primitive::<Int32Type>(arrays, rows), wanted, Ord::cmp),
        DataType::Int64 => of(primitive::<Int64Type>(arrays, rows), wanted, Ord::cmp),
        DataType::Timestamp(_, _) => of(primitive::<TimestampMicrosecondType>(arrays, rows), wanted, Ord::cmp),
        DataType::Float32 => of(primitive::<Float32Type>(arrays, rows), wanted, f32::total_cmp),
        DataType::Float64 => of(primitive::<Float64Type>(arrays, rows), wanted, f64::total_cmp),
        DataType::Boolean => of(truths(arrays, rows), wanted, Ord::cmp),
        DataType::Utf8 => of(strings(arrays, rows), wanted, Ord::cmp),
        DataType::Binary => of(bytes(arrays, rows), wanted, Ord::cmp),
        // No batch, so no row either: inputs are typed as one of the above.
        _ => None,
    }
}

/// How many different values there are. Floats differ when their bits do: 0.0 and -0.0 are two.
pub(super) fn count_distinct(arrays: &[&ArrayRef], rows: impl Iterator<Item = RowRef>) -> usize {
    fn of<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> usize {
        values.collect::<HashSet<_>>().len()
    }
    match data_type(arrays) {
        DataType::Int32 => of(primitive::<Int32Type>(arrays, rows).map(|(_, value)| value)),
        DataType::Int64 => of(primitive::<Int64Type>(arrays, rows).map(|(_, value)| value)),
        DataType::Timestamp(_, _) => of(primitive::<TimestampMicrosecondType>(arrays, rows).map(|(_, value)| value)),
        DataType::Float32 => of(primitive::<Float32Type>(arrays, rows).map(|(_, value)| value.to_bits())),
        DataType::Float64 => of(primitive::<Float64Type>(arrays, rows).map(|(_, value)| value.to_bits())),
        DataType::Boolean => of(booleans(arrays, rows)),
        DataType::Utf8 => of(strings(arrays, rows).map(|(_, value)| value)),
        DataType::Binary => of(bytes(arrays, rows).map(|(_, value)| value)),
        // No batch, so no row either: inputs are typed as one of the above.
        _ => 0,
    }
}
