//! Columns to keys. The type of a column is looked at once, not once per value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};

use super::{EncodedKeys, KeyError, MAX_KEY_LEN, VERSION};
use crate::ScalarType;
use crate::conform::type_name;
use crate::packed::{Fixed, Packed};

/// The byte that stands before a field of this type; `None` for floats, which are no keys.
pub(super) fn tag(key_type: ScalarType) -> Option<u8> {
    match key_type {
        ScalarType::Bool => Some(1),
        ScalarType::Int32 => Some(2),
        ScalarType::Int64 => Some(3),
        ScalarType::String => Some(4),
        ScalarType::Bytes => Some(5),
        ScalarType::Timestamp => Some(6),
        ScalarType::Float32 | ScalarType::Float64 => None,
    }
}

pub(super) fn encode(fields: &[ScalarType], columns: &[ArrayRef], rows: usize) -> Result<EncodedKeys, KeyError> {
    check(fields, columns, rows)?;
    let mut nulls: Option<NullBuffer> = None;
    for column in columns {
        nulls = NullBuffer::union(nulls.as_ref(), column.nulls());
    }
    let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));

    let mut lengths = vec![1; rows];
    for (key_type, column) in fields.iter().zip(columns) {
        add_lengths(*key_type, column, &mut lengths);
    }
    for (row, length) in lengths.iter_mut().enumerate() {
        if is_null(row) {
            *length = 0;
        } else if *length > MAX_KEY_LEN {
            return Err(KeyError::TooLong { row, length: *length });
        }
    }

    let mut writer = Writer {
        packed: Packed::zeroed(&lengths),
        written: vec![0; rows],
    };
    writer.each(|_, to| {
        to[0] = VERSION;
        1
    });
    for (position, (&key_type, column)) in fields.iter().zip(columns).enumerate() {
        writer.field(position, key_type, column)?;
    }
    Ok(EncodedKeys {
        packed: Arc::new(writer.packed),
    })
}

fn check(fields: &[ScalarType], columns: &[ArrayRef], rows: usize) -> Result<(), KeyError> {
    if fields.len() != columns.len() {
        return Err(KeyError::ColumnCount {
            expected: fields.len(),
            found: columns.len(),
        });
    }
    for (position, (&key_type, column)) in fields.iter().zip(columns).enumerate() {
        if !key_type.is_key() {
            return Err(KeyError::Float { position, key_type });
        }
        if *column.data_type() != key_type.arrow() {
            return Err(KeyError::ColumnType {
                position,
                expected: key_type,
                found: type_name(column.data_type()),
            });
        }
        if column.len() != rows {
            return Err(KeyError::ColumnLength {
                position,
                expected: rows,
                found: column.len(),
            });
        }
    }
    Ok(())
}

fn add_lengths(key_type: ScalarType, column: &ArrayRef, lengths: &mut [usize]) {
    let mut add = |width: usize| lengths.iter_mut().for_each(|length| *length += 1 + width);
    let offsets = match key_type {
        ScalarType::Bool => return add(1),
        ScalarType::Int32 => return add(4),
        ScalarType::String => column.as_string::<i32>().value_offsets(),
        ScalarType::Bytes => column.as_binary::<i32>().value_offsets(),
        _ => return add(8),
    };
    for (length, pair) in lengths.iter_mut().zip(offsets.windows(2)) {
        *length += 5 + (pair[1] - pair[0]) as usize;
    }
}

/// Keys under construction: how much of each is written already.
struct Writer {
    packed: Packed,
    written: Vec<usize>,
}

impl Writer {
    /// Lets `write` append to every key that is one; it gets the row and the room left, and says what it used.
    fn each(&mut self, mut write: impl FnMut(usize, &mut [u8]) -> usize) {
        for (row, written) in self.written.iter_mut().enumerate() {
            let key = self.packed.get_mut(row);
            if !key.is_empty() {
                *written += write(row, &mut key[*written..]);
            }
        }
    }

    fn field(&mut self, position: usize, key_type: ScalarType, column: &ArrayRef) -> Result<(), KeyError> {
        let tag = tag(key_type).ok_or(KeyError::Float { position, key_type })?;
        match key_type {
            ScalarType::Bool => {
                let values = column.as_boolean();
                self.each(|row, to| {
                    to[0] = tag;
                    to[1] = u8::from(values.value(row));
                    2
                });
            }
            ScalarType::Int32 => self.fixed::<Int32Type>(tag, column),
            ScalarType::Int64 => self.fixed::<Int64Type>(tag, column),
            ScalarType::Timestamp => self.fixed::<TimestampMicrosecondType>(tag, column),
            ScalarType::String => {
                let values = column.as_string::<i32>();
                self.each(|row, to| put_bytes(tag, values.value(row).as_bytes(), to));
            }
            ScalarType::Bytes => {
                let values = column.as_binary::<i32>();
                self.each(|row, to| put_bytes(tag, values.value(row), to));
            }
            ScalarType::Float32 | ScalarType::Float64 => return Err(KeyError::Float { position, key_type }),
        }
        Ok(())
    }

    fn fixed<T: Fixed>(&mut self, tag: u8, column: &ArrayRef) {
        let values = column.as_primitive::<T>().values();
        self.each(|row, to| {
            to[0] = tag;
            T::put(values[row], &mut to[1..]);
            1 + T::WIDTH
        });
    }
}

fn put_bytes(tag: u8, value: &[u8], to: &mut [u8]) -> usize {
    to[0] = tag;
    to[1..5].copy_from_slice(&(value.len() as u32).to_le_bytes());
    to[5..5 + value.len()].copy_from_slice(value);
    5 + value.len()
}
