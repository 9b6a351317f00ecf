//! Delta Lake tables: which files a table consists of now, by its log.
//!
//! ```text
//! _delta_log/00000000000000000010.checkpoint.parquet     all files of version 10
//! _delta_log/00000000000000000011.json                   what version 11 added and removed
//! ```
//!
//! Only what is known to be read right is read: a table that asks its readers for anything else is refused. The crates
//! `deltalake` and `delta_kernel` read more, but bring along a second HTTP client and features of Arrow that make
//! everything built on it larger; of all they do, a source needs only the list of files.

mod actions;
mod checkpoint;
mod log;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::DataType;
use asof_model::ScalarType;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use self::actions::{Metadata, Protocol, State};
use self::log::Log;
use super::hive::{PartitionColumn, Partitions, percent_decode};

/// The folder of a table's log.
pub(super) const LOG: &str = "_delta_log/";

/// The features that a table may ask of its readers. For some there is more to check; see [`check`].
const READER_FEATURES: [&str; 6] = [
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "typeWidening",
    "v2Checkpoint",
    "vacuumProtocolCheck",
];

/// The files of a table's latest version.
#[derive(Debug)]
pub(super) struct DeltaTable {
    pub(super) files: Vec<(ObjectMeta, Partitions)>,
    /// The columns that stand in the log instead of in the files.
    pub(super) partition_columns: Vec<PartitionColumn>,
}

/// Reads the log of the table whose folder has the objects `listed`, by their paths in it.
///
/// # Errors
/// What is in the way, as the rest of a sentence.
pub(super) async fn read(store: &Arc<dyn ObjectStore>, listed: &[(String, ObjectMeta)]) -> Result<DeltaTable, String> {
    let log = Log::of(listed)?;
    let mut state = State::default();
    for file in &log.checkpoint {
        checkpoint::apply(&mut state, get(store, file).await?).map_err(|problem| of_file(file, &problem))?;
    }
    for file in &log.commits {
        let bytes = get(store, file).await?;
        state.apply_lines(&bytes).map_err(|problem| of_file(file, &problem))?;
    }
    let protocol = state.protocol.as_ref().ok_or("its log has no protocol")?;
    let metadata = state.metadata.as_ref().ok_or("its log has no metadata")?;
    check(protocol, metadata)?;
    let partition_columns = partition_columns(metadata)?;
    let known: HashMap<&str, &ObjectMeta> = listed.iter().map(|(path, meta)| (path.as_str(), meta)).collect();
    let mut files = Vec::with_capacity(state.files.len());
    for ((path, deleted), added) in &state.files {
        if deleted.is_some() {
            return Err(format!(
                "rows of `{path}` are marked as deleted (a deletion vector), which is not read yet; \
                 rewrite such files with `REORG TABLE … APPLY (PURGE)`"
            ));
        }
        let path = percent_decode(path);
        let meta = known
            .get(path.as_str())
            .ok_or_else(|| format!("its file `{path}` is not in its folder"))?;
        if meta.size != added.size {
            return Err(format!(
                "its file `{path}` has {} bytes, by its log {}",
                meta.size, added.size
            ));
        }
        files.push((
            (*meta).clone(),
            partitions(&path, &added.partition_values, &partition_columns)?,
        ));
    }
    Ok(DeltaTable {
        files,
        partition_columns,
    })
}

async fn get(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<bytes::Bytes, String> {
    let read = async { store.get(&file.location).await?.bytes().await };
    read.await.map_err(|error| of_file(file, &error.to_string()))
}

fn of_file(file: &ObjectMeta, problem: &str) -> String {
    format!(
        "`{}` of its log: {problem}",
        file.location.filename().unwrap_or_default()
    )
}

/// Refuses what a reader must know of and we do not.
fn check(protocol: &Protocol, metadata: &Metadata) -> Result<(), String> {
    let unknown = protocol.reader_features.iter().flatten();
    let unknown: Vec<&str> = unknown
        .map(String::as_str)
        .filter(|feature| !READER_FEATURES.contains(feature))
        .collect();
    if protocol.min_reader_version > 3 || !unknown.is_empty() {
        return Err(format!(
            "it asks for a reader of version {} with {}, which is not read yet",
            protocol.min_reader_version,
            if unknown.is_empty() {
                "unknown features".to_owned()
            } else {
                unknown.join(", ")
            }
        ));
    }
    match metadata
        .configuration
        .get("delta.columnMapping.mode")
        .map(String::as_str)
    {
        None | Some("none") => Ok(()),
        Some(mode) => Err(format!("its columns are mapped by {mode}, which is not read yet")),
    }
}

/// The partition columns with their types by the table's schema.
fn partition_columns(metadata: &Metadata) -> Result<Vec<PartitionColumn>, String> {
    let schema: serde_json::Value =
        serde_json::from_str(&metadata.schema_string).map_err(|error| format!("its schema is no JSON: {error}"))?;
    let fields = schema["fields"].as_array().ok_or("its schema has no fields")?;
    let column = |name: &String| {
        let field = fields.iter().find(|field| field["name"].as_str() == Some(name));
        let field = field.ok_or_else(|| format!("its schema lacks the partition column `{name}`"))?;
        let data_type = match field["type"].as_str() {
            Some("byte" | "short" | "integer" | "long") => DataType::Int64,
            Some("float" | "double") => DataType::Float64,
            Some("boolean") => DataType::Boolean,
            Some("date") => DataType::Date32,
            Some("timestamp" | "timestamp_ntz") => ScalarType::Timestamp.arrow(),
            _ => DataType::Utf8,
        };
        Ok(PartitionColumn {
            name: name.clone(),
            data_type,
        })
    };
    metadata.partition_columns.iter().map(column).collect()
}

/// The values of the partition columns for one file.
fn partitions(
    path: &str,
    values: &HashMap<String, Option<String>>,
    columns: &[PartitionColumn],
) -> Result<Partitions, String> {
    let value = |column: &PartitionColumn| {
        // An empty text stands for null, whatever the type.
        let value = values
            .get(&column.name)
            .cloned()
            .flatten()
            .filter(|value| !value.is_empty());
        if value.is_some() && column.array(value.as_deref(), 1).is_null(0) {
            let value = value.unwrap_or_default();
            return Err(format!(
                "`{value}` is no value of its partition column `{}`, for `{path}`",
                column.name
            ));
        }
        Ok((column.name.clone(), value))
    };
    columns.iter().map(value).collect()
}

#[cfg(test)]
mod tests;
