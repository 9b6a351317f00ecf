//! The values that a join key may have, against the least and the greatest value of some rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};
use asof_model::ScalarType;
use asof_model::conform::conform_key;
use parquet::basic::Type;
use parquet::bloom_filter::Sbbf;

/// With more values than this, one of them most likely is a false positive of the filter, whose rate is one percent
/// in most files, and reading the filter is for nothing.
const BLOOM_VALUES: usize = 64;

/// The values that are asked for in one join key.
#[derive(Debug, Clone)]
pub(crate) struct KeyProbe {
    pub(super) column: String,
    key: ScalarType,
    values: ArrayRef,
    /// The values in the form in which they are compared: ascending, distinct, without nulls.
    sorted: Arc<[OwnedRow]>,
}

/// The least and the greatest value of some groups of rows, each null where it is not known.
#[derive(Debug)]
pub(super) struct Ranges {
    bounds: Vec<(Option<OwnedRow>, Option<OwnedRow>)>,
}

impl KeyProbe {
    /// The values of the join key `column`, of the type `key`, in any order; nulls ask for nothing.
    ///
    /// # Errors
    /// When the values have another type.
    pub(crate) fn new(column: &str, key: ScalarType, values: &ArrayRef) -> Result<Self, ArrowError> {
        let is_value = arrow::compute::is_not_null(values)?;
        let values = filter(values, &is_value)?;
        let converter = RowConverter::new(vec![SortField::new(key.arrow())])?;
        let rows = converter.convert_columns(&[Arc::clone(&values)])?;
        let mut sorted: Vec<OwnedRow> = rows.iter().map(|row| row.owned()).collect();
        sorted.sort_unstable();
        sorted.dedup();
        Ok(Self {
            column: column.to_owned(),
            key,
            values,
            sorted: sorted.into(),
        })
    }

    /// Brings the ends of ranges to the form in which values are compared. Nothing if the column cannot be a key.
    pub(super) fn ranges(&self, mins: &ArrayRef, maxes: &ArrayRef) -> Option<Ranges> {
        let converter = RowConverter::new(vec![SortField::new(self.key.arrow())]).ok()?;
        let rows = |values: &ArrayRef| -> Option<Vec<Option<OwnedRow>>> {
            let values = conform_key(values, self.key).ok()?;
            let rows = converter.convert_columns(&[Arc::clone(&values)]).ok()?;
            let known = rows
                .iter()
                .enumerate()
                .map(|(at, row)| values.is_valid(at).then(|| row.owned()));
            Some(known.collect())
        };
        Some(Ranges {
            bounds: rows(mins)?.into_iter().zip(rows(maxes)?).collect(),
        })
    }

    /// How many of the values lie in a range.
    pub(super) fn count(&self, ranges: &Ranges, at: usize) -> usize {
        let (min, max) = &ranges.bounds[at];
        let start = min
            .as_ref()
            .map_or(0, |min| self.sorted.partition_point(|value| value < min));
        let end = max.as_ref().map_or(self.sorted.len(), |max| {
            self.sorted.partition_point(|value| value <= max)
        });
        end.saturating_sub(start)
    }

    /// Whether a filter could rule all values out.
    pub(super) fn is_worth_a_filter(&self) -> bool {
        self.sorted.len() <= BLOOM_VALUES
    }

    /// Whether a column of the physical type may have one of the values by its filter.
    pub(super) fn may_be_in(&self, filter: &Sbbf, physical: Type, logical: &DataType) -> bool {
        let (values, rows) = (&self.values, 0..self.values.len());
        // A column's filter holds its values as they are stored.
        match (self.key, physical) {
            (ScalarType::String, Type::BYTE_ARRAY) => {
                let values = values.as_string::<i32>();
                rows.into_iter().any(|row| filter.check(values.value(row)))
            }
            (ScalarType::Bytes, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY) => {
                let values = values.as_binary::<i32>();
                rows.into_iter().any(|row| filter.check(values.value(row)))
            }
            (ScalarType::Int64, Type::INT64) => values
                .as_primitive::<Int64Type>()
                .values()
                .iter()
                .any(|value| filter.check(value)),
            (ScalarType::Int64, Type::INT32) if *logical == DataType::Int32 => {
                let values = values.as_primitive::<Int64Type>().values().iter();
                values
                    .filter_map(|value| i32::try_from(*value).ok())
                    .any(|value| filter.check(&value))
            }
            (ScalarType::Int32, Type::INT32) if *logical == DataType::Int32 => values
                .as_primitive::<Int32Type>()
                .values()
                .iter()
                .any(|value| filter.check(value)),
            _ => true,
        }
    }
}
