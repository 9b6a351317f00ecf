//! How a server is set up.

use super::certificates::Certificates;
use super::server::RedisServer;

/// The settings of one server; without any it is a primary that keeps everything in memory, open to all.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    pub(super) settings: Vec<(String, String)>,
    pub(super) tls: Option<Certificates>,
    pub(super) is_replica: bool,
}

impl RedisOptions {
    /// The settings of a plain server.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses writes beyond so many bytes of memory, evicting nothing.
    pub fn max_memory(self, bytes: u64) -> Self {
        self.setting("maxmemory", &bytes.to_string())
            .setting("maxmemory-policy", "noeviction")
    }

    /// Asks every connection for a password (of the user `default`).
    pub fn password(self, password: &str) -> Self {
        self.setting("requirepass", password)
    }

    /// Adds a user, or restricts `default`, by rules as of `ACL SETUSER`, such as
    /// `("reader", ["on", ">secret", "~*", "+@read"])`.
    pub fn user(mut self, name: &str, rules: &[&str]) -> Self {
        let mut line = quoted(name);
        for rule in rules {
            line.push(' ');
            line.push_str(&quoted(rule));
        }
        self.settings.push(("user".to_owned(), line));
        self
    }

    /// Makes the server a replica; it counts as started when it has the primary's data. The primary speaks no TLS.
    pub fn replica_of(mut self, primary: &RedisServer) -> Self {
        self.settings.push((
            "replicaof".to_owned(),
            format!("{} {}", RedisServer::HOST, primary.port()),
        ));
        self.is_replica = true;
        self
    }

    /// Takes a command away from everybody, as hosts of Redis do with `CONFIG`.
    pub fn forbid(mut self, command: &str) -> Self {
        self.settings
            .push(("rename-command".to_owned(), format!("{} \"\"", quoted(command))));
        self
    }

    /// Speaks TLS only, and only with clients that show a certificate.
    pub fn tls(mut self, certificates: &Certificates) -> Self {
        self.tls = Some(certificates.clone());
        self
    }

    /// Adds any other setting of `redis.conf` that has one value.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), quoted(value)));
        self
    }
}

/// A value as `redis.conf` takes it, whatever it holds.
pub(super) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
