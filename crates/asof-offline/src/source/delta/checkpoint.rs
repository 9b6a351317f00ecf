//! Checkpoints: the state of a table at some version, as a Parquet file with a column per kind of action.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{Int32Type, Int64Type};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::actions::{Added, Metadata, Protocol, State};

/// The columns that matter. Of what was removed a checkpoint only keeps the names.
const COLUMNS: [&str; 4] = ["add", "metaData", "protocol", "sidecar"];

/// Takes in a checkpoint, or a part of one.
pub(super) fn apply(state: &mut State, bytes: Bytes) -> Result<(), String> {
    // Without the types of whoever wrote it, texts are of one kind.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options);
    let builder = builder.map_err(|error| error.to_string())?;
    let fields = builder.schema().fields().iter().enumerate();
    let roots: Vec<usize> = fields
        .filter(|(_, field)| COLUMNS.contains(&field.name().as_str()))
        .map(|(at, _)| at)
        .collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let batches = builder
        .with_projection(mask)
        .build()
        .map_err(|error| error.to_string())?;
    for batch in batches {
        let batch = batch.map_err(|error| error.to_string())?;
        if let Some(sidecars) = action(&batch, "sidecar")?
            && sidecars.null_count() < sidecars.len()
        {
            return Err("it keeps its files in other files (sidecars), which is not read yet".to_owned());
        }
        for (row, protocol) in rows(action(&batch, "protocol")?) {
            state.protocol = Some(self::protocol(protocol, row)?);
        }
        for (row, metadata) in rows(action(&batch, "metaData")?) {
            state.metadata = Some(self::metadata(metadata, row)?);
        }
        for (row, add) in rows(action(&batch, "add")?) {
            let deleted = optional(add, "deletionVector").map(AsArray::as_struct);
            let deleted = deleted.filter(|deleted| deleted.is_valid(row));
            let deleted = deleted.map(|deleted| deletion_vector(deleted, row)).transpose()?;
            let size = child(add, "size")?.as_primitive_opt::<Int64Type>();
            let added = Added {
                size: u64::try_from(size.ok_or("`add.size` is no number")?.value(row)).unwrap_or_default(),
                partition_values: map(child(add, "partitionValues")?, row)?,
            };
            state.files.insert((text(add, "path", row)?, deleted), added);
        }
    }
    Ok(())
}

/// The column of a kind of action.
fn action<'a>(batch: &'a RecordBatch, name: &str) -> Result<Option<&'a StructArray>, String> {
    let Some(column) = batch.column_by_name(name) else {
        return Ok(None);
    };
    Ok(Some(
        column.as_struct_opt().ok_or_else(|| format!("`{name}` is no struct"))?,
    ))
}

/// The rows that have an action.
fn rows(actions: Option<&StructArray>) -> impl Iterator<Item = (usize, &StructArray)> {
    let actions = actions.into_iter();
    actions.flat_map(|actions| {
        (0..actions.len())
            .filter(|row| actions.is_valid(*row))
            .map(move |row| (row, actions))
    })
}

fn optional<'a>(parent: &'a StructArray, name: &str) -> Option<&'a dyn Array> {
    parent.column_by_name(name).map(AsRef::as_ref)
}

fn child<'a>(parent: &'a StructArray, name: &str) -> Result<&'a dyn Array, String> {
    optional(parent, name).ok_or_else(|| format!("it lacks `{name}`"))
}

fn texts<'a>(array: &'a dyn Array, name: &str) -> Result<&'a StringArray, String> {
    array.as_string_opt().ok_or_else(|| format!("`{name}` is no text"))
}

fn text(parent: &StructArray, name: &str, row: usize) -> Result<String, String> {
    Ok(texts(child(parent, name)?, name)?.value(row).to_owned())
}

/// A list of texts; nothing if it is null.
fn list(parent: &StructArray, name: &str, row: usize) -> Result<Option<Vec<String>>, String> {
    let Some(lists) = optional(parent, name).filter(|lists| lists.is_valid(row)) else {
        return Ok(None);
    };
    let items = lists
        .as_list_opt::<i32>()
        .ok_or_else(|| format!("`{name}` is no list"))?
        .value(row);
    Ok(Some(texts(&items, name)?.iter().flatten().map(str::to_owned).collect()))
}

/// A map of texts; empty if it is null.
fn map(array: &dyn Array, row: usize) -> Result<HashMap<String, Option<String>>, String> {
    let maps = array.as_map_opt().ok_or("a map is expected")?;
    if maps.is_null(row) {
        return Ok(HashMap::new());
    }
    let entries = maps.value(row);
    let (keys, values) = (texts(entries.column(0), "key")?, texts(entries.column(1), "value")?);
    let entries = keys.iter().zip(values.iter());
    Ok(entries
        .filter_map(|(key, value)| Some((key?.to_owned(), value.map(str::to_owned))))
        .collect())
}

fn protocol(protocol: &StructArray, row: usize) -> Result<Protocol, String> {
    let version = child(protocol, "minReaderVersion")?.as_primitive_opt::<Int32Type>();
    let version = version.ok_or("`minReaderVersion` is no number")?.value(row);
    Ok(Protocol {
        min_reader_version: version.unsigned_abs(),
        reader_features: list(protocol, "readerFeatures", row)?,
    })
}

fn metadata(metadata: &StructArray, row: usize) -> Result<Metadata, String> {
    let configuration = match optional(metadata, "configuration") {
        Some(configuration) => map(configuration, row)?,
        None => HashMap::new(),
    };
    Ok(Metadata {
        schema_string: text(metadata, "schemaString", row)?,
        partition_columns: list(metadata, "partitionColumns", row)?.unwrap_or_default(),
        configuration: configuration
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect(),
    })
}

/// The name of a deletion vector; see [`State::files`].
fn deletion_vector(deleted: &StructArray, row: usize) -> Result<String, String> {
    let offset = optional(deleted, "offset").filter(|offset| offset.is_valid(row));
    let offset = offset
        .and_then(|offset| offset.as_primitive_opt::<Int32Type>())
        .map_or(0, |offset| offset.value(row));
    let (kind, place) = (
        text(deleted, "storageType", row)?,
        text(deleted, "pathOrInlineDv", row)?,
    );
    Ok(format!("{kind}{place}@{offset}"))
}
