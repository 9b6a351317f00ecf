//! The event times of whole files, where these follow from the folders that the files lie in.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema, TimestampMicrosecondType};
use asof_model::ScalarType;
use asof_model::definition::TimeColumn;
use asof_transform::RowProgram;

use crate::source::hive::PartitionColumn;
use crate::source::table::OpenFile;

/// The event time of each file's rows, if it is computed from partition columns alone; null where it is null.
pub(crate) fn partition_times(
    event_time: &TimeColumn,
    files: &[OpenFile],
    columns: &[PartitionColumn],
) -> Option<Vec<Option<i64>>> {
    let TimeColumn::Expression(sql) = event_time else {
        return None;
    };
    if columns.is_empty() || files.is_empty() {
        return None;
    }
    let fields = columns
        .iter()
        .map(|column| Field::new(&column.name, column.data_type.clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let output = ("event time".to_owned(), sql.clone(), ScalarType::Timestamp.into());
    // Whatever is wrong here is said where the expression is computed for rows.
    let program = RowProgram::compile(&schema, &[output]).ok()?;
    let arrays = columns.iter().enumerate().map(|(at, column)| {
        let values = files
            .iter()
            .map(|file| column.array(file.listed.partitions[at].1.as_deref(), 1));
        let values: Vec<_> = values.collect();
        concat(
            &values
                .iter()
                .map(|value| value.as_ref() as &dyn Array)
                .collect::<Vec<_>>(),
        )
        .ok()
    });
    let batch = RecordBatch::try_new(schema, arrays.collect::<Option<Vec<_>>>()?).ok()?;
    let times = program.evaluate(&batch).ok()?;
    Some(
        times
            .first()?
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .collect(),
    )
}
