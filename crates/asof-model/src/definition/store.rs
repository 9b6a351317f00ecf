//! Where a repository keeps its state: the settings of `feature_store.yaml` beside the definitions.

use std::collections::BTreeMap;

use crate::ProjectName;

/// Where feature rows live for serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnlineStoreConfig {
    /// A folder on this machine, as written; relative paths are relative to the repository.
    Embedded {
        /// The folder.
        path: String,
    },
}

/// The settings of `feature_store.yaml`. They say where things are, never what a feature means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The project's name.
    pub project: ProjectName,
    /// The registry's folder or object-store URL, as written.
    pub registry: String,
    /// The online store.
    pub online_store: OnlineStoreConfig,
    /// Object-store options by URL prefix, `${ENV}` already replaced.
    pub storage: BTreeMap<String, BTreeMap<String, String>>,
    /// Folder names that are not searched for definitions.
    pub exclude: Vec<String>,
}
