//! What footers tell of the values in a row group.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, TimestampMicrosecondType};
use asof_model::ScalarType;
use asof_model::conform::conform;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::Type;

use crate::source::table::OpenFile;

/// A column of a file that is not nested, so that it has statistics for its values.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlatColumn<'a> {
    /// Its position among the leaves of the file's schema.
    pub(super) leaf: usize,
    pub(super) field: &'a Field,
    pub(super) physical: Type,
}

impl<'a> FlatColumn<'a> {
    /// The column `name` of a file, if it has it and it is not nested.
    pub(super) fn of(file: &'a OpenFile, name: &str) -> Option<Self> {
        let root = file.column(name)?;
        let schema = file.metadata.parquet_schema();
        let leaf = (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == root)?;
        let column = schema.column(leaf);
        let is_flat = column.max_rep_level() == 0 && schema.get_column_root(leaf).is_primitive();
        is_flat.then(|| Self {
            leaf,
            field: file.metadata.schema().field(root),
            physical: column.physical_type(),
        })
    }

    /// The least and the greatest value of each row group, null where they are not known.
    pub(super) fn ranges(&self, file: &OpenFile) -> Option<(ArrayRef, ArrayRef)> {
        let groups = file.metadata.metadata().row_groups();
        let is_trusted = groups.iter().all(|group| self.is_trusted(group.column(self.leaf)));
        if !is_trusted {
            return None;
        }
        let schema = file.metadata.parquet_schema();
        let converter = StatisticsConverter::from_column_index(self.leaf, self.field, schema).ok()?;
        Some((
            converter.row_group_mins(groups).ok()?,
            converter.row_group_maxes(groups).ok()?,
        ))
    }

    /// The number of nulls in each row group, where it is known.
    pub(super) fn nulls(&self, file: &OpenFile) -> Vec<Option<u64>> {
        let groups = file.metadata.metadata().row_groups().iter();
        groups
            .map(|group| group.column(self.leaf).statistics()?.null_count_opt())
            .collect()
    }

    /// Statistics of the first kind compared all values as if they were signed: they are right for nothing else.
    fn is_trusted(&self, chunk: &parquet::file::metadata::ColumnChunkMetaData) -> bool {
        use DataType as T;
        let is_signed = matches!(
            self.field.data_type(),
            T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Timestamp(_, _) | T::Date32 | T::Date64
        );
        is_signed
            || chunk
                .statistics()
                .is_none_or(|statistics| !statistics.is_min_max_deprecated())
    }
}

/// Ranges of times in microseconds, each end where it is known. Flooring to microseconds keeps the order of times.
pub(super) fn time_ranges(mins: &ArrayRef, maxes: &ArrayRef) -> Option<Vec<(Option<i64>, Option<i64>)>> {
    let times = |values: &ArrayRef| conform(values, ScalarType::Timestamp.into()).ok();
    let (mins, maxes) = (times(mins)?, times(maxes)?);
    let (mins, maxes) = (
        mins.as_primitive::<TimestampMicrosecondType>(),
        maxes.as_primitive::<TimestampMicrosecondType>(),
    );
    debug_assert_eq!(mins.len(), maxes.len());
    Some(mins.iter().zip(maxes.iter()).collect())
}
