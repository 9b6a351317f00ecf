//! The conformance suite on every kind of Redis.

use asof_model::Secret;
use asof_model::definition::{ReadFrom, RedisAddress, RedisConfig, RedisTls, RedisTopology};
use asof_online::conformance;
use asof_testkit::{Certificates, RedisCluster, RedisOptions, RedisSentinel, RedisServer};

use super::{at, of, open};

async fn check(config: &RedisConfig) {
    let outcome = conformance::check_all(async || open(config)).await;
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

/// What the store says of its servers.
async fn server(config: &RedisConfig) -> String {
    let facts = open(config).unwrap().describe().await.unwrap();
    facts[0].found.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_conforms() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    check(&of(&server)).await;
    // Once more, on what the first run left.
    check(&of(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_database_over_a_socket_conforms() {
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    let socket = server.unix_url();
    let mut config = RedisConfig::new(vec![RedisAddress::socket(socket.strip_prefix("unix://").unwrap())]);
    config.database = 3;
    check(&config).await;
    assert_eq!(server.cli(&["DBSIZE"]).unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_certificates_conforms() {
    let certificates = Certificates::create().unwrap();
    let server = RedisServer::start(RedisOptions::new().tls(&certificates)).unwrap();
    let path = |path: std::path::PathBuf| Some(path.to_str().unwrap().to_owned());
    let mut config = of(&server);
    config.tls = Some(RedisTls {
        ca_cert: path(certificates.ca_path()),
        client_cert: path(certificates.client_cert_path()),
        client_key: path(certificates.client_key_path()),
    });
    check(&config).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_no_more_rights_than_the_documents_ask_for_conforms() {
    let page = include_str!("../../../../../docs/redis.md");
    let mut rights = page.lines().filter_map(|line| line.strip_prefix("ACL SETUSER asof "));
    let rules: Vec<&str> = rights.next().unwrap().split(' ').collect();
    let server = RedisServer::start(RedisOptions::new().user("asof", &rules)).unwrap();
    let mut config = of(&server);
    config.username = Some("asof".to_owned());
    config.password = Some(Secret::new("password"));
    check(&config).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_conforms() {
    let cluster = RedisCluster::start().unwrap();
    let mut config = at(cluster.addresses());
    config.topology = RedisTopology::Cluster;
    check(&config).await;
    for node in cluster.nodes() {
        assert_ne!(node.cli(&["DBSIZE"]).unwrap(), "0", "every node has a share");
    }
    assert!(
        server(&config)
            .await
            .ends_with(", a cluster of 3 primaries, 0 replicas")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_under_sentinels_conform() {
    let sentinel = RedisSentinel::start(1).unwrap();
    let mut config = at(sentinel.sentinel_addresses());
    config.topology = RedisTopology::Sentinel {
        master: sentinel.master_name().to_owned(),
    };
    check(&config).await;
    assert!(server(&config).await.ends_with(", 1 replica"));
    // Replicas may be behind, so that reading from them is another matter; but they do answer.
    config.read_from = ReadFrom::Replica;
    open(&config).unwrap().ping().await.unwrap();
}
