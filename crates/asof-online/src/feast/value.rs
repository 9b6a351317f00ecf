//! From Feast's values to columns.
//!
//! | declared | Feast's types |
//! |---|---|
//! | `bool`, `int32`, `float32`, `bytes` | the type of that name (`float` for `float32`) |
//! | `int64` | `int64`, `int32` |
//! | `float64` | `double`, `float` |
//! | `string` | `string`, and the texts `json`, `uuid`, `time_uuid`, `decimal` |
//! | `timestamp` | `unix_timestamp`, and `zoned_timestamp` without its zone; both have whole seconds |
//! | `array<T>` | lists of those of `T`, but for `zoned_timestamp` |

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use asof_model::definition::Feature;
use asof_model::{ScalarType, ValueType, ViewName};
use asof_proto::feast::types::Value;
use asof_proto::feast::types::value::Val;
use bytes::Bytes;
use prost::Message;

use super::FeastProblem;

/// What Feast writes for a time that is null, in a list and alone.
const NULL_TIME: i64 = i64::MIN;
const MICROS: i64 = 1_000_000;

/// Why a value is none of its feature's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It has another type, which Feast calls so.
    Type(&'static str),
    /// Its bytes cannot be read, or a column cannot hold it.
    Value(String),
}

impl Wrong {
    /// The same of a feature of a view.
    pub(super) fn of(self, view: &ViewName, feature: &Feature) -> FeastProblem {
        let (view, name) = (view.clone(), feature.name.clone());
        match self {
            Self::Type(found) => FeastProblem::ValueType {
                view,
                feature: name,
                expected: feature.value_type,
                found,
            },
            Self::Value(problem) => FeastProblem::Value {
                view,
                feature: name,
                problem,
            },
        }
    }
}

/// The column of a feature: of its Arrow type, and null where there is no value or one without anything set.
///
/// # Errors
/// When bytes are no value, a value has a type that does not fit, a time does not fit 64 bits of microseconds, or all
/// of them together are too long for a column (2 GiB).
pub(super) fn column<'v>(
    value_type: ValueType,
    values: impl Iterator<Item = Option<&'v Bytes>>,
) -> Result<ArrayRef, Wrong> {
    let mut length = 0;
    let mut found = Vec::with_capacity(values.size_hint().0);
    for value in values {
        length += value.map_or(0, Bytes::len);
        found.push(value.map(decode).transpose()?.flatten());
    }
    // No value has more items than bytes, so that neither offsets of texts nor those of lists run over.
    if i32::try_from(length).is_err() {
        return Err(Wrong::Value("more than 2 GiB are read at once".to_owned()));
    }
    match value_type {
        ValueType::Scalar(scalar) => scalars(scalar, found),
        ValueType::Array(item) => lists(item, found),
    }
}

fn decode(bytes: &Bytes) -> Result<Option<Val>, Wrong> {
    let value = Value::decode(bytes.as_ref()).map_err(|error| Wrong::Value(error.to_string()))?;
    Ok(value.val.filter(|val| !matches!(val, Val::NullVal(_))))
}

/// What each value holds, if it is of a variant that fits.
macro_rules! pick {
    ($found:expr, $($variants:pat => $value:expr),+) => {{
        let mut picked = Vec::with_capacity($found.len());
        for val in $found {
            picked.push(match val {
                None => None,
                $(Some($variants) => Some($value),)+
                Some(other) => return Err(Wrong::Type(kind(&other))),
            });
        }
        picked
    }};
}

