//! Conforming: bringing a column of a source, spine or request to the one Arrow type that Asof uses inside.
//!
//! Only what loses nothing is done without being asked. Everything else is an error that names both types, so that
//! the author writes the cast that is meant. The one exception is time: nanoseconds are floored to microseconds.
//!
//! | wanted | accepted |
//! |---|---|
//! | `bool` | booleans |
//! | `int32` | integers of 8, 16 and 32 bits, unsigned ones of 8 and 16 |
//! | `int64` | the same, integers of 64 bits, unsigned ones of 32 |
//! | `float32` | floats of 16 and 32 bits |
//! | `float64` | floats of 16, 32 and 64 bits |
//! | `string` | every kind of text |
//! | `bytes` | every kind of binary |
//! | `timestamp` | timestamps of any unit and zone (no zone is UTC), dates (their midnight, UTC) |
//! | `array<T>` | every kind of list whose items are accepted for `T` |
//!
//! A dictionary is taken as its values, and a column without a type (all null) is accepted for everything.

mod convert;
mod error;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

pub use error::{ConformError, ConformFault, type_name};

use crate::{ScalarType, ValueType};

/// Brings a column to the Arrow type of `to`, or returns it as it is when it has that type.
///
/// # Errors
/// When the types do not conform ([`can_conform`]), a time does not fit 64 bits of microseconds, or texts, bytes or
/// list items are too many for one column (2 GiB, 2^31 items).
pub fn conform(array: &ArrayRef, to: ValueType) -> Result<ArrayRef, ConformError> {
    if *array.data_type() == to.arrow() {
        return Ok(Arc::clone(array));
    }
    if !can_conform(array.data_type(), to) {
        return Err(ConformError::new(array.data_type(), to, ConformFault::Type));
    }
    convert::convert(array, to).map_err(|fault| ConformError::new(array.data_type(), to, fault))
}

/// Whether [`conform`] accepts columns of the type `from` for `to`.
pub fn can_conform(from: &DataType, to: ValueType) -> bool {
    match (from, to) {
        (DataType::Null, _) => true,
        (DataType::Dictionary(_, values), _) => can_conform(values, to),
        (_, ValueType::Scalar(scalar)) => can_conform_scalar(from, scalar),
        (_, ValueType::Array(item)) => {
            convert::list_item(from).is_some_and(|field| can_conform(field.data_type(), ValueType::Scalar(item)))
        }
    }
}

/// Brings a key column of a spine or request to the Arrow type of the join key.
///
/// Stricter than [`conform`], because a key of another type most often is another thing: an `int64` key also takes
/// `int32` columns, a `string` key every kind of text, a `bytes` key every kind of binary, a `timestamp` key every
/// kind of timestamp and date. All else must have the key's own type.
///
/// # Errors
/// When the column has another type, or a time does not fit 64 bits of microseconds.
pub fn conform_key(array: &ArrayRef, key: ScalarType) -> Result<ArrayRef, ConformError> {
    let to = ValueType::Scalar(key);
    if !can_conform_key(array.data_type(), key) {
        return Err(ConformError::new(array.data_type(), to, ConformFault::Type));
    }
    conform(array, to)
}

/// Whether [`conform_key`] accepts columns of the type `from` for a join key of the type `key`.
pub fn can_conform_key(from: &DataType, key: ScalarType) -> bool {
    match (from, key) {
        (DataType::Null, _) => true,
        (DataType::Dictionary(_, values), _) => can_conform_key(values, key),
        (_, ScalarType::Int32) => *from == DataType::Int32,
        (_, ScalarType::Int64) => matches!(from, DataType::Int32 | DataType::Int64),
        _ => can_conform_scalar(from, key),
    }
}

fn can_conform_scalar(from: &DataType, to: ScalarType) -> bool {
    use DataType as T;
    match to {
        ScalarType::Bool => matches!(from, T::Boolean),
        ScalarType::Int32 => matches!(from, T::Int8 | T::Int16 | T::Int32 | T::UInt8 | T::UInt16),
        ScalarType::Int64 => matches!(
            from,
            T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32
        ),
        ScalarType::Float32 => matches!(from, T::Float16 | T::Float32),
        ScalarType::Float64 => matches!(from, T::Float16 | T::Float32 | T::Float64),
        ScalarType::String => matches!(from, T::Utf8 | T::LargeUtf8 | T::Utf8View),
        ScalarType::Bytes => {
            matches!(from, T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_))
        }
        ScalarType::Timestamp => matches!(from, T::Timestamp(_, _) | T::Date32 | T::Date64),
    }
}

#[cfg(test)]
mod tests;
