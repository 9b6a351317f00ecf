//! Why a column cannot be brought to a type, and what types are called in messages.

use std::fmt;

use arrow::datatypes::DataType;

use super::convert::list_item;
use crate::{ScalarType, ValueType};

/// A column that cannot be brought to the type that is wanted. The message names both types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConformError {
    /// What the column's type is called ([`type_name`]).
    pub from: String,
    /// The type that was wanted.
    pub to: ValueType,
    /// What stood in the way.
    pub fault: ConformFault,
}

/// What stood in the way of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConformFault {
    /// The type is another one.
    Type,
    /// A time does not fit 64 bits of microseconds.
    Time {
        /// The time, in the column's own unit.
        value: i64,
    },
    /// There is more than one column can hold: 2 GiB of text or bytes, 2^31 list items.
    Size,
    /// Arrow could not do it, for the reason given.
    Arrow(String),
}

impl ConformError {
    pub(super) fn new(from: &DataType, to: ValueType, fault: ConformFault) -> Self {
        Self {
            from: type_name(from),
            to,
            fault,
        }
    }
}

impl fmt::Display for ConformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, fault } = self;
        match fault {
            ConformFault::Type => write!(f, "expected {to}, found {from}"),
            ConformFault::Time { value } => write!(
                f,
                "expected {to}, found {from} with the value {value}, which does not fit 64 bits of microseconds"
            ),
            ConformFault::Size => write!(
                f,
                "expected {to}, found {from} with too much in one batch (limit: 2 GiB); use smaller batches"
            ),
            ConformFault::Arrow(reason) => write!(f, "expected {to}, found {from}: {reason}"),
        }
    }
}

/// What a column's type is called in messages: Asof's own name where there is one, Arrow's otherwise.
pub fn type_name(data_type: &DataType) -> String {
    let scalar = match data_type {
        DataType::Boolean => ScalarType::Bool,
        DataType::Int32 => ScalarType::Int32,
        DataType::Int64 => ScalarType::Int64,
        DataType::Float32 => ScalarType::Float32,
        DataType::Float64 => ScalarType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ScalarType::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ScalarType::Bytes
        }
        DataType::Timestamp(_, _) => ScalarType::Timestamp,
        DataType::Null => return "null".to_owned(),
        DataType::Int8 => return "int8".to_owned(),
        DataType::Int16 => return "int16".to_owned(),
        DataType::UInt8 => return "uint8".to_owned(),
        DataType::UInt16 => return "uint16".to_owned(),
        DataType::UInt32 => return "uint32".to_owned(),
        DataType::UInt64 => return "uint64".to_owned(),
        DataType::Float16 => return "float16".to_owned(),
        DataType::Date32 | DataType::Date64 => return "date".to_owned(),
        DataType::Dictionary(_, values) => return type_name(values),
        other => {
            return match list_item(other) {
                Some(item) => format!("array<{}>", type_name(item.data_type())),
                None => other.to_string(),
            };
        }
    };
    scalar.name().to_owned()
}
