//! From Asof's entity keys to the keys of Feast's hashes.

use asof_model::definition::JoinKey;
use asof_model::key::{KeyCodec, KeyValue};
use asof_model::{ColumnName, ProjectName, ScalarType, ViewName};
use asof_proto::feast::types::value_type::Enum as FeastType;

use super::FeastProblem;

/// The join key of views without entities.
const NO_ENTITY: &str = "__dummy_id";
const MICROS: i64 = 1_000_000;

/// Turns the keys of one view.
#[derive(Debug)]
pub(super) struct Keys {
    view: ViewName,
    project: ProjectName,
    codec: KeyCodec,
    names: Vec<ColumnName>,
    /// The places of the join keys, in the order of their names.
    order: Vec<usize>,
    /// What every key begins with: how many join keys there are, and their names.
    head: Vec<u8>,
}

impl Keys {
    pub(super) fn new(project: &ProjectName, view: &ViewName, join_keys: &[JoinKey]) -> Self {
        let names: Vec<ColumnName> = join_keys.iter().map(|key| key.name.clone()).collect();
        let types: Vec<ScalarType> = join_keys.iter().map(|key| key.key_type).collect();
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by(|a, b| names[*a].cmp(&names[*b]));
        let mut sorted: Vec<&str> = order.iter().map(|at| names[*at].as_str()).collect();
        if sorted.is_empty() {
            sorted.push(NO_ENTITY);
        }
        let mut head = (sorted.len() as u32).to_le_bytes().to_vec();
        for name in sorted {
            put(&mut head, FeastType::String, name.as_bytes());
        }
        Self {
            view: view.clone(),
            project: project.clone(),
            codec: KeyCodec::new(&types),
            names,
            order,
            head,
        }
    }

    /// The key of the hash of the entity that `key` names. `None`: Feast's keys cannot name it, since they have whole
    /// seconds only.
    ///
    /// # Errors
    /// When the bytes are no key of the view, or it has a join key of a type that Feast's keys do not have.
    pub(super) fn hash_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, FeastProblem> {
        let values = self.codec.decode(key).map_err(|source| FeastProblem::Key {
            view: self.view.clone(),
            source,
        })?;
        let mut bytes = Vec::with_capacity(self.head.len() + key.len() + 8 * values.len() + 64);
        bytes.extend_from_slice(&self.head);
        for at in &self.order {
            match &values[*at] {
                KeyValue::Int32(value) => put(&mut bytes, FeastType::Int32, &value.to_le_bytes()),
                KeyValue::Int64(value) => put(&mut bytes, FeastType::Int64, &value.to_le_bytes()),
                KeyValue::String(value) => put(&mut bytes, FeastType::String, value.as_bytes()),
                KeyValue::Bytes(value) => put(&mut bytes, FeastType::Bytes, value),
                KeyValue::Timestamp(value) => {
                    if value.micros() % MICROS != 0 {
                        return Ok(None);
                    }
                    let seconds = value.micros() / MICROS;
                    put(&mut bytes, FeastType::UnixTimestamp, &seconds.to_le_bytes());
                }
                KeyValue::Bool(_) => {
                    return Err(FeastProblem::KeyType {
                        view: self.view.clone(),
                        key: self.names[*at].clone(),
                    });
                }
            }
        }
        if self.order.is_empty() {
            put(&mut bytes, FeastType::String, b"");
        }
        bytes.extend_from_slice(self.project.as_str().as_bytes());
        Ok(Some(bytes))
    }
}

/// A type, a length, and so many bytes. Keys and names are far shorter than 4 GiB.
fn put(to: &mut Vec<u8>, value_type: FeastType, bytes: &[u8]) {
    to.extend_from_slice(&(value_type as u32).to_le_bytes());
    to.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
