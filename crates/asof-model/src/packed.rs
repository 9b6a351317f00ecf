//! What the codecs of keys and rows share: byte strings in one buffer, and numbers as little-endian bytes.

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};

/// Many byte strings in one buffer: no allocation per string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    /// Where each string starts, and where the last one ends.
    offsets: Vec<usize>,
}

impl Packed {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            offsets: vec![0],
        }
    }

    /// Strings of zeros of the lengths given.
    pub(crate) fn zeroed(lengths: &[usize]) -> Self {
        let mut end = 0;
        let mut offsets = Vec::with_capacity(lengths.len() + 1);
        offsets.push(end);
        offsets.extend(lengths.iter().map(|length| {
            end += length;
            end
        }));
        Self {
            bytes: vec![0; end],
            offsets,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.offsets.push(self.bytes.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The string of the number given.
    ///
    /// # Panics
    /// When there are not that many, as slices do.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.offsets[index]..self.offsets[index + 1]]
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.bytes[self.offsets[index]..self.offsets[index + 1]]
    }
}

/// A number of fixed width, stored as its little-endian bytes. Floats keep every bit, NaN payloads included.
pub(crate) trait Fixed: ArrowPrimitiveType {
    /// Bytes per value.
    const WIDTH: usize;

    /// Writes the value to the first [`Self::WIDTH`] bytes.
    fn put(value: Self::Native, to: &mut [u8]);

    /// The value in the first [`Self::WIDTH`] bytes; `None` when there are fewer.
    fn take(from: &[u8]) -> Option<Self::Native>;
}

macro_rules! fixed {
    ($($arrow:ty => $native:ty),* $(,)?) => {$(
        impl Fixed for $arrow {
            const WIDTH: usize = size_of::<$native>();

            fn put(value: $native, to: &mut [u8]) {
                to[..Self::WIDTH].copy_from_slice(&value.to_le_bytes());
            }

            fn take(from: &[u8]) -> Option<$native> {
                from.first_chunk().map(|bytes| <$native>::from_le_bytes(*bytes))
            }
        }
    )*};
}

fixed! {
    Int32Type => i32,
    Int64Type => i64,
    Float32Type => f32,
    Float64Type => f64,
    TimestampMicrosecondType => i64,
}

/// The unsigned number of 16 bits in the first two bytes; `None` when there are fewer.
pub(crate) fn take_u16(from: &[u8]) -> Option<usize> {
    from.first_chunk().map(|bytes| u16::from_le_bytes(*bytes) as usize)
}

/// The unsigned number of 32 bits in the first four bytes; `None` when there are fewer.
pub(crate) fn take_u32(from: &[u8]) -> Option<usize> {
    from.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize)
}

/// Whether a bit of a bitmap is set; the lowest bit of a byte comes first.
pub(crate) fn bit(bitmap: &[u8], index: usize) -> bool {
    bitmap.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
}

/// Sets a bit of a bitmap.
pub(crate) fn set_bit(bitmap: &mut [u8], index: usize) {
    bitmap[index / 8] |= 1 << (index % 8);
}

/// Whether a bitmap of `bits` bits has no bit set after them.
pub(crate) fn spare_bits_are_clear(bitmap: &[u8], bits: usize) -> bool {
    bits.is_multiple_of(8) || bitmap.last().is_none_or(|last| last >> (bits % 8) == 0)
}
