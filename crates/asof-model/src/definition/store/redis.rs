//! The settings of an online store in Redis.

use std::fmt;
use std::net::Ipv6Addr;

use crate::{Secret, TimeSpan};

/// How Redis is reached, and how it is used. Whoever makes this value has checked that the parts fit together.
///
/// It is shown as the servers that it names, without user and password: `redis://host:6379/0`, `rediss://…` for TLS,
/// `unix:///path`, and behind it what a cluster or sentinels are needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// The servers to begin with; at least one, and just one if the topology is [`RedisTopology::Single`].
    pub addresses: Vec<RedisAddress>,
    /// Who signs in. `None`: the server's default user.
    pub username: Option<String>,
    /// The password; there is one whenever there is a user. `None`: nobody signs in.
    pub password: Option<Secret>,
    /// The number of the database; 0 or above, and 0 in a cluster.
    pub database: i64,
    /// `Some`: connections are encrypted. `None`: they are not.
    pub tls: Option<RedisTls>,
    /// What the addresses are.
    pub topology: RedisTopology,
    /// How long one request may take.
    pub timeout: TimeSpan,
    /// How long it may take to be connected.
    pub connect_timeout: TimeSpan,
    /// Rows of views with a ttl stay for at least this long after they end, and at most an eighth longer.
    pub expiry_grace: TimeSpan,
    /// Which servers answer reads.
    pub read_from: ReadFrom,
    /// Who wrote the rows, and in which form.
    pub layout: RedisLayout,
}

/// A server of Redis.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RedisAddress {
    /// A server in the network.
    Server {
        /// Its name or address; an IPv6 address without brackets.
        host: String,
        /// Its port, above 0.
        port: u16,
    },
    /// A socket of this machine.
    Socket {
        /// Its absolute path.
        path: String,
    },
}

/// How encrypted connections are made. Paths are as written; relative ones are relative to the repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedisTls {
    /// A PEM file with the authorities that vouch for the servers. `None`: those that the machine trusts.
    pub ca_cert: Option<String>,
    /// A PEM file with the certificate to sign in with; there only together with `client_key`.
    pub client_cert: Option<String>,
    /// A PEM file with the key of `client_cert`.
    pub client_key: Option<String>,
}

/// What the addresses of a Redis are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisTopology {
    /// One server that holds everything.
    Single,
    /// Some nodes of a cluster; they name the others.
    Cluster,
    /// Sentinels, which name the servers.
    Sentinel {
        /// The name under which the sentinels know the primary.
        master: String,
    },
}

/// Which servers of a Redis answer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// Those that take the writes: what was written is read.
    Primary,
    /// Their replicas, which may be behind.
    Replica,
}

/// The form of the rows in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisLayout {
    /// Asof's own.
    Asof,
    /// Feast's: what Feast has written is read, and nothing is written.
    Feast,
}

impl RedisConfig {
    /// The usual settings for a server, or a cluster's or sentinels' addresses: nobody signs in, nothing is encrypted,
    /// a request may take 1 s and a connection 2 s, and ended rows stay for a day.
    pub fn new(addresses: Vec<RedisAddress>) -> Self {
        Self {
            addresses,
            username: None,
            password: None,
            database: 0,
            tls: None,
            topology: RedisTopology::Single,
            timeout: seconds(1),
            connect_timeout: seconds(2),
            expiry_grace: seconds(86_400),
            read_from: ReadFrom::Primary,
            layout: RedisLayout::Asof,
        }
    }
}

fn seconds(seconds: i64) -> TimeSpan {
    TimeSpan::from_micros(seconds * 1_000_000).expect("it is called with numbers above zero")
}

impl RedisAddress {
    /// A server in the network.
    pub fn server(host: impl Into<String>, port: u16) -> Self {
        Self::Server {
            host: host.into(),
            port,
        }
    }

    /// A socket of this machine.
    pub fn socket(path: impl Into<String>) -> Self {
        Self::Socket { path: path.into() }
    }
}

impl fmt::Display for RedisAddress {
    /// `host:6379`, `[::1]:6379`, or the path of a socket.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { host, port } if host.parse::<Ipv6Addr>().is_ok() => write!(f, "[{host}]:{port}"),
            Self::Server { host, port } => write!(f, "{host}:{port}"),
            Self::Socket { path } => f.write_str(path),
        }
    }
}

impl fmt::Display for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [RedisAddress::Socket { path }] = self.addresses.as_slice() {
            write!(f, "unix://{path}")?;
            return match self.database {
                0 => Ok(()),
                database => write!(f, "?db={database}"),
            };
        }
        let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        write!(f, "{scheme}://{}/{}", addresses.join(","), self.database)?;
        match &self.topology {
            RedisTopology::Single => Ok(()),
            RedisTopology::Cluster => f.write_str(" (cluster)"),
            RedisTopology::Sentinel { master } => write!(f, " (sentinels of `{master}`)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_is_shown_as_its_servers() {
        let server = RedisConfig::new(vec![RedisAddress::server("cache", 6379)]);
        assert_eq!(server.to_string(), "redis://cache:6379/0");
        let tls = Some(RedisTls::default());
        let encrypted = RedisConfig {
            tls,
            database: 3,
            ..RedisConfig::new(vec![RedisAddress::server("::1", 6380)])
        };
        assert_eq!(encrypted.to_string(), "rediss://[::1]:6380/3");

        let mut socket = RedisConfig::new(vec![RedisAddress::socket("/run/redis.sock")]);
        assert_eq!(socket.to_string(), "unix:///run/redis.sock");
        socket.database = 2;
        assert_eq!(socket.to_string(), "unix:///run/redis.sock?db=2");

        let two = vec![RedisAddress::server("a", 1), RedisAddress::server("b", 2)];
        let mut several = RedisConfig::new(two);
        several.topology = RedisTopology::Cluster;
        assert_eq!(several.to_string(), "redis://a:1,b:2/0 (cluster)");
        let master = "mymaster".to_owned();
        several.topology = RedisTopology::Sentinel { master };
        assert_eq!(several.to_string(), "redis://a:1,b:2/0 (sentinels of `mymaster`)");
    }
}
