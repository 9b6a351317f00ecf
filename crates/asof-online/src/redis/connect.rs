//! From settings to connections.

use std::path::Path;
use std::time::Duration;

use asof_model::TimeSpan;
use asof_model::definition::{ReadFrom, RedisAddress, RedisConfig, RedisTls, RedisTopology};
use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::cluster_read_routing::RandomReplicaStrategy;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, TlsCertificates, TlsMode,
};
use tokio::sync::Mutex;

use super::RedisProblem;

/// How PEM files call what is in them.
const CERTIFICATE: &str = "CERTIFICATE";
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// A connection that many requests share: each sends without waiting for the answers of the others.
#[derive(Clone)]
pub(super) enum Connection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To all nodes of a cluster.
    Cluster(ClusterConnection),
}

/// Makes connections.
pub(crate) struct Connector {
    to: Target,
    config: AsyncConnectionConfig,
    timeout: Duration,
}

enum Target {
    Single(Client),
    /// The client remembers which sentinel answered last.
    Sentinel(Mutex<SentinelClient>),
    Cluster(ClusterClient),
}

impl Connector {
    /// Reads the certificates that the settings name, and connects to nothing yet. With `replicas` connections are to
    /// replicas where there are any.
    pub(crate) fn new(config: &RedisConfig, base: &Path, replicas: bool) -> Result<Self, RedisProblem> {
        let certificates = config.tls.as_ref().map(|tls| certificates(tls, base)).transpose()?;
        let to = match &config.topology {
            RedisTopology::Single => {
                let Some(address) = config.addresses.first() else {
                    return Err(RedisProblem::Settings("it has no address".to_owned()));
                };
                if replicas {
                    let problem = "`read_from: replica` needs a cluster or sentinels, which know the replicas";
                    return Err(RedisProblem::Settings(problem.to_owned()));
                }
                let info = connection_info(config, address)?;
                Target::Single(match certificates {
                    Some(certificates) => Client::build_with_tls(info, certificates)?,
                    None => Client::open(info)?,
                })
            }
            RedisTopology::Sentinel { master } => {
                Target::Sentinel(Mutex::new(sentinels(config, master, certificates, replicas)?))
            }
            RedisTopology::Cluster => Target::Cluster(cluster(config, certificates, replicas)?),
        };
        let timeout = duration(config.connect_timeout);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            // Whoever asks sets a time of their own.
            .set_response_timeout(None);
        Ok(Self { to, config, timeout })
    }

    /// How long it may take to be connected to one server.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Connection, RedisProblem> {
        let connection = match &self.to {
            Target::Single(client) => Connection::Single(
                client
                    .get_multiplexed_async_connection_with_config(&self.config)
                    .await?,
            ),
            Target::Sentinel(client) => {
                let mut client = client.lock().await;
                Connection::Single(client.get_async_connection_with_config(&self.config).await?)
            }
            Target::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        };
        Ok(connection)
    }
}

/// Whether reads go to replicas.
pub(crate) fn reads_replicas(config: &RedisConfig) -> bool {
    config.read_from == ReadFrom::Replica
}

pub(crate) fn duration(span: TimeSpan) -> Duration {
    Duration::from_micros(span.micros().unsigned_abs())
}

fn certificates(tls: &RedisTls, base: &Path) -> Result<TlsCertificates, RedisProblem> {
    // What is not in the file is not missed by the library, which then trusts nobody.
    let read = |setting: &str, path: &String, what: &str| {
        let path = base.join(path);
        let text = fs_err::read(&path).map_err(|error| RedisProblem::Settings(format!("`tls.{setting}`: {error}")))?;
        if String::from_utf8_lossy(&text).contains(&format!("{what}-----")) {
            return Ok(text);
        }
        let (what, path) = (what.to_lowercase(), path.display());
        let problem = format!("`tls.{setting}` must name a PEM file with a {what}, but `{path}` has none");
        Err(RedisProblem::Settings(problem))
    };
    let client_tls = match (&tls.client_cert, &tls.client_key) {
        (Some(certificate), Some(key)) => Some(ClientTlsConfig {
            client_cert: read("client_cert", certificate, CERTIFICATE)?,
            client_key: read("client_key", key, PRIVATE_KEY)?,
        }),
        _ => None,
    };
    let authority = tls.ca_cert.as_ref();
    Ok(TlsCertificates {
        client_tls,
        root_cert: authority.map(|path| read("ca_cert", path, CERTIFICATE)).transpose()?,
    })
}

fn address(config: &RedisConfig, address: &RedisAddress) -> ConnectionAddr {
    match address {
        RedisAddress::Socket { path } => ConnectionAddr::Unix(path.into()),
        RedisAddress::Server { host, port } if config.tls.is_some() => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        },
        RedisAddress::Server { host, port } => ConnectionAddr::Tcp(host.clone(), *port),
    }
}

fn connection_info(config: &RedisConfig, to: &RedisAddress) -> Result<ConnectionInfo, RedisProblem> {
    let mut server = RedisConnectionInfo::default().set_db(config.database);
    if let Some(username) = &config.username {
        server = server.set_username(username);
    }
    if let Some(password) = &config.password {
        server = server.set_password(password.expose());
    }
    Ok(address(config, to).into_connection_info()?.set_redis_settings(server))
}

fn sentinels(
    config: &RedisConfig,
    master: &str,
    certificates: Option<TlsCertificates>,
    replicas: bool,
) -> Result<SentinelClient, RedisProblem> {
    let kind = if replicas {
        SentinelServerType::Replica
    } else {
        SentinelServerType::Master
    };
    let addresses = config.addresses.iter().map(|to| address(config, to));
    let mut builder = SentinelClientBuilder::new(addresses, master, kind)?.set_client_to_redis_db(config.database);
    if config.tls.is_some() {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_tls_mode(TlsMode::Secure);
    }
    if let Some(certificates) = certificates {
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    if let Some(username) = &config.username {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = &config.password {
        builder = builder.set_client_to_redis_password(password.expose());
    }
    Ok(builder.build()?)
}

fn cluster(
    config: &RedisConfig,
    certificates: Option<TlsCertificates>,
    replicas: bool,
) -> Result<ClusterClient, RedisProblem> {
    let nodes = config.addresses.iter().map(|to| connection_info(config, to));
    let mut builder: ClusterClientBuilder = ClusterClient::builder(nodes.collect::<Result<Vec<_>, _>>()?)
        .connection_timeout(duration(config.connect_timeout))
        // Whoever asks sets a time of their own, and tries again.
        .response_timeout(Duration::from_mins(1))
        .retries(0);
    if config.tls.is_some() {
        builder = builder.tls(TlsMode::Secure);
    }
    if let Some(certificates) = certificates {
        builder = builder.certs(certificates);
    }
    if replicas {
        builder = builder.read_routing_strategy(RandomReplicaStrategy);
    }
    Ok(builder.build()?)
}
