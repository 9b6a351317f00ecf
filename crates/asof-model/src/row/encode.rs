//! Columns to rows. The type of a column is looked at once, not once per value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};

use super::layout::{CREATED_AT, CREATED_FLAG, EVENT_AT, FINGERPRINT_AT, HEADER_LEN, Layout, VERSION};
use super::list::ListWriter;
use super::{EncodedRows, RowError};
use crate::conform::type_name;
use crate::packed::{Fixed, Packed, set_bit};
use crate::{ScalarType, ValueType};

pub(super) fn encode(
    layout: &Layout,
    columns: &[ArrayRef],
    event_times: &TimestampMicrosecondArray,
    created_times: Option<&TimestampMicrosecondArray>,
) -> Result<EncodedRows, RowError> {
    check(layout, columns, event_times, created_times)?;
    let rows = event_times.len();
    let mut lengths = vec![layout.rest; rows];
    for (feature, column) in layout.features.iter().zip(columns) {
        add_lengths(feature.value_type, column, &mut lengths);
    }
    let too_long = |length: &usize| u32::try_from(length - layout.rest).is_err();
    if let Some(row) = lengths.iter().position(too_long) {
        return Err(RowError::TooLong { row });
    }
    let mut writer = Writer {
        packed: Packed::zeroed(&lengths),
        rest: layout.rest,
        used: vec![0; rows],
    };
    writer.headers(layout.fingerprint, event_times, created_times);
    for (position, column) in columns.iter().enumerate() {
        writer.column(
            position,
            layout.slots[position].at,
            layout.features[position].value_type,
            column,
        );
    }
    Ok(EncodedRows {
        packed: Arc::new(writer.packed),
    })
}

fn check(
    layout: &Layout,
    columns: &[ArrayRef],
    event_times: &TimestampMicrosecondArray,
    created_times: Option<&TimestampMicrosecondArray>,
) -> Result<(), RowError> {
    if layout.features.len() != columns.len() {
        return Err(RowError::ColumnCount {
            expected: layout.features.len(),
            found: columns.len(),
        });
    }
    let rows = event_times.len();
    let check_length = |column: &str, found: usize| {
        let wrong = || RowError::ColumnLength {
            column: column.to_owned(),
            expected: rows,
            found,
        };
        (found == rows).then_some(()).ok_or_else(wrong)
    };
    for (feature, column) in layout.features.iter().zip(columns) {
        if *column.data_type() != feature.value_type.arrow() {
            return Err(RowError::ColumnType {
                feature: feature.name.clone(),
                expected: feature.value_type,
                found: type_name(column.data_type()),
            });
        }
        check_length(feature.name.as_str(), column.len())?;
    }
    if let Some(created_times) = created_times {
        check_length("created_time", created_times.len())?;
    }
    match (0..rows).find(|row| event_times.is_null(*row)) {
        Some(row) => Err(RowError::NoEventTime { row }),
        None => Ok(()),
    }
}

/// Adds what each value takes in the rest of its row.
fn add_lengths(value_type: ValueType, column: &ArrayRef, lengths: &mut [usize]) {
    let offsets = match value_type {
        ValueType::Scalar(ScalarType::String) => column.as_string::<i32>().value_offsets(),
        ValueType::Scalar(ScalarType::Bytes) => column.as_binary::<i32>().value_offsets(),
        ValueType::Scalar(_) => return,
        ValueType::Array(item) => {
            let list = ListWriter::new(column.as_list(), item);
            for (row, length) in lengths.iter_mut().enumerate() {
                if column.is_valid(row) {
                    *length += list.length(row);
                }
            }
            return;
        }
    };
    for (row, (length, pair)) in lengths.iter_mut().zip(offsets.windows(2)).enumerate() {
        if column.is_valid(row) {
            *length += (pair[1] - pair[0]) as usize;
        }
    }
}

