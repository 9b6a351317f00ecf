//! One feature of many rows to one column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, ListArray, NullBufferBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};

use super::super::RowError;
use super::super::layout::{Layout, scalar_width};
use super::super::list::ListBytes;
use super::Body;
use crate::definition::Feature;
use crate::packed::Fixed;
use crate::{ScalarType, ValueType};

/// A feature of a layout.
pub(super) struct Column<'l> {
    layout: &'l Layout,
    position: usize,
    feature: &'l Feature,
}

/// The bytes of each value: `None` for a null.
type Values<'r> = Vec<Option<&'r [u8]>>;

impl<'l> Column<'l> {
    pub(super) fn new(layout: &'l Layout, position: usize) -> Result<Self, RowError> {
        let feature = layout.features.get(position).ok_or(RowError::NoSuchFeature {
            position,
            features: layout.features.len(),
        })?;
        Ok(Self {
            layout,
            position,
            feature,
        })
    }

    /// The column of the rows, each of which was checked when it came in.
    pub(super) fn decode(&self, rows: &[Option<Body<'_>>]) -> Result<ArrayRef, RowError> {
        match self.feature.value_type {
            ValueType::Scalar(scalar) => {
                let values = match scalar_width(scalar) {
                    Some(_) => self.slots(rows),
                    None => self.variable(rows)?,
                };
                self.scalars(scalar, &values)
            }
            ValueType::Array(item) => self.lists(item, &self.variable(rows)?),
        }
    }

    fn present<'r>(&self, row: Option<Body<'r>>) -> Option<Body<'r>> {
        row.filter(|row| row.is_present(self.position))
    }

    /// The slots, and what follows them.
    fn slots<'r>(&self, rows: &[Option<Body<'r>>]) -> Values<'r> {
        let slot = |row: &Option<Body<'r>>| {
            let row = self.present(*row)?;
            row.bytes.get(self.layout.shape(row.wide).slots[self.position].at..)
        };
        rows.iter().map(slot).collect()
    }

    fn variable<'r>(&self, rows: &[Option<Body<'r>>]) -> Result<Values<'r>, RowError> {
        let value = |row: Body<'r>| {
            let shape = self.layout.shape(row.wide);
            let slot = shape.slots[self.position];
            let start = slot.previous.map_or(Some(0), |slot| shape.end(row.bytes, slot))?;
            let end = shape.end(row.bytes, slot.at)?;
            row.bytes.get(shape.rest..)?.get(start..end)
        };
        rows.iter()
            .map(|row| {
                self.present(*row)
                    .map(|row| value(row).ok_or(RowError::Damaged("its values overlap")))
                    .transpose()
            })
            .collect()
    }

    fn wrong(&self) -> RowError {
        RowError::Value {
            feature: self.feature.name.clone(),
            expected: self.feature.value_type,
        }
    }

    /// The sum, when offsets of 32 bits can hold it.
    fn total(&self, lengths: impl Iterator<Item = usize>) -> Result<usize, RowError> {
        let total = lengths.sum();
        i32::try_from(total).map(|_| total).map_err(|_| RowError::TooMany {
            feature: self.feature.name.clone(),
        })
    }

    fn scalars(&self, scalar: ScalarType, values: &Values<'_>) -> Result<ArrayRef, RowError> {
        match scalar {
            ScalarType::Bool => {
                let mut builder = BooleanBuilder::with_capacity(values.len());
                for value in values {
                    builder.append_option(match value.map(<[u8]>::first) {
                        None => None,
                        Some(Some(0)) => Some(false),
                        Some(Some(1)) => Some(true),
                        Some(_) => return Err(self.wrong()),
                    });
                }
                Ok(Arc::new(builder.finish()))
            }
            ScalarType::Int32 => self.numbers::<Int32Type>(scalar, values),
            ScalarType::Int64 => self.numbers::<Int64Type>(scalar, values),
            ScalarType::Float32 => self.numbers::<Float32Type>(scalar, values),
            ScalarType::Float64 => self.numbers::<Float64Type>(scalar, values),
            ScalarType::Timestamp => self.numbers::<TimestampMicrosecondType>(scalar, values),
            ScalarType::String => {
                let total = self.total(values.iter().flatten().map(|value| value.len()))?;
                let mut builder = StringBuilder::with_capacity(values.len(), total);
                for value in values {
                    let text = value.map(|value| str::from_utf8(value).map_err(|_| self.wrong()));
                    builder.append_option(text.transpose()?);
                }
                Ok(Arc::new(builder.finish()))
            }
            ScalarType::Bytes => {
                let total = self.total(values.iter().flatten().map(|value| value.len()))?;
                let mut builder = BinaryBuilder::with_capacity(values.len(), total);
                for value in values {
                    builder.append_option(*value);
                }
                Ok(Arc::new(builder.finish()))
            }
        }
    }

    fn numbers<T: Fixed>(&self, scalar: ScalarType, values: &Values<'_>) -> Result<ArrayRef, RowError> {
        let mut builder = PrimitiveBuilder::<T>::with_capacity(values.len()).with_data_type(scalar.arrow());
        for value in values {
            let number = value.map(|value| T::take(value).ok_or_else(|| self.wrong()));
            builder.append_option(number.transpose()?);
        }
        Ok(Arc::new(builder.finish()))
    }

    fn lists(&self, item: ScalarType, values: &Values<'_>) -> Result<ArrayRef, RowError> {
        let lists = values
            .iter()
            .map(|value| {
                value
                    .map(|value| ListBytes::parse(value, item).ok_or_else(|| self.wrong()))
                    .transpose()
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut nulls = NullBufferBuilder::new(lists.len());
        for list in &lists {
            nulls.append(list.is_some());
        }
        let lengths = || lists.iter().map(|list| list.map_or(0, |list| list.count));
        let total = self.total(lengths())?;

        let mut items = Vec::with_capacity(total);
        for list in lists.iter().flatten() {
            for index in 0..list.count {
                items.push(if list.is_valid(index) {
                    let bytes = match scalar_width(item) {
                        Some(width) => list.fixed(index, width),
                        None => list.variable(index),
                    };
                    Some(bytes.ok_or_else(|| self.wrong())?)
                } else {
                    None
                });
            }
        }
        let items = self.scalars(item, &items)?;
        let field = Arc::new(Field::new_list_field(item.arrow(), true));
        let offsets = OffsetBuffer::from_lengths(lengths());
        let array = ListArray::try_new(field, offsets, items, nulls.finish()).map_err(|_| self.wrong())?;
        Ok(Arc::new(array))
    }
}
