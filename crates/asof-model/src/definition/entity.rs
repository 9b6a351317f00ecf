//! Entities: the things that features describe, and the columns that name one of them.

use std::collections::BTreeMap;

use super::Metadata;
use crate::{ColumnName, EntityName, ScalarType};

/// A column that names an entity in sources, spines and requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JoinKey {
    /// The column's name.
    pub name: ColumnName,
    /// Its type; never a float.
    pub key_type: ScalarType,
}

/// A kind of thing that features describe.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// The entity's name.
    pub name: EntityName,
    /// The columns that name one of its kind; at least one.
    pub join_keys: Vec<JoinKey>,
    /// Description, owner and tags of those join keys that have any. They are no part of the key itself: two keys of
    /// one name and type are the same key, whatever is written about them.
    pub key_metadata: BTreeMap<ColumnName, Metadata>,
    /// Description, owner and tags.
    pub metadata: Metadata,
}