/// Rows under construction.
struct Writer {
    packed: Packed,
    /// Where the rest of a row starts.
    rest: usize,
    /// How much of its rest each row uses already.
    used: Vec<u32>,
}

impl Writer {
    fn headers(
        &mut self,
        fingerprint: u64,
        event_times: &TimestampMicrosecondArray,
        created_times: Option<&TimestampMicrosecondArray>,
    ) {
        for (row, event_time) in event_times.values().iter().enumerate() {
            let to = self.packed.get_mut(row);
            to[0] = VERSION;
            to[FINGERPRINT_AT..EVENT_AT].copy_from_slice(&fingerprint.to_le_bytes());
            Int64Type::put(*event_time, &mut to[EVENT_AT..]);
            if let Some(created_times) = created_times.filter(|times| times.is_valid(row)) {
                to[1] = CREATED_FLAG;
                Int64Type::put(created_times.value(row), &mut to[CREATED_AT..]);
            }
        }
    }

    fn column(&mut self, position: usize, slot: usize, value_type: ValueType, column: &ArrayRef) {
        let nulls = column.nulls();
        match value_type {
            ValueType::Scalar(ScalarType::Bool) => {
                let values = column.as_boolean();
                self.fixed(position, nulls, |row, to| to[slot] = u8::from(values.value(row)));
            }
            ValueType::Scalar(ScalarType::Int32) => self.numbers::<Int32Type>(position, slot, column),
            ValueType::Scalar(ScalarType::Int64) => self.numbers::<Int64Type>(position, slot, column),
            ValueType::Scalar(ScalarType::Float32) => self.numbers::<Float32Type>(position, slot, column),
            ValueType::Scalar(ScalarType::Float64) => self.numbers::<Float64Type>(position, slot, column),
            ValueType::Scalar(ScalarType::Timestamp) => {
                self.numbers::<TimestampMicrosecondType>(position, slot, column);
            }
            ValueType::Scalar(ScalarType::String) => {
                let values = column.as_string::<i32>();
                self.variable(position, slot, nulls, |row, to| {
                    put_bytes(values.value(row).as_bytes(), to)
                });
            }
            ValueType::Scalar(ScalarType::Bytes) => {
                let values = column.as_binary::<i32>();
                self.variable(position, slot, nulls, |row, to| put_bytes(values.value(row), to));
            }
            ValueType::Array(item) => {
                let list = ListWriter::new(column.as_list(), item);
                self.variable(position, slot, nulls, |row, to| list.put(row, to));
            }
        }
    }

    fn numbers<T: Fixed>(&mut self, position: usize, slot: usize, column: &ArrayRef) {
        let values = column.as_primitive::<T>().values();
        self.fixed(position, column.nulls(), |row, to| T::put(values[row], &mut to[slot..]));
    }

    /// Lets `put` write the value of each row where it is not null; it gets the whole row.
    fn fixed(&mut self, position: usize, nulls: Option<&NullBuffer>, put: impl Fn(usize, &mut [u8])) {
        for row in 0..self.used.len() {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                let to = self.packed.get_mut(row);
                set_bit(&mut to[HEADER_LEN..], position);
                put(row, to);
            }
        }
    }

    /// Lets `put` append the value of each row where it is not null; it gets the room left and says what it used.
    fn variable(
        &mut self,
        position: usize,
        slot: usize,
        nulls: Option<&NullBuffer>,
        put: impl Fn(usize, &mut [u8]) -> usize,
    ) {
        for (row, used) in self.used.iter_mut().enumerate() {
            let to = self.packed.get_mut(row);
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                set_bit(&mut to[HEADER_LEN..], position);
                *used += put(row, &mut to[self.rest + *used as usize..]) as u32;
            }
            to[slot..slot + 4].copy_from_slice(&used.to_le_bytes());
        }
    }
}

fn put_bytes(value: &[u8], to: &mut [u8]) -> usize {
    to[..value.len()].copy_from_slice(value);
    value.len()
}
