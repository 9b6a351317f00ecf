//! The types of features, join keys and request fields, and the Arrow type that holds each.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

/// A type without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScalarType {
    /// `true` or `false`.
    Bool,
    /// A signed integer of 32 bits.
    Int32,
    /// A signed integer of 64 bits.
    Int64,
    /// An IEEE 754 float of 32 bits.
    Float32,
    /// An IEEE 754 float of 64 bits.
    Float64,
    /// UTF-8 text.
    String,
    /// Bytes.
    Bytes,
    /// A point in time: microseconds since the epoch, UTC.
    Timestamp,
}

impl ScalarType {
    /// Every scalar type, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Bool,
        Self::Int32,
        Self::Int64,
        Self::Float32,
        Self::Float64,
        Self::String,
        Self::Bytes,
        Self::Timestamp,
    ];

    /// The name in YAML, and everywhere a person reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
        }
    }

    /// The one Arrow type that holds values of this type inside Asof.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::String => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        }
    }

    /// Whether a join key may have this type. Floats may not: NaN and -0.0 have no one meaning as a key.
    pub fn is_key(self) -> bool {
        !matches!(self, Self::Float32 | Self::Float64)
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a type")]
pub struct UnknownType(pub String);

impl FromStr for ScalarType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|t| t.name() == text)
            .ok_or_else(|| UnknownType(text.to_owned()))
    }
}

/// The type of a feature or a request field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueType {
    /// One value.
    Scalar(ScalarType),
    /// A list of values, each of which may be null.
    Array(ScalarType),
}

impl ValueType {
    /// The one Arrow type that holds values of this type inside Asof.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Scalar(scalar) => scalar.arrow(),
            Self::Array(scalar) => DataType::List(Arc::new(Field::new_list_field(scalar.arrow(), true))),
        }
    }
}

impl From<ScalarType> for ValueType {
    fn from(scalar: ScalarType) -> Self {
        Self::Scalar(scalar)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => f.pad(scalar.name()),
            Self::Array(scalar) => f.pad(&format!("array<{scalar}>")),
        }
    }
}

impl FromStr for ValueType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("array<").and_then(|rest| rest.strip_suffix('>')) {
            Some(item) => item
                .trim()
                .parse()
                .map(Self::Array)
                .map_err(|_| UnknownType(text.to_owned())),
            None => text.parse().map(Self::Scalar),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_parses_back_from_its_own_text() {
        for scalar in ScalarType::ALL {
            for value_type in [ValueType::Scalar(scalar), ValueType::Array(scalar)] {
                assert_eq!(value_type.to_string().parse(), Ok(value_type));
            }
        }
        for bad in ["", "Int64", "array<array<int64>>", "array<>", "array<int64", "int"] {
            assert_eq!(bad.parse::<ValueType>(), Err(UnknownType(bad.to_owned())));
        }
    }
}
