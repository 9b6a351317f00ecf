//! Columns to rows. The type of a column is looked at once, not once per value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};

use super::layout::{
    CREATED_AT, CREATED_FLAG, EVENT_AT, FINGERPRINT_AT, Layout, Shape, VERSION, WIDE_FLAG, body_at, needs_wide,
};
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
    let mut lengths = vec![0; rows];
    for (feature, column) in layout.features.iter().zip(columns) {
        add_lengths(feature.value_type, column, &mut lengths);
    }
    if let Some(row) = lengths.iter().position(|length| u32::try_from(*length).is_err()) {
        return Err(RowError::TooLong { row });
    }
    let has_created = |row| created_times.is_some_and(|times| times.is_valid(row));
    let flags: Vec<u8> = (lengths.iter().enumerate())
        .map(|(row, length)| {
            let created = if has_created(row) { CREATED_FLAG } else { 0 };
            created | if needs_wide(*length) { WIDE_FLAG } else { 0 }
        })
        .collect();
    for (length, flags) in lengths.iter_mut().zip(&flags) {
        *length += body_at(*flags) + layout.shape(flags & WIDE_FLAG != 0).rest;
    }
    let mut writer = Writer {
        layout,
        packed: Packed::zeroed(&lengths),
        flags,
        used: vec![0; rows],
    };
    writer.headers(event_times, created_times);
    for (position, column) in columns.iter().enumerate() {
        writer.column(position, layout.features[position].value_type, column);
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
struct Writer<'l> {
    layout: &'l Layout,
    packed: Packed,
    /// The flags of each row.
    flags: Vec<u8>,
    /// How much of its rest each row uses already.
    used: Vec<u32>,
}

impl Writer<'_> {
    fn headers(&mut self, event_times: &TimestampMicrosecondArray, created_times: Option<&TimestampMicrosecondArray>) {
        for (row, event_time) in event_times.values().iter().enumerate() {
            let to = self.packed.get_mut(row);
            to[0] = VERSION;
            to[1] = self.flags[row];
            to[FINGERPRINT_AT..EVENT_AT].copy_from_slice(&self.layout.fingerprint.to_le_bytes());
            Int64Type::put(*event_time, &mut to[EVENT_AT..]);
            if let Some(created_times) = created_times.filter(|times| times.is_valid(row)) {
                Int64Type::put(created_times.value(row), &mut to[CREATED_AT..]);
            }
        }
    }

    /// The body of a row, and its shape.
    fn body(&mut self, row: usize) -> (&mut [u8], &Shape) {
        let flags = self.flags[row];
        let body = &mut self.packed.get_mut(row)[body_at(flags)..];
        (body, self.layout.shape(flags & WIDE_FLAG != 0))
    }

    fn column(&mut self, position: usize, value_type: ValueType, column: &ArrayRef) {
        let nulls = column.nulls();
        match value_type {
            ValueType::Scalar(ScalarType::Bool) => {
                let values = column.as_boolean();
                self.fixed(position, nulls, |row, slot| slot[0] = u8::from(values.value(row)));
            }
            ValueType::Scalar(ScalarType::Int32) => self.numbers::<Int32Type>(position, column),
            ValueType::Scalar(ScalarType::Int64) => self.numbers::<Int64Type>(position, column),
            ValueType::Scalar(ScalarType::Float32) => self.numbers::<Float32Type>(position, column),
            ValueType::Scalar(ScalarType::Float64) => self.numbers::<Float64Type>(position, column),
            ValueType::Scalar(ScalarType::Timestamp) => {
                self.numbers::<TimestampMicrosecondType>(position, column);
            }
            ValueType::Scalar(ScalarType::String) => {
                let values = column.as_string::<i32>();
                self.variable(position, nulls, |row, to| put_bytes(values.value(row).as_bytes(), to));
            }
            ValueType::Scalar(ScalarType::Bytes) => {
                let values = column.as_binary::<i32>();
                self.variable(position, nulls, |row, to| put_bytes(values.value(row), to));
            }
            ValueType::Array(item) => {
                let list = ListWriter::new(column.as_list(), item);
                self.variable(position, nulls, |row, to| list.put(row, to));
            }
        }
    }

    fn numbers<T: Fixed>(&mut self, position: usize, column: &ArrayRef) {
        let values = column.as_primitive::<T>().values();
        self.fixed(position, column.nulls(), |row, slot| T::put(values[row], slot));
    }

    /// Lets `put` write the value of each row where it is not null; it gets what starts with the slot.
    fn fixed(&mut self, position: usize, nulls: Option<&NullBuffer>, put: impl Fn(usize, &mut [u8])) {
        for row in 0..self.used.len() {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                let (body, shape) = self.body(row);
                set_bit(body, position);
                put(row, &mut body[shape.slots[position].at..]);
            }
        }
    }

    /// Lets `put` append the value of each row where it is not null; it gets the room left and says what it used.
    fn variable(&mut self, position: usize, nulls: Option<&NullBuffer>, put: impl Fn(usize, &mut [u8]) -> usize) {
        for row in 0..self.used.len() {
            let mut used = self.used[row];
            let (body, shape) = self.body(row);
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                set_bit(body, position);
                used += put(row, &mut body[shape.rest + used as usize..]) as u32;
            }
            shape.put_end(used, &mut body[shape.slots[position].at..]);
            self.used[row] = used;
        }
    }
}

fn put_bytes(value: &[u8], to: &mut [u8]) -> usize {
    to[..value.len()].copy_from_slice(value);
    value.len()
}
