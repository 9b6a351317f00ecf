//! The store in Redis, on real servers of every kind.

mod conforms;

use std::path::Path;
use std::sync::Arc;

use asof_model::definition::{RedisAddress, RedisConfig};
use asof_online::{OnlineError, OnlineStore, RedisStore};
use asof_testkit::RedisServer;

/// The settings for servers at these addresses, `host:port` each.
fn at<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> RedisConfig {
    let address = |text: A| {
        let (host, port) = text.as_ref().rsplit_once(':').unwrap();
        RedisAddress::server(host, port.parse().unwrap())
    };
    RedisConfig::new(addresses.into_iter().map(address).collect())
}

fn of(server: &RedisServer) -> RedisConfig {
    at([server.address()])
}

fn open(config: &RedisConfig) -> Result<Arc<dyn OnlineStore>, OnlineError> {
    Ok(Arc::new(RedisStore::open(config, Path::new("/"))?))
}
