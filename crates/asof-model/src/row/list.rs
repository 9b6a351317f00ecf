//! Lists within rows: items, which of them are null, and where those of variable width end.

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};

use super::layout::scalar_width;
use crate::ScalarType;
use crate::packed::{Fixed, bit, set_bit, spare_bits_are_clear, take_u32};

/// Writes the lists of one column.
pub(super) struct ListWriter<'a> {
    offsets: &'a [i32],
    items: &'a ArrayRef,
    item_type: ScalarType,
}

impl<'a> ListWriter<'a> {
    pub(super) fn new(lists: &'a ListArray, item_type: ScalarType) -> Self {
        Self {
            offsets: lists.value_offsets(),
            items: lists.values(),
            item_type,
        }
    }

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    /// Bytes of the list of a row.
    pub(super) fn length(&self, row: usize) -> usize {
        let range = self.range(row);
        let count = range.len();
        let values = match scalar_width(self.item_type) {
            Some(width) => count * width,
            None => count * 4 + range.map(|item| self.bytes(item).len()).sum::<usize>(),
        };
        4 + count.div_ceil(8) + values
    }

    /// Writes the list of a row and says how many bytes that took.
    pub(super) fn put(&self, row: usize, to: &mut [u8]) -> usize {
        let range = self.range(row);
        let count = range.len();
        to[..4].copy_from_slice(&(count as u32).to_le_bytes());
        let values = 4 + count.div_ceil(8);
        for (index, item) in range.clone().enumerate() {
            if self.items.is_valid(item) {
                set_bit(&mut to[4..], index);
            }
        }
        let (items, rest) = (range, &mut to[values..]);
        let used = match self.item_type {
            ScalarType::Bool => {
                let values = self.items.as_boolean();
                self.fixed(items, 1, rest, |item, to| to[0] = u8::from(values.value(item)))
            }
            ScalarType::Int32 => self.numbers::<Int32Type>(items, rest),
            ScalarType::Int64 => self.numbers::<Int64Type>(items, rest),
            ScalarType::Float32 => self.numbers::<Float32Type>(items, rest),
            ScalarType::Float64 => self.numbers::<Float64Type>(items, rest),
            ScalarType::Timestamp => self.numbers::<TimestampMicrosecondType>(items, rest),
            ScalarType::String | ScalarType::Bytes => self.variable(items, rest),
        };
        values + used
    }

    fn numbers<T: Fixed>(&self, items: std::ops::Range<usize>, to: &mut [u8]) -> usize {
        let values = self.items.as_primitive::<T>().values();
        self.fixed(items, T::WIDTH, to, |item, to| T::put(values[item], to))
    }

    fn fixed(
        &self,
        items: std::ops::Range<usize>,
        width: usize,
        to: &mut [u8],
        put: impl Fn(usize, &mut [u8]),
    ) -> usize {
        let used = items.len() * width;
        for (index, item) in items.enumerate() {
            if self.items.is_valid(item) {
                put(item, &mut to[index * width..]);
            }
        }
        used
    }

    fn variable(&self, items: std::ops::Range<usize>, to: &mut [u8]) -> usize {
        let start = items.len() * 4;
        let mut end = 0;
        for (index, item) in items.enumerate() {
            let bytes = self.bytes(item);
            to[start + end..start + end + bytes.len()].copy_from_slice(bytes);
            end += bytes.len();
            to[index * 4..index * 4 + 4].copy_from_slice(&(end as u32).to_le_bytes());
        }
        start + end
    }

    /// The bytes of an item of variable width; none where it is null.
    fn bytes(&self, item: usize) -> &'a [u8] {
        if self.items.is_null(item) {
            return &[];
        }
        match self.item_type {
            ScalarType::String => self.items.as_string::<i32>().value(item).as_bytes(),
            ScalarType::Bytes => self.items.as_binary::<i32>().value(item),
            _ => &[],
        }
    }
}

/// A list as it stands in a row, with its parts found and their lengths checked.
#[derive(Clone, Copy)]
pub(super) struct ListBytes<'a> {
    pub(super) count: usize,
    presence: &'a [u8],
    values: &'a [u8],
}

impl<'a> ListBytes<'a> {
    /// Takes the bytes apart; `None` when they are no list of such items. Checks lengths, not values.
    pub(super) fn parse(bytes: &'a [u8], item_type: ScalarType) -> Option<Self> {
        let count = take_u32(bytes)?;
        let (presence, values) = bytes[4..].split_at_checked(count.div_ceil(8))?;
        let complete = if let Some(width) = scalar_width(item_type) {
            count.checked_mul(width)? == values.len()
        } else {
            let ends = values.get(..count.checked_mul(4)?)?;
            let last = ends.last_chunk().map_or(0, |end| u32::from_le_bytes(*end) as usize);
            values.len() - ends.len() == last
        };
        (complete && spare_bits_are_clear(presence, count)).then_some(Self {
            count,
            presence,
            values,
        })
    }

    pub(super) fn is_valid(&self, item: usize) -> bool {
        bit(self.presence, item)
    }

    /// The bytes of an item of fixed width.
    pub(super) fn fixed(&self, item: usize, width: usize) -> Option<&'a [u8]> {
        self.values.get(item * width..(item + 1) * width)
    }

    /// The bytes of an item of variable width; `None` when its ends do not fit.
    pub(super) fn variable(&self, item: usize) -> Option<&'a [u8]> {
        let start = match item.checked_sub(1) {
            None => 0,
            Some(previous) => take_u32(self.values.get(previous * 4..)?)?,
        };
        let end = take_u32(self.values.get(item * 4..)?)?;
        self.values.get(self.count * 4..)?.get(start..end)
    }
}