fn scalars(scalar: ScalarType, found: Vec<Option<Val>>) -> Result<ArrayRef, Wrong> {
    Ok(match scalar {
        ScalarType::Bool => Arc::new(BooleanArray::from(pick!(found, Val::BoolVal(v) => v))),
        ScalarType::Int32 => Arc::new(Int32Array::from(pick!(found, Val::Int32Val(v) => v))),
        ScalarType::Int64 => {
            let values = pick!(found, Val::Int64Val(v) => v, Val::Int32Val(v) => i64::from(v));
            Arc::new(Int64Array::from(values))
        }
        ScalarType::Float32 => Arc::new(Float32Array::from(pick!(found, Val::FloatVal(v) => v))),
        ScalarType::Float64 => {
            let values = pick!(found, Val::DoubleVal(v) => v, Val::FloatVal(v) => f64::from(v));
            Arc::new(Float64Array::from(values))
        }
        ScalarType::String => Arc::new(StringArray::from(pick!(
            found,
            Val::StringVal(v) | Val::JsonVal(v) | Val::UuidVal(v) | Val::TimeUuidVal(v) | Val::DecimalVal(v) => v
        ))),
        ScalarType::Bytes => {
            let values = pick!(found, Val::BytesVal(v) => v);
            Arc::new(values.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
        ScalarType::Timestamp => {
            times(pick!(found, Val::UnixTimestampVal(v) => v, Val::ZonedTimestampVal(v) => v.unix_timestamp))?
        }
    })
}

fn lists(item: ScalarType, found: Vec<Option<Val>>) -> Result<ArrayRef, Wrong> {
    Ok(match item {
        ScalarType::Bool => list(pick!(found, Val::BoolListVal(v) => v.val), |items| {
            Arc::new(BooleanArray::from(items))
        }),
        ScalarType::Int32 => list(pick!(found, Val::Int32ListVal(v) => v.val), |items| {
            Arc::new(Int32Array::from(items))
        }),
        ScalarType::Int64 => {
            let widened = |items: Vec<i32>| items.into_iter().map(i64::from).collect();
            let lists = pick!(found, Val::Int64ListVal(v) => v.val, Val::Int32ListVal(v) => widened(v.val));
            list(lists, |items| Arc::new(Int64Array::from(items)))
        }
        ScalarType::Float32 => list(pick!(found, Val::FloatListVal(v) => v.val), |items| {
            Arc::new(Float32Array::from(items))
        }),
        ScalarType::Float64 => {
            let widened = |items: Vec<f32>| items.into_iter().map(f64::from).collect();
            let lists = pick!(found, Val::DoubleListVal(v) => v.val, Val::FloatListVal(v) => widened(v.val));
            list(lists, |items| Arc::new(Float64Array::from(items)))
        }
        ScalarType::String => {
            let lists = pick!(
                found,
                Val::StringListVal(v)
                | Val::JsonListVal(v)
                | Val::UuidListVal(v)
                | Val::TimeUuidListVal(v)
                | Val::DecimalListVal(v) => v.val
            );
            list(lists, |items| Arc::new(StringArray::from(items)))
        }
        ScalarType::Bytes => list(pick!(found, Val::BytesListVal(v) => v.val), |items| {
            Arc::new(BinaryArray::from_iter_values(items))
        }),
        ScalarType::Timestamp => {
            let lists = pick!(found, Val::UnixTimestampListVal(v) => v.val);
            let items = times(lists.iter().flatten().flatten().copied().map(Some).collect())?;
            list(lists, |_| items)
        }
    })
}

/// Seconds as microseconds.
fn times(seconds: Vec<Option<i64>>) -> Result<ArrayRef, Wrong> {
    let micros = |seconds: i64| {
        let fits = seconds.checked_mul(MICROS);
        fits.ok_or_else(|| Wrong::Value(format!("{seconds} seconds do not fit 64 bits of microseconds")))
    };
    let seconds = seconds.into_iter().map(|time| time.filter(|time| *time != NULL_TIME));
    let micros = seconds.map(|time| time.map(micros).transpose());
    let times: TimestampMicrosecondArray = micros.collect::<Result<Vec<_>, _>>()?.into();
    Ok(Arc::new(times.with_timezone("UTC")))
}

fn list<T>(lists: Vec<Option<Vec<T>>>, items: impl FnOnce(Vec<T>) -> ArrayRef) -> ArrayRef {
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.as_ref().map_or(0, Vec::len)));
    let nulls: NullBuffer = lists.iter().map(Option::is_some).collect();
    let items = items(lists.into_iter().flatten().flatten().collect());
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    Arc::new(ListArray::new(field, offsets, items, Some(nulls)))
}

/// What Feast calls the type of a value.
fn kind(val: &Val) -> &'static str {
    match val {
        Val::BytesVal(_) => "bytes",
        Val::StringVal(_) => "string",
        Val::Int32Val(_) => "int32",
        Val::Int64Val(_) => "int64",
        Val::DoubleVal(_) => "double",
        Val::FloatVal(_) => "float",
        Val::BoolVal(_) => "bool",
        Val::UnixTimestampVal(_) => "unix_timestamp",
        Val::BytesListVal(_) => "bytes_list",
        Val::StringListVal(_) => "string_list",
        Val::Int32ListVal(_) => "int32_list",
        Val::Int64ListVal(_) => "int64_list",
        Val::DoubleListVal(_) => "double_list",
        Val::FloatListVal(_) => "float_list",
        Val::BoolListVal(_) => "bool_list",
        Val::UnixTimestampListVal(_) => "unix_timestamp_list",
        Val::NullVal(_) => "null",
        Val::MapVal(_) => "map",
        Val::MapListVal(_) => "map_list",
        Val::BytesSetVal(_) => "bytes_set",
        Val::StringSetVal(_) => "string_set",
        Val::Int32SetVal(_) => "int32_set",
        Val::Int64SetVal(_) => "int64_set",
        Val::DoubleSetVal(_) => "double_set",
        Val::FloatSetVal(_) => "float_set",
        Val::BoolSetVal(_) => "bool_set",
        Val::UnixTimestampSetVal(_) => "unix_timestamp_set",
        Val::JsonVal(_) => "json",
        Val::JsonListVal(_) => "json_list",
        Val::StructVal(_) => "struct",
        Val::StructListVal(_) => "struct_list",
        Val::UuidVal(_) => "uuid",
        Val::TimeUuidVal(_) => "time_uuid",
        Val::UuidListVal(_) => "uuid_list",
        Val::TimeUuidListVal(_) => "time_uuid_list",
        Val::UuidSetVal(_) => "uuid_set",
        Val::TimeUuidSetVal(_) => "time_uuid_set",
        Val::ListVal(_) => "list",
        Val::SetVal(_) => "set",
        Val::DecimalVal(_) => "decimal",
        Val::DecimalListVal(_) => "decimal_list",
        Val::DecimalSetVal(_) => "decimal_set",
        Val::ScalarMapVal(_) => "scalar_map",
        Val::ZonedTimestampVal(_) => "zoned_timestamp",
    }
}

#[cfg(test)]
mod tests;
