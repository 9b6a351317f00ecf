//! Keys to values and columns. No bytes make this panic or allocate more than they hold.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};

use super::encode::tag;
use super::{EncodedKeys, KeyError, KeyValue, VERSION};
use crate::packed::{Fixed, take_u32};
use crate::{ScalarType, Timestamp};

/// The fields after the version.
fn body(key: &[u8]) -> Result<&[u8], KeyError> {
    match key.split_first() {
        None => Err(KeyError::Truncated { position: 0 }),
        Some((&VERSION, body)) => Ok(body),
        Some((&version, _)) => Err(KeyError::Version(version)),
    }
}

fn end(rest: &[u8]) -> Result<(), KeyError> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(KeyError::Trailing(rest.len()))
    }
}

/// Splits off the payload of the field that comes next.
fn field<'a>(position: usize, key_type: ScalarType, rest: &mut &'a [u8]) -> Result<&'a [u8], KeyError> {
    let truncated = KeyError::Truncated { position };
    let tag = tag(key_type).ok_or(KeyError::Float { position, key_type })?;
    let (&found, after) = rest.split_first().ok_or(truncated.clone())?;
    if found != tag {
        return Err(KeyError::Field {
            position,
            expected: key_type,
        });
    }
    let (width, after) = match key_type {
        ScalarType::Bool => (1, after),
        ScalarType::Int32 => (4, after),
        ScalarType::String | ScalarType::Bytes => {
            let length = take_u32(after).ok_or(truncated.clone())?;
            (length, &after[4..])
        }
        _ => (8, after),
    };
    let (payload, after) = after.split_at_checked(width).ok_or(truncated)?;
    *rest = after;
    Ok(payload)
}

fn bool_value(payload: &[u8]) -> Option<bool> {
    match payload {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

pub(super) fn decode(fields: &[ScalarType], key: &[u8]) -> Result<Vec<KeyValue>, KeyError> {
    let mut rest = body(key)?;
    let mut values = Vec::with_capacity(fields.len());
    for (position, &key_type) in fields.iter().enumerate() {
        let payload = field(position, key_type, &mut rest)?;
        let value = match key_type {
            ScalarType::Bool => bool_value(payload).map(KeyValue::Bool),
            ScalarType::Int32 => Int32Type::take(payload).map(KeyValue::Int32),
            ScalarType::Int64 => Int64Type::take(payload).map(KeyValue::Int64),
            ScalarType::Timestamp => TimestampMicrosecondType::take(payload)
                .map(|micros| KeyValue::Timestamp(Timestamp::from_micros(micros))),
            ScalarType::String => str::from_utf8(payload)
                .ok()
                .map(|text| KeyValue::String(text.to_owned())),
            ScalarType::Bytes => Some(KeyValue::Bytes(payload.to_vec())),
            ScalarType::Float32 | ScalarType::Float64 => None,
        };
        values.push(value.ok_or(KeyError::Field {
            position,
            expected: key_type,
        })?);
    }
    end(rest)?;
    Ok(values)
}

pub(super) fn decode_columns(fields: &[ScalarType], keys: &EncodedKeys) -> Result<Vec<ArrayRef>, KeyError> {
    let mut rests = keys
        .iter()
        .map(|key| key.map(body).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let columns = fields
        .iter()
        .enumerate()
        .map(|(position, &key_type)| column(position, key_type, &mut rests))
        .collect::<Result<Vec<_>, _>>()?;
    rests.into_iter().flatten().try_for_each(end)?;
    Ok(columns)
}

fn column(position: usize, key_type: ScalarType, rests: &mut [Option<&[u8]>]) -> Result<ArrayRef, KeyError> {
    let payloads = rests
        .iter_mut()
        .map(|rest| rest.as_mut().map(|rest| field(position, key_type, rest)).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let wrong = KeyError::Field {
        position,
        expected: key_type,
    };
    match key_type {
        ScalarType::Bool => {
            let mut builder = BooleanBuilder::with_capacity(payloads.len());
            for payload in payloads {
                builder.append_option(
                    payload
                        .map(|payload| bool_value(payload).ok_or(wrong.clone()))
                        .transpose()?,
                );
            }
            Ok(Arc::new(builder.finish()))
        }
        ScalarType::Int32 => numbers::<Int32Type>(key_type, &payloads, &wrong),
        ScalarType::Int64 => numbers::<Int64Type>(key_type, &payloads, &wrong),
        ScalarType::Timestamp => numbers::<TimestampMicrosecondType>(key_type, &payloads, &wrong),
        ScalarType::String => {
            let mut builder = StringBuilder::with_capacity(payloads.len(), total(&payloads)?);
            for payload in payloads {
                let text = payload.map(|payload| str::from_utf8(payload).map_err(|_| wrong.clone()));
                builder.append_option(text.transpose()?);
            }
            Ok(Arc::new(builder.finish()))
        }
        ScalarType::Bytes => {
            let mut builder = BinaryBuilder::with_capacity(payloads.len(), total(&payloads)?);
            for payload in payloads {
                builder.append_option(payload);
            }
            Ok(Arc::new(builder.finish()))
        }
        ScalarType::Float32 | ScalarType::Float64 => Err(KeyError::Float { position, key_type }),
    }
}

fn numbers<T: Fixed>(key_type: ScalarType, payloads: &[Option<&[u8]>], wrong: &KeyError) -> Result<ArrayRef, KeyError> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(payloads.len()).with_data_type(key_type.arrow());
    for payload in payloads {
        let value = payload.map(|payload| T::take(payload).ok_or(wrong.clone()));
        builder.append_option(value.transpose()?);
    }
    Ok(Arc::new(builder.finish()))
}

/// Bytes of all payloads together, when offsets of 32 bits can hold them.
fn total(payloads: &[Option<&[u8]>]) -> Result<usize, KeyError> {
    let total = payloads.iter().flatten().map(|payload| payload.len()).sum();
    i32::try_from(total).map(|_| total).map_err(|_| KeyError::TooMany)
}
