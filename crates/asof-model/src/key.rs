//! The one codec of entity keys: the same bytes offline and in every online store.
//!
//! Two keys have equal bytes exactly when all of their fields are equal. Each field carries a tag and, where its
//! width is not fixed, its length, so that fields never run into each other: `(1, 11)` is not `(11, 1)`, and
//! `("a", "bc")` is not `("ab", "c")`.
//!
//! # Layout, version 1
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, `1` |
//! | for each field, in the order of the view's join keys: | |
//! | 1 | tag: `1` bool, `2` int32, `3` int64, `4` string, `5` bytes, `6` timestamp |
//! | 1 | bool: `0` or `1` |
//! | 4 | int32: the number, little-endian |
//! | 8 | int64, timestamp (microseconds since the epoch, UTC): the number, little-endian |
//! | 4, n | string, bytes: the length in bytes, little-endian, then the bytes |
//!
//! A view without entities has one key, the version alone. A null in any field makes no key at all, because it
//! matches nothing.

mod decode;
mod encode;
mod error;
mod value;

use std::sync::Arc;

use arrow::array::ArrayRef;

pub use error::KeyError;
pub use value::KeyValue;

use crate::ScalarType;
use crate::packed::Packed;

const VERSION: u8 = 1;

/// The longest entity key that is accepted, in bytes.
pub const MAX_KEY_LEN: usize = 1 << 20;

/// Encodes and decodes the keys of one view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyCodec {
    fields: Vec<ScalarType>,
}

impl KeyCodec {
    /// The codec for keys of fields of these types: the view's join keys, in the view's order.
    pub fn new(fields: &[ScalarType]) -> Self {
        Self {
            fields: fields.to_vec(),
        }
    }

    /// The types of the fields, in their order.
    pub fn fields(&self) -> &[ScalarType] {
        &self.fields
    }

    /// Encodes one key per row: `rows` of them, from one column per field.
    ///
    /// `rows` is the length of every column; without fields it says how many times the one empty key is repeated.
    ///
    /// # Errors
    /// When columns are missing or too many, have another length or another type than the field's Arrow type
    /// ([`crate::conform::conform_key`] brings them to it), a field is a float, or a key is too long.
    pub fn encode(&self, columns: &[ArrayRef], rows: usize) -> Result<EncodedKeys, KeyError> {
        encode::encode(&self.fields, columns, rows)
    }

    /// The values of one key, for people and tools.
    ///
    /// # Errors
    /// When the bytes are no key of these fields.
    pub fn decode(&self, key: &[u8]) -> Result<Vec<KeyValue>, KeyError> {
        decode::decode(&self.fields, key)
    }

    /// One column per field, of the field's Arrow type, with one row per key. No key is null in all of them.
    ///
    /// # Errors
    /// When the bytes of one are no key of these fields, or the keys are too many for one column (2 GiB).
    pub fn decode_columns(&self, keys: &EncodedKeys) -> Result<Vec<ArrayRef>, KeyError> {
        decode::decode_columns(&self.fields, keys)
    }
}

/// Keys of many rows in one buffer. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedKeys {
    /// An empty string stands for no key: every key has at least its version.
    packed: Arc<Packed>,
}

impl EncodedKeys {
    /// How many rows there are, those without a key included.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key of a row; `None` where a field was null.
    ///
    /// # Panics
    /// When there is no such row, as slices do.
    pub fn get(&self, row: usize) -> Option<&[u8]> {
        let key = self.packed.get(row);
        (!key.is_empty()).then_some(key)
    }

    /// The keys in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        (0..self.len()).map(|row| self.get(row))
    }
}

impl<'a> FromIterator<Option<&'a [u8]>> for EncodedKeys {
    /// Collects keys that are encoded already. An empty one counts as none.
    fn from_iter<I: IntoIterator<Item = Option<&'a [u8]>>>(keys: I) -> Self {
        let mut packed = Packed::new();
        for key in keys {
            packed.push(key.unwrap_or_default());
        }
        Self {
            packed: Arc::new(packed),
        }
    }
}
