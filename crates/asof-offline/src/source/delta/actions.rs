//! What the entries of a log do to the state of a table.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

/// The state of a table after some of its log.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) protocol: Option<Protocol>,
    pub(super) metadata: Option<Metadata>,
    /// By path as it stands in the log, and the name of the deletion vector.
    pub(super) files: BTreeMap<(String, Option<String>), Added>,
}

/// What a reader must be able to do.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub(super) min_reader_version: u32,
    #[serde(default)]
    pub(super) reader_features: Option<Vec<String>>,
}

/// What the table is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) schema_string: String,
    #[serde(default)]
    pub(super) partition_columns: Vec<String>,
    #[serde(default)]
    pub(super) configuration: HashMap<String, String>,
}

/// A file of the table.
#[derive(Debug)]
pub(super) struct Added {
    pub(super) size: u64,
    pub(super) partition_values: HashMap<String, Option<String>>,
}

/// A line of a commit. What is not named here does not matter to readers.
#[derive(Debug, Deserialize)]
struct Line {
    protocol: Option<Protocol>,
    #[serde(rename = "metaData")]
    metadata: Option<Metadata>,
    add: Option<Add>,
    remove: Option<Remove>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Add {
    path: String,
    size: u64,
    #[serde(default)]
    partition_values: HashMap<String, Option<String>>,
    deletion_vector: Option<DeletionVector>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remove {
    path: String,
    deletion_vector: Option<DeletionVector>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletionVector {
    storage_type: String,
    path_or_inline_dv: String,
    offset: Option<i64>,
}

impl DeletionVector {
    /// The name that tells it apart from others of the same file.
    fn name(self) -> String {
        format!(
            "{}{}@{}",
            self.storage_type,
            self.path_or_inline_dv,
            self.offset.unwrap_or_default()
        )
    }
}

impl State {
    /// Takes in the lines of a commit.
    pub(super) fn apply_lines(&mut self, bytes: &[u8]) -> Result<(), String> {
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_slice(line).map_err(|error| format!("line {}: {error}", at + 1))?;
            self.protocol = line.protocol.or(self.protocol.take());
            self.metadata = line.metadata.or(self.metadata.take());
            if let Some(remove) = line.remove {
                self.files
                    .remove(&(remove.path, remove.deletion_vector.map(DeletionVector::name)));
            }
            if let Some(add) = line.add {
                let added = Added {
                    size: add.size,
                    partition_values: add.partition_values,
                };
                self.files
                    .insert((add.path, add.deletion_vector.map(DeletionVector::name)), added);
            }
        }
        Ok(())
    }
}
