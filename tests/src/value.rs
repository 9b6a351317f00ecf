//! Plain values, compared bit for bit, and their way from and to Arrow.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int32Builder,
    Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};

/// One value. Floats are held as their bits, so that equality means equal bits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// No value.
    Null,
    /// A boolean.
    Bool(bool),
    /// A 32-bit integer.
    Int32(i32),
    /// A 64-bit integer.
    Int64(i64),
    /// The bits of a 32-bit float.
    Float32(u32),
    /// The bits of a 64-bit float.
    Float64(u64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Microseconds since the epoch, UTC.
    Time(i64),
    /// A list of 64-bit integers, each perhaps null.
    List(Vec<Option<i64>>),
}

/// The types that test columns have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `bool`
    Bool,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `float32`
    Float32,
    /// `float64`
    Float64,
    /// `string`
    Text,
    /// `bytes`
    Bytes,
    /// `timestamp`
    Time,
    /// `array<int64>`
    List,
}

impl Kind {
    /// Its name in the YAML.
    pub fn yaml(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Time => "timestamp",
            Self::List => "array<int64>",
        }
    }
}

macro_rules! build {
    ($builder:expr, $values:expr, $variant:ident, $($convert:tt)+) => {{
        let mut builder = $builder;
        for value in $values {
            match value {
                Value::$variant(inner) => builder.append_value(($($convert)+)(inner.clone())),
                Value::Null => builder.append_null(),
                other => panic!("a {other:?} in a column of another kind"),
            }
        }
        Arc::new(builder.finish()) as ArrayRef
    }};
}

/// The values as an Arrow column, timestamps in UTC.
pub fn to_array(kind: Kind, values: &[Value]) -> ArrayRef {
    match kind {
        Kind::Bool => build!(BooleanBuilder::new(), values, Bool, |v| v),
        Kind::Int32 => build!(Int32Builder::new(), values, Int32, |v| v),
        Kind::Int64 => build!(Int64Builder::new(), values, Int64, |v| v),
        Kind::Float32 => build!(Float32Builder::new(), values, Float32, f32::from_bits),
        Kind::Float64 => build!(Float64Builder::new(), values, Float64, f64::from_bits),
        Kind::Text => build!(StringBuilder::new(), values, Text, |v: String| v),
        Kind::Bytes => build!(BinaryBuilder::new(), values, Bytes, |v: Vec<u8>| v),
        Kind::Time => {
            build!(
                TimestampMicrosecondBuilder::new().with_timezone("UTC"),
                values,
                Time,
                |v| v
            )
        }
        Kind::List => {
            let mut builder = ListBuilder::new(Int64Builder::new());
            for value in values {
                match value {
                    Value::List(items) => builder.append_value(items.iter().copied()),
                    Value::Null => builder.append_null(),
                    other => panic!("a {other:?} in a column of lists"),
                }
            }
            Arc::new(builder.finish())
        }
    }
}

/// The value of `array` at `row`.
///
/// # Panics
/// When the array has a type that no test column has: the engine put out something else than was declared.
pub fn value_at(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int32 => Value::Int32(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => Value::Int64(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => Value::Float32(array.as_primitive::<Float32Type>().value(row).to_bits()),
        DataType::Float64 => Value::Float64(array.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row).to_owned()),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => {
            Value::Time(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            Value::List(items.as_primitive::<Int64Type>().iter().collect())
        }
        other => panic!("a column of the unexpected type {other}"),
    }
}
