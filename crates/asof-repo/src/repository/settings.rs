//! The settings of `feature_store.yaml`, from their tree.

use std::collections::BTreeMap;

use asof_model::TimeSpan;
use asof_model::definition::{
    OnlineStoreConfig, ReadFrom, RedisConfig, RedisLayout, RedisTls, RedisTopology, StoreConfig,
};

use crate::connection;
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
    Some(StoreConfig {
        project: settings.get("project")?.text()?.parse().ok()?,
        registry: value(settings.get("registry"), REGISTRY, env)?,
        online_store: online_store(settings.get("online_store"), env)?,
        storage: storage(settings, env)?,
        exclude: exclude(settings),
    })
}

fn online_store(online: Option<&Node>, env: &BTreeMap<String, String>) -> Option<OnlineStoreConfig> {
    match online {
        Some(online) if word(online, "type") == Some("redis") => {
            redis(online, env).map(Box::new).map(OnlineStoreConfig::Redis)
        }
        _ => Some(OnlineStoreConfig::Embedded {
            path: value(online.and_then(|online| online.get("path")), ONLINE, env)?,
        }),
    }
}

/// That its parts fit together is what [`rules::redis`](crate::rules::redis) has looked at.
fn redis(online: &Node, env: &BTreeMap<String, String>) -> Option<RedisConfig> {
    let connection = connection::parse(word(online, "connection_string")?, env).ok()?;
    let usual = RedisConfig::new(connection.addresses);
    Some(RedisConfig {
        username: connection.username,
        password: connection.password,
        database: connection.database,
        tls: connection.tls.then(|| tls(online.get("tls"), env)),
        topology: match word(online, "redis_type") {
            Some("redis_cluster") => RedisTopology::Cluster,
            Some("redis_sentinel") => RedisTopology::Sentinel {
                master: expand(word(online, "sentinel_master")?, env).ok()?,
            },
            _ => RedisTopology::Single,
        },
        timeout: span(online.get("timeout"), usual.timeout)?,
        connect_timeout: span(online.get("connect_timeout"), usual.connect_timeout)?,
        expiry_grace: span(online.get("expiry_grace"), usual.expiry_grace)?,
        read_from: match word(online, "read_from") {
            Some("replica") => ReadFrom::Replica,
            _ => usual.read_from,
        },
        layout: match word(online, "layout") {
            Some("feast") => RedisLayout::Feast,
            _ => usual.layout,
        },
        ..usual
    })
}

fn tls(tls: Option<&Node>, env: &BTreeMap<String, String>) -> RedisTls {
    let path = |key: &str| optional(tls?.get(key), env);
    RedisTls {
        ca_cert: path("ca_cert"),
        client_cert: path("client_cert"),
        client_key: path("client_key"),
    }
}

fn word<'n>(online: &'n Node, key: &str) -> Option<&'n str> {
    online.get(key)?.text()
}

fn span(node: Option<&Node>, default: TimeSpan) -> Option<TimeSpan> {
    match node {
        Some(node) => node.text()?.parse().ok(),
        None => Some(default),
    }
}

/// What has been left out, or is wrong, which has been reported, is `None`.
fn optional(node: Option<&Node>, env: &BTreeMap<String, String>) -> Option<String> {
    expand(node?.text()?, env).ok()
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
