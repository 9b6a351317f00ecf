//! Where a repository keeps its state: the settings of `feature_store.yaml` beside the definitions.

mod redis;

use std::collections::BTreeMap;
use std::fmt;

pub use redis::{ReadFrom, RedisAddress, RedisConfig, RedisLayout, RedisTls, RedisTopology};

use crate::ProjectName;

/// Where feature rows live for serving. It is shown as the place that it names, without secrets: a folder, or
/// `redis://host:6379/0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnlineStoreConfig {
    /// A folder on this machine, as written; relative paths are relative to the repository.
    Embedded {
        /// The folder.
        path: String,
    },
    /// One or more servers of Redis.
    Redis(Box<RedisConfig>),
}

impl fmt::Display for OnlineStoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { path } => f.pad(path),
            Self::Redis(config) => config.fmt(f),
        }
    }
}

/// The settings of `feature_store.yaml`. They say where things are, never what a feature means. Shown by
/// [`Debug`](fmt::Debug), the options of object stores have their names and not their values.
#[derive(Clone, PartialEq, Eq)]
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

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Taken apart by name, so that another setting cannot be forgotten here.
        let Self {
            project,
            registry,
            online_store,
            storage,
            exclude,
        } = self;
        f.debug_struct("StoreConfig")
            .field("project", project)
            .field("registry", registry)
            .field("online_store", online_store)
            .field("storage", &Names(storage))
            .field("exclude", exclude)
            .finish()
    }
}

/// Options of object stores, shown without their values: which of them are access keys is for the store to know.
struct Names<'a>(&'a BTreeMap<String, BTreeMap<String, String>>);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |options: &BTreeMap<String, String>| options.keys().cloned().collect::<Vec<_>>();
        let prefixes = self.0.iter().map(|(prefix, options)| (prefix, names(options)));
        f.debug_map().entries(prefixes).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn settings_are_shown_without_their_secrets() {
        let mut redis = RedisConfig::new(vec![RedisAddress::server("cache", 6379)]);
        redis.username = Some("asof".to_owned());
        redis.password = Some(Secret::new("hunter2"));
        let options = BTreeMap::from([("aws_secret_access_key".to_owned(), "s3cret".to_owned())]);
        let store = StoreConfig {
            project: ProjectName::try_new("flights").expect("a name"),
            registry: ".asof/registry".to_owned(),
            online_store: OnlineStoreConfig::Redis(Box::new(redis)),
            storage: BTreeMap::from([("s3://lake/".to_owned(), options)]),
            exclude: vec!["scratch".to_owned()],
        };
        for shown in [
            format!("{store:?}"),
            format!("{store:#?}"),
            store.online_store.to_string(),
        ] {
            assert!(!shown.contains("s3cret") && !shown.contains("hunter2"), "{shown}");
        }
        let shown = format!("{store:?}");
        for known in [
            "flights",
            ".asof/registry",
            "cache",
            "s3://lake/",
            "aws_secret_access_key",
            "scratch",
        ] {
            assert!(shown.contains(known), "{known}: {shown}");
        }
    }
}
