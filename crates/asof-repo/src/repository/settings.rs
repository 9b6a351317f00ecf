//! The settings of `feature_store.yaml`, from their tree.

use std::collections::BTreeMap;

use asof_model::definition::{OnlineStoreConfig, StoreConfig};

use crate::rules::setting::expand;
use crate::yaml::Node;

const REGISTRY: &str = ".asof/registry";
const ONLINE: &str = ".asof/online";

/// Folders that are not searched.
pub(super) fn exclude(settings: &Node) -> Vec<String> {
    let folders = settings.get("exclude").map(Node::list).unwrap_or_default();
    folders.iter().filter_map(Node::text).map(ToOwned::to_owned).collect()
}

/// The settings; `None` where their form is wrong, which has been reported.
pub(super) fn store(settings: &Node, env: &BTreeMap<String, String>) -> Option<StoreConfig> {
    let online_path = settings.get("online_store").and_then(|online| online.get("path"));
    Some(StoreConfig {
        project: settings.get("project")?.text()?.parse().ok()?,
        registry: value(settings.get("registry"), REGISTRY, env)?,
        online_store: OnlineStoreConfig::Embedded {
            path: value(online_path, ONLINE, env)?,
        },
        storage: storage(settings, env)?,
        exclude: exclude(settings),
    })
}

fn value(node: Option<&Node>, default: &str, env: &BTreeMap<String, String>) -> Option<String> {
    match node {
        Some(node) => expand(node.text()?, env).ok(),
        None => Some(default.to_owned()),
    }
}

fn storage(settings: &Node, env: &BTreeMap<String, String>) -> Option<BTreeMap<String, BTreeMap<String, String>>> {
    let storage = settings.get("offline_store").and_then(|offline| offline.get("storage"));
    let prefixes = storage.map(Node::entries).unwrap_or_default().iter();
    let options = |node: &Node| {
        let entries = node.entries().iter();
        entries
            .map(|entry| Some((entry.key.value.clone(), expand(entry.value.text()?, env).ok()?)))
            .collect::<Option<_>>()
    };
    prefixes
        .map(|prefix| Some((prefix.key.value.clone(), options(&prefix.value)?)))
        .collect()
}
