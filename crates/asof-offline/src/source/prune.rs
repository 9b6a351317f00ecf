//! Row groups and pages that need not be read, by what files tell of their values: statistics, page indexes, filters,
//! and the folders that they lie in.

mod pages;
mod partition_times;
mod probe;
mod pruner;
mod statistics;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{max, min};
use arrow::datatypes::TimestampMicrosecondType;
use asof_model::ScalarType;
use asof_model::conform::conform;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

use super::table::{OpenFile, SourceTable};

pub(crate) use pages::page_locations;
pub(crate) use partition_times::partition_times;
pub(crate) use probe::KeyProbe;
pub(crate) use pruner::{Narrowed, PartRows, Pruner, Verdict, Wanted};

/// The event times that are worth reading, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeBounds {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl TimeBounds {
    /// No time at all.
    pub(crate) const EMPTY: Self = Self {
        first: i64::MAX,
        last: i64::MIN,
    };
}

impl SourceTable {
    /// The least and the greatest time in a column by the statistics of all row groups; `None` where one has none.
    pub(crate) fn time_range(&self, column: &str) -> Option<(i64, i64)> {
        let mut all: Option<(i64, i64)> = None;
        for file in self
            .files
            .iter()
            .filter(|file| file.metadata.metadata().num_row_groups() > 0)
        {
            let (mins, maxes) = ranges(file, column)?;
            if mins.null_count() > 0 || maxes.null_count() > 0 {
                return None;
            }
            let first = min(mins.as_primitive::<TimestampMicrosecondType>())?;
            let last = max(maxes.as_primitive::<TimestampMicrosecondType>())?;
            all = Some(all.map_or((first, last), |all| (all.0.min(first), all.1.max(last))));
        }
        all
    }
}

/// The least and the greatest time of each row group. Flooring to microseconds keeps their order.
fn ranges(file: &OpenFile, column: &str) -> Option<(ArrayRef, ArrayRef)> {
    let metadata = &file.metadata;
    let converter = StatisticsConverter::try_new(column, metadata.schema(), metadata.parquet_schema()).ok()?;
    let groups = metadata.metadata().row_groups();
    let times = |values: ArrayRef| conform(&values, ScalarType::Timestamp.into()).ok();
    let mins = times(converter.row_group_mins(groups).ok()?)?;
    let maxes = times(converter.row_group_maxes(groups).ok()?)?;
    Some((mins, maxes))
}

#[cfg(test)]
mod tests;
