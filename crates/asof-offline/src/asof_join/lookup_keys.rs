//! The keys of a batch, in the form in which they are looked up.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use asof_model::ScalarType;
use asof_model::key::{EncodedKeys, KeyCodec, KeyError};

/// Keys, one per row.
#[derive(Debug, Clone)]
pub(crate) enum LookupKeys {
    /// Keys that are one whole number each.
    Ints {
        values: ScalarBuffer<i64>,
        nulls: Option<NullBuffer>,
    },
    /// All others, encoded.
    Bytes(EncodedKeys),
}

/// Whether keys of these types are looked up as whole numbers.
pub(crate) fn are_ints(keys: &[ScalarType]) -> bool {
    matches!(keys, [ScalarType::Int32 | ScalarType::Int64 | ScalarType::Timestamp])
}

impl LookupKeys {
    /// Takes keys from one column per field, of the fields' types.
    pub(crate) fn new(codec: &KeyCodec, columns: &[ArrayRef], rows: usize) -> Result<Self, KeyError> {
        if !are_ints(codec.fields()) {
            return Ok(Self::Bytes(codec.encode(columns, rows)?));
        }
        let column = &columns[0];
        let values = match codec.fields()[0] {
            ScalarType::Int32 => {
                let values = column.as_primitive::<Int32Type>().values().iter();
                values.map(|value| i64::from(*value)).collect()
            }
            ScalarType::Int64 => column.as_primitive::<Int64Type>().values().clone(),
            _ => column.as_primitive::<TimestampMicrosecondType>().values().clone(),
        };
        Ok(Self::Ints {
            values,
            nulls: column.nulls().cloned(),
        })
    }
}
