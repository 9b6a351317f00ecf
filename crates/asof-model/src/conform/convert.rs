//! The conversions themselves, for pairs of types that conform.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, ListArray, PrimitiveArray, TimestampMicrosecondArray, UInt64Array,
    new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Field, FieldRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;

use super::ConformFault;
use crate::{ScalarType, ValueType};

/// The item of any kind of list.
pub(super) fn list_item(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

/// Converts a column whose type conforms to `to`.
pub(super) fn convert(array: &ArrayRef, to: ValueType) -> Result<ArrayRef, ConformFault> {
    let target = to.arrow();
    match (array.data_type(), to) {
        (from, _) if *from == target => Ok(Arc::clone(array)),
        (DataType::Null, _) => Ok(new_null_array(&target, array.len())),
        (DataType::Dictionary(_, values), _) => convert(&cast(array, values)?, to),
        (_, ValueType::Array(item)) => list(array, item),
        (_, ValueType::Scalar(ScalarType::Timestamp)) => timestamp(array),
        (DataType::Utf8View, _) => {
            fits(array.as_string_view().lengths().map(|length| length as usize).sum())?;
            cast(array, &target)
        }
        (DataType::BinaryView, _) => {
            fits(array.as_binary_view().lengths().map(|length| length as usize).sum())?;
            cast(array, &target)
        }
        _ => cast(array, &target),
    }
}

/// Whether offsets of 32 bits can hold this many bytes or items.
fn fits(total: usize) -> Result<(), ConformFault> {
    i32::try_from(total).map(|_| ()).map_err(|_| ConformFault::Size)
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ConformFault> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(array, to, &options).map_err(fault)
}

fn fault(error: ArrowError) -> ConformFault {
    match error {
        ArrowError::OffsetOverflowError(_) => ConformFault::Size,
        ArrowError::ComputeError(text) | ArrowError::CastError(text) => ConformFault::Arrow(text),
        other => ConformFault::Arrow(other.to_string()),
    }
}

fn timestamp(array: &ArrayRef) -> Result<ArrayRef, ConformFault> {
    let micros = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => scaled::<TimestampSecondType>(array, 1_000_000)?,
        DataType::Timestamp(TimeUnit::Millisecond, _) => scaled::<TimestampMillisecondType>(array, 1_000)?,
        DataType::Timestamp(TimeUnit::Microsecond, _) => array.as_primitive::<TimestampMicrosecondType>().clone(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>();
            nanos.unary(|value| value.div_euclid(1_000))
        }
        DataType::Date32 => scaled::<Date32Type>(array, 86_400_000_000)?,
        _ => scaled::<Date64Type>(array, 1_000)?,
    };
    // The zone only says how to print an instant, so it is replaced; a naive time is UTC already.
    Ok(Arc::new(micros.with_timezone("UTC")))
}

fn scaled<T>(array: &ArrayRef, factor: i64) -> Result<TimestampMicrosecondArray, ConformFault>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64>,
{
    let values: &PrimitiveArray<T> = array.as_primitive();
    values.try_unary(|value| {
        let value: i64 = value.into();
        value.checked_mul(factor).ok_or(ConformFault::Time { value })
    })
}

/// Brings any kind of list to lists of `item`. Only the items that a list shows are converted.
fn list(array: &ArrayRef, item: ScalarType) -> Result<ArrayRef, ConformFault> {
    let Some(field) = list_item(array.data_type()) else {
        return Err(ConformFault::Type);
    };
    let plain = match array.data_type() {
        DataType::List(_) => Arc::clone(array),
        _ => cast(array, &DataType::List(Arc::clone(field)))?,
    };
    // A null list may hide items, which must not be converted: their values mean nothing and might not fit.
    let plain = if plain.null_count() > 0 {
        take(&plain, &UInt64Array::from_iter_values(0..plain.len() as u64), None).map_err(fault)?
    } else {
        plain
    };
    let plain: &ListArray = plain.as_list();
    let offsets = plain.value_offsets();
    let (start, end) = (offsets[0], offsets[plain.len()]);
    let shown = plain.values().slice(start as usize, (end - start) as usize);
    let values = convert(&shown, ValueType::Scalar(item))?;
    let lengths = offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize);
    let field = Arc::new(Field::new_list_field(item.arrow(), true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let list = ListArray::try_new(field, offsets, values, plain.nulls().cloned()).map_err(fault)?;
    Ok(Arc::new(list))
}
