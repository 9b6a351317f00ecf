//! Values as things that can be compared and told apart, whatever their type.

use std::hash::Hash;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::groups::Selection;

/// The values of a column, in the order of their type: floats in IEEE total order, texts by their bytes. Two are
/// equal when their bits are.
#[derive(Debug)]
pub(super) enum Keys<'a> {
    Words(Vec<u64>),
    Bytes(Vec<&'a [u8]>),
}

impl<'a> Keys<'a> {
    /// The values selected of a column, which has no null among them.
    pub(super) fn new(column: &'a dyn Array, selection: &Selection) -> Self {
        const SIGN: u64 = 1 << 63;
        let signed = |value: i64| value as u64 ^ SIGN;
        // Negative floats order by falling bits.
        let float = |bits: u64| if bits & SIGN == 0 { bits | SIGN } else { !bits };
        match column.data_type() {
            DataType::Int32 => {
                let values = column.as_primitive::<Int32Type>().values();
                Self::Words(selection.map(|row| signed(i64::from(values[row]))))
            }
            DataType::Int64 => {
                let values = column.as_primitive::<Int64Type>().values();
                Self::Words(selection.map(|row| signed(values[row])))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let values = column.as_primitive::<TimestampMicrosecondType>().values();
                Self::Words(selection.map(|row| signed(values[row])))
            }
            DataType::Float32 => {
                let values = column.as_primitive::<Float32Type>().values();
                Self::Words(selection.map(|row| float(u64::from(values[row].to_bits()) << 32)))
            }
            DataType::Float64 => {
                let values = column.as_primitive::<Float64Type>().values();
                Self::Words(selection.map(|row| float(values[row].to_bits())))
            }
            DataType::Boolean => {
                let values = column.as_boolean().values();
                Self::Words(selection.map(|row| u64::from(values.value(row))))
            }
            DataType::Utf8 => {
                let values = column.as_string::<i32>();
                Self::Bytes(selection.map(|row| values.value(row).as_bytes()))
            }
            _ => {
                let values = column.as_binary::<i32>();
                Self::Bytes(selection.map(|row| values.value(row)))
            }
        }
    }

    /// A number for each value, equal for equal values: 0, 1, … in the order in which they first come; and where each
    /// comes first.
    pub(super) fn codes(&self) -> (Vec<u32>, Vec<u32>) {
        match self {
            Self::Words(words) => codes(words),
            Self::Bytes(bytes) => codes(bytes),
        }
    }

    /// Numbers as in [`Self::codes`], but in the order of the values.
    pub(super) fn ordered_codes(&self) -> (Vec<u32>, Vec<u32>) {
        let (mut codes, firsts) = self.codes();
        let mut order: Vec<u32> = (0..firsts.len() as u32).collect();
        let place = |code: &u32| firsts[*code as usize] as usize;
        match self {
            Self::Words(words) => order.sort_unstable_by_key(|code| words[place(code)]),
            Self::Bytes(bytes) => order.sort_unstable_by_key(|code| bytes[place(code)]),
        }
        let mut new = vec![0; order.len()];
        for (code, old) in order.iter().enumerate() {
            new[*old as usize] = code as u32;
        }
        for code in &mut codes {
            *code = new[*code as usize];
        }
        (codes, order.iter().map(|old| firsts[*old as usize]).collect())
    }
}

fn codes<T: Copy + Eq + Hash>(values: &[T]) -> (Vec<u32>, Vec<u32>) {
    let mut known = HashMap::new();
    let mut firsts = Vec::new();
    let codes = values.iter().zip(0..).map(|(value, at)| match known.entry(*value) {
        Entry::Occupied(code) => *code.get(),
        Entry::Vacant(new) => {
            firsts.push(at);
            *new.insert(firsts.len() as u32 - 1)
        }
    });
    (codes.collect(), firsts)
}

#[cfg(test)]
mod tests {
    use arrow::array::{BooleanArray, Float32Array, Float64Array, Int32Array, StringArray};

    use super::*;

    fn check(ascending: &dyn Array) {
        let (codes, firsts) = Keys::new(ascending, &Selection::All(ascending.len() as u32)).ordered_codes();
        let expected: Vec<u32> = (0..ascending.len() as u32).collect();
        assert_eq!((&codes, &firsts), (&expected, &expected), "{ascending:?}");
    }

    #[test]
    fn keys_are_in_the_order_of_values() {
        let floats = [
            f64::NEG_INFINITY,
            -1.5,
            -0.0,
            0.0,
            5e-324,
            1.0,
            1.5,
            f64::INFINITY,
            f64::NAN,
        ];
        check(&Float64Array::from_iter_values([-f64::NAN].into_iter().chain(floats)));
        check(&Float32Array::from(vec![-f32::NAN, -1.0, -0.0, 0.0, 1.0, f32::NAN]));
        check(&Int32Array::from(vec![i32::MIN, -1, 0, 7, i32::MAX]));
        check(&BooleanArray::from(vec![false, true]));
        check(&StringArray::from(vec!["", "a", "ab", "b", "é"]));
    }

    #[test]
    fn equal_values_have_one_code() {
        let keys = Keys::Bytes(vec![b"b", b"a", b"b", b"c", b"a"]);
        assert_eq!(keys.codes(), (vec![0, 1, 0, 2, 1], vec![0, 1, 3]));
        assert_eq!(keys.ordered_codes(), (vec![1, 0, 1, 2, 0], vec![1, 0, 3]));
    }
}
