//! Columns of `asof.serving.v1` to and from Arrow, bit for bit.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    PrimitiveArray, StringArray, TimestampMicrosecondArray, make_array, new_empty_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::concat;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use asof_proto::asof::serving::v1::column::Values;
use asof_proto::asof::serving::v1::{
    ArrayValues, BoolValues, BytesValues, Column, Float32Values, Float64Values, Int32Values, Int64Values, StringValues,
    TimestampValues,
};

/// The column of a message as an Arrow array.
///
/// # Errors
/// When the column contradicts itself; says how.
pub fn from_wire(column: Column) -> Result<ArrayRef, String> {
    let values = column
        .values
        .ok_or("has no values set, so its type is not known; set one of them, if only an empty one")?;
    let array: ArrayRef = match values {
        Values::Bool(BoolValues { values }) => Arc::new(BooleanArray::from(values)),
        Values::Int32(Int32Values { values }) => Arc::new(Int32Array::from(values)),
        Values::Int64(Int64Values { values }) => Arc::new(Int64Array::from(values)),
        Values::Float32(Float32Values { values }) => Arc::new(Float32Array::from(values)),
        Values::Float64(Float64Values { values }) => Arc::new(Float64Array::from(values)),
        Values::String(StringValues { values }) => Arc::new(StringArray::from(values)),
        Values::Bytes(BytesValues { values }) => Arc::new(BinaryArray::from_iter_values(values)),
        Values::Timestamp(TimestampValues { values }) => {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        }
        Values::Array(array) => Arc::new(list_from_wire(*array)?),
    };
    let Some(nulls) = nulls_from_wire(column.validity, array.len())? else {
        return Ok(array);
    };
    let data = array.into_data().into_builder().nulls(Some(nulls)).build();
    data.map(make_array).map_err(|error| error.to_string())
}

fn nulls_from_wire(validity: Vec<u8>, rows: usize) -> Result<Option<NullBuffer>, String> {
    if validity.is_empty() {
        return Ok(None);
    }
    if validity.len() != rows.div_ceil(8) {
        return Err(format!(
            "has {} bytes of validity where {rows} values need {}",
            validity.len(),
            rows.div_ceil(8)
        ));
    }
    let bits = BooleanBuffer::new(Buffer::from_vec(validity), 0, rows);
    Ok(Some(NullBuffer::new(bits)))
}

fn list_from_wire(array: ArrayValues) -> Result<ListArray, String> {
    let elements = array
        .elements
        .ok_or("has arrays without elements; set them, if only to an empty column")?;
    if matches!(elements.values, Some(Values::Array(_))) {
        return Err("has arrays of arrays, which are no type of Asof".to_owned());
    }
    let elements = from_wire(*elements)?;
    let rising = array.offsets.is_sorted() && array.offsets.first() == Some(&0);
    let last = array.offsets.last().copied().unwrap_or_default();
    if !rising || last as usize != elements.len() {
        return Err(format!(
            "has offsets that do not rise from 0 to its {} elements",
            elements.len()
        ));
    }
    let offsets = array.offsets.iter().map(|offset| i32::try_from(*offset));
    let offsets: Vec<i32> = offsets.collect::<Result<_, _>>().map_err(|_| "has too many elements")?;
    let item = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    ListArray::try_new(item, OffsetBuffer::new(ScalarBuffer::from(offsets)), elements, None)
        .map_err(|error| error.to_string())
}

/// An array of one of Asof's types as the column of a message.
pub fn to_wire(array: &ArrayRef) -> Column {
    let values = match array.data_type() {
        DataType::Boolean => Values::Bool(BoolValues {
            values: array.as_boolean().iter().map(Option::unwrap_or_default).collect(),
        }),
        DataType::Int32 => Values::Int32(Int32Values {
            values: numbers(array.as_primitive::<Int32Type>()),
        }),
        DataType::Int64 => Values::Int64(Int64Values {
            values: numbers(array.as_primitive::<Int64Type>()),
        }),
        DataType::Float32 => Values::Float32(Float32Values {
            values: numbers(array.as_primitive::<Float32Type>()),
        }),
        DataType::Float64 => Values::Float64(Float64Values {
            values: numbers(array.as_primitive::<Float64Type>()),
        }),
        DataType::Utf8 => Values::String(StringValues {
            values: array
                .as_string::<i32>()
                .iter()
                .map(|v| v.unwrap_or_default().to_owned())
                .collect(),
        }),
        DataType::Binary => Values::Bytes(BytesValues {
            values: array
                .as_binary::<i32>()
                .iter()
                .map(|v| v.unwrap_or_default().to_vec())
                .collect(),
        }),
        DataType::Timestamp(..) => Values::Timestamp(TimestampValues {
            values: numbers(array.as_primitive::<TimestampMicrosecondType>()),
        }),
        _ => Values::Array(Box::new(list_to_wire(array.as_list::<i32>()))),
    };
    Column {
        validity: validity(array.len(), |row| array.is_valid(row)),
        values: Some(values),
    }
}

/// The values in one copy; what stands at a null is replaced by zero.
fn numbers<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> Vec<T::Native> {
    if array.null_count() == 0 {
        return array.values().to_vec();
    }
    array.iter().map(Option::unwrap_or_default).collect()
}

fn list_to_wire(list: &ListArray) -> ArrayValues {
    let mut offsets = Vec::with_capacity(list.len() + 1);
    let mut parts = Vec::with_capacity(list.len());
    let mut end = 0;
    offsets.push(end);
    for part in list.iter() {
        // A null's place in the child array may not be empty; on the wire it is.
        if let Some(part) = part {
            end += part.len() as u32;
            parts.push(part);
        }
        offsets.push(end);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let elements = if parts.is_empty() {
        new_empty_array(&list.value_type())
    } else {
        concat(&parts).expect("the items of one list have one type, and fit it again")
    };
    ArrayValues {
        offsets,
        elements: Some(Box::new(to_wire(&elements))),
    }
}

/// The bits of `Column.validity`: nothing when all rows are valid.
pub(super) fn validity(rows: usize, is_valid: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut bytes = vec![0; rows.div_ceil(8)];
    let mut valid = 0;
    for row in (0..rows).filter(|row| is_valid(*row)) {
        bytes[row / 8] |= 1 << (row % 8);
        valid += 1;
    }
    if valid == rows { Vec::new() } else { bytes }
}

#[cfg(test)]
mod tests;
