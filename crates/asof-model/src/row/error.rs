//! What can go wrong with rows.

use crate::{FeatureName, ValueType};

/// Why rows cannot be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Not one column per feature.
    #[error("rows of {expected} features cannot be made of {found} columns")]
    ColumnCount {
        /// How many features a row has.
        expected: usize,
        /// How many columns there were.
        found: usize,
    },
    /// A column has another type than its feature.
    #[error("feature `{feature}` is {expected}, the column is {found}")]
    ColumnType {
        /// The feature.
        feature: FeatureName,
        /// Its type.
        expected: ValueType,
        /// What the column's type is called.
        found: String,
    },
    /// A column is longer or shorter than the event times.
    #[error("`{column}` has {found} values for {expected} event times")]
    ColumnLength {
        /// The feature, or `created_time`.
        column: String,
        /// How many event times there are.
        expected: usize,
        /// How many values there are.
        found: usize,
    },
    /// An event time is null.
    #[error("row {row} has no event time")]
    NoEventTime {
        /// The row, from 0.
        row: usize,
    },
    /// A row is longer than its slots can say.
    #[error("row {row} holds more than 4 GiB")]
    TooLong {
        /// The row, from 0.
        row: usize,
    },
    /// There is more than one column can hold.
    #[error("feature `{feature}` holds more than 2 GiB in one batch; decode fewer rows at a time")]
    TooMany {
        /// The feature.
        feature: FeatureName,
    },
    /// A feature was asked for that the rows do not have.
    #[error("there is no feature {position} in rows of {features} features")]
    NoSuchFeature {
        /// The position asked for, from 0.
        position: usize,
        /// How many features a row has.
        features: usize,
    },
    /// The bytes have another layout.
    #[error("unknown row version {0}; it was written by another version of asof, or is not a row")]
    Version(u8),
    /// The bytes have flags that mean nothing here.
    #[error("unknown row flags {0:#010b}; it was written by a newer asof, or is not a row")]
    Flags(u8),
    /// The row is of other features.
    #[error("the row has fingerprint {found:08x}, its features have {expected:08x}; it is of another definition")]
    Fingerprint {
        /// What the codec's features have.
        expected: u32,
        /// What the row has.
        found: u32,
    },
    /// The bytes end too early.
    #[error("the row is cut off after {length} bytes")]
    Truncated {
        /// How many bytes there are.
        length: usize,
    },
    /// The parts of the row do not fit together.
    #[error("the row is damaged: {0}")]
    Damaged(&'static str),
    /// The bytes of a value are no value of its type.
    #[error("the row is damaged: feature `{feature}` is not a {expected}")]
    Value {
        /// The feature.
        feature: FeatureName,
        /// Its type.
        expected: ValueType,
    },
}
