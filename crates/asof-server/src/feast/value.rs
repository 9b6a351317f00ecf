//! Feast's values, one message each, to and from columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    NullArray, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use asof_proto::feast::types::value::Val;
use asof_proto::feast::types::{
    BoolList, BytesList, DoubleList, FloatList, Int32List, Int64List, RepeatedValue, StringList, Value,
};

/// What Feast puts into a list of timestamps for a null.
const NULL_TIMESTAMP: i64 = i64::MIN;
const MICROS: i64 = 1_000_000;

/// A column of a request. Its type is that of its values, which are all of one type or unset (null); a column without
/// any value has the null type.
///
/// # Errors
/// When values are of two types, or of one that Asof does not have.
pub(super) fn from_wire(values: &[Value]) -> Result<ArrayRef, String> {
    let is_value = |val: &&Val| !matches!(val, Val::NullVal(_));
    let Some(first) = values.iter().filter_map(|value| value.val.as_ref()).find(is_value) else {
        return Ok(Arc::new(NullArray::new(values.len())));
    };
    let name = kind(first).ok_or("has values of a type that Asof does not have")?;
    macro_rules! pick {
        ($($variant:ident),+ => |$value:ident| $map:expr) => {{
            let mut column = Vec::with_capacity(values.len());
            for (row, value) in values.iter().enumerate() {
                column.push(match &value.val {
                    None | Some(Val::NullVal(_)) => None,
                    $(Some(Val::$variant($value)) => Some($map),)+
                    Some(other) => {
                        let other = kind(other).unwrap_or("a type that Asof does not have");
                        return Err(format!("has {name} values, and in row {row} {other}"));
                    }
                });
            }
            column
        }};
    }
    Ok(match first {
        Val::BoolVal(_) => Arc::new(BooleanArray::from(pick!(BoolVal => |v| *v))),
        Val::Int32Val(_) => Arc::new(Int32Array::from(pick!(Int32Val => |v| *v))),
        Val::Int64Val(_) => Arc::new(Int64Array::from(pick!(Int64Val => |v| *v))),
        Val::FloatVal(_) => Arc::new(Float32Array::from(pick!(FloatVal => |v| *v))),
        Val::DoubleVal(_) => Arc::new(Float64Array::from(pick!(DoubleVal => |v| *v))),
        Val::StringVal(_) => Arc::new(StringArray::from(pick!(StringVal => |v| v.as_str()))),
        Val::BytesVal(_) => Arc::new(BinaryArray::from(pick!(BytesVal => |v| v.as_slice()))),
        Val::UnixTimestampVal(_) => times(pick!(UnixTimestampVal => |v| *v))?,
        Val::BoolListVal(_) => list(pick!(BoolListVal => |v| v.val.clone()), |v| {
            Arc::new(BooleanArray::from(v))
        }),
        Val::Int32ListVal(_) => list(pick!(Int32ListVal => |v| v.val.clone()), |v| {
            Arc::new(Int32Array::from(v))
        }),
        Val::Int64ListVal(_) => list(pick!(Int64ListVal => |v| v.val.clone()), |v| {
            Arc::new(Int64Array::from(v))
        }),
        Val::FloatListVal(_) => list(pick!(FloatListVal => |v| v.val.clone()), |v| {
            Arc::new(Float32Array::from(v))
        }),
        Val::DoubleListVal(_) => list(pick!(DoubleListVal => |v| v.val.clone()), |v| {
            Arc::new(Float64Array::from(v))
        }),
        Val::StringListVal(_) => list(pick!(StringListVal => |v| v.val.clone()), |v| {
            Arc::new(StringArray::from(v))
        }),
        Val::BytesListVal(_) => list(pick!(BytesListVal => |v| v.val.clone()), |v| {
            Arc::new(BinaryArray::from_iter_values(v))
        }),
        _ => {
            let lists = pick!(UnixTimestampListVal => |v| v.val.clone());
            let items = lists.iter().flatten().flatten();
            let items = times(items.map(|time| (*time != NULL_TIMESTAMP).then_some(*time)).collect())?;
            list(lists, |_| items)
        }
    })
}

/// The name of the types that Asof has too.
fn kind(val: &Val) -> Option<&'static str> {
    Some(match val {
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
        _ => return None,
    })
}

/// Seconds as microseconds.
fn times(seconds: Vec<Option<i64>>) -> Result<ArrayRef, String> {
    let micros = |seconds: i64| {
        let fits = seconds.checked_mul(MICROS);
        fits.ok_or_else(|| format!("has the time {seconds} s, which does not fit 64 bits of microseconds"))
    };
    let micros = seconds.into_iter().map(|time| time.map(micros).transpose());
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

/// A column of an answer: an unset value for each null.
pub(super) fn to_wire(column: &ArrayRef) -> Vec<Value> {
    let one = |row| Value {
        val: column.is_valid(row).then(|| value(column, row)),
    };
    (0..column.len()).map(one).collect()
}

/// A value that is not null.
fn value(column: &ArrayRef, row: usize) -> Val {
    match column.data_type() {
        DataType::Boolean => Val::BoolVal(column.as_boolean().value(row)),
        DataType::Int32 => Val::Int32Val(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => Val::Int64Val(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => Val::FloatVal(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Val::DoubleVal(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Val::StringVal(column.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Val::BytesVal(column.as_binary::<i32>().value(row).to_vec()),
        DataType::Timestamp(..) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            Val::UnixTimestampVal(micros.div_euclid(MICROS))
        }
        _ => items(&column.as_list::<i32>().value(row)),
    }
}

/// One array.
fn items(items: &ArrayRef) -> Val {
    let is_time = matches!(items.data_type(), DataType::Timestamp(..));
    if items.null_count() > 0 && !is_time {
        return Val::ListVal(RepeatedValue { val: to_wire(items) });
    }
    match items.data_type() {
        DataType::Boolean => Val::BoolListVal(BoolList {
            val: items.as_boolean().values().iter().collect(),
        }),
        DataType::Int32 => Val::Int32ListVal(Int32List {
            val: items.as_primitive::<Int32Type>().values().to_vec(),
        }),
        DataType::Int64 => Val::Int64ListVal(Int64List {
            val: items.as_primitive::<Int64Type>().values().to_vec(),
        }),
        DataType::Float32 => Val::FloatListVal(FloatList {
            val: items.as_primitive::<Float32Type>().values().to_vec(),
        }),
        DataType::Float64 => Val::DoubleListVal(DoubleList {
            val: items.as_primitive::<Float64Type>().values().to_vec(),
        }),
        DataType::Utf8 => Val::StringListVal(StringList {
            val: items.as_string::<i32>().iter().flatten().map(str::to_owned).collect(),
        }),
        DataType::Binary => Val::BytesListVal(BytesList {
            val: items.as_binary::<i32>().iter().flatten().map(<[u8]>::to_vec).collect(),
        }),
        _ => {
            let times = items.as_primitive::<TimestampMicrosecondType>().iter();
            let seconds = times.map(|time| time.map_or(NULL_TIMESTAMP, |micros| micros.div_euclid(MICROS)));
            Val::UnixTimestampListVal(Int64List { val: seconds.collect() })
        }
    }
}

#[cfg(test)]
mod tests;
