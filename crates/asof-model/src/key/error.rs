//! What can go wrong with keys.

use crate::ScalarType;

/// Why keys cannot be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not one column per field.
    #[error("a key of {expected} fields cannot be made of {found} columns")]
    ColumnCount {
        /// How many fields the key has.
        expected: usize,
        /// How many columns there were.
        found: usize,
    },
    /// A column has another type than its field.
    #[error("field {position} of the key is {expected}, the column is {found}")]
    ColumnType {
        /// The field's position, from 0.
        position: usize,
        /// The field's type.
        expected: ScalarType,
        /// What the column's type is called.
        found: String,
    },
    /// A column is longer or shorter than the others.
    #[error("field {position} of the key has {found} values where {expected} rows were announced")]
    ColumnLength {
        /// The field's position, from 0.
        position: usize,
        /// How many rows there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A field is a float, which has no one meaning as a key.
    #[error("field {position} of the key is {key_type}; a key may not be a float")]
    Float {
        /// The field's position, from 0.
        position: usize,
        /// Its type.
        key_type: ScalarType,
    },
    /// A key is longer than a store must take.
    #[error(
        "the key of row {row} has {length} bytes; at most {} are accepted",
        super::MAX_KEY_LEN
    )]
    TooLong {
        /// The row, from 0.
        row: usize,
        /// How long it would be.
        length: usize,
    },
    /// The bytes have another layout.
    #[error("unknown key version {0}; it was written by a newer asof, or is not a key")]
    Version(u8),
    /// The bytes end too early.
    #[error("the key ends within field {position}")]
    Truncated {
        /// The field's position, from 0.
        position: usize,
    },
    /// The bytes hold another field than expected, or one that cannot be.
    #[error("field {position} of the key is not a {expected}")]
    Field {
        /// The field's position, from 0.
        position: usize,
        /// The field's type.
        expected: ScalarType,
    },
    /// There are bytes after the last field.
    #[error("the key has {0} bytes after its last field")]
    Trailing(usize),
    /// There is more than one column can hold.
    #[error("the keys hold more than 2 GiB in one field; use smaller batches")]
    TooMany,
}
