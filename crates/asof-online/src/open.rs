//! From the settings of a repository to a store.

use std::path::Path;
use std::sync::Arc;

use asof_model::definition::{OnlineStoreConfig, RedisLayout};

use crate::{EmbeddedStore, FeastStore, OnlineError, OnlineStore, RedisStore};

/// Opens the store that a repository names, and makes it where there is none yet. Relative paths are relative to
/// `base`, the repository's folder.
///
/// # Errors
/// When the store cannot be opened; the error names it.
pub async fn open(config: &OnlineStoreConfig, base: &Path) -> Result<Arc<dyn OnlineStore>, OnlineError> {
    match config {
        OnlineStoreConfig::Embedded { path } => {
            let path = base.join(path);
            let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(&path)).await;
            let store = opened.map_err(|source| OnlineError::Task { source })??;
            Ok(Arc::new(store))
        }
        OnlineStoreConfig::Redis(config) => Ok(match config.layout {
            RedisLayout::Asof => Arc::new(RedisStore::open(config, base)?),
            RedisLayout::Feast => Arc::new(FeastStore::open(config, base)?),
        }),
    }
}
