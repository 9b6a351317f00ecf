//! A Redis primary with replicas, under sentinels.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};

use super::instance::{ADMIN, HOST, Instance, Role, major_version};
use super::options::RedisOptions;
use super::server::RedisServer;
use super::wait::wait_until;

/// How many sentinels there are; two must agree.
const SENTINELS: usize = 3;

/// What the sentinels call the primary.
const NAME: &str = "asof-primary";

/// What the sentinels do every so many ms. The values made for a data center would make every test wait for seconds;
/// `tilt` is how long they do nothing after the machine stood still.
const PERIODS: [(&str, &str); 5] = [
    ("info-period", "500"),
    ("ping-period", "200"),
    ("ask-period", "200"),
    ("publish-period", "200"),
    ("tilt-period", "2000"),
];

/// Three running sentinels that watch one primary and its replicas.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: Vec<RedisServer>,
    sentinels: Vec<Instance>,
}

impl RedisSentinel {
    /// Starts a primary, so many replicas of it (at least one) and three sentinels; returns when all know all.
    ///
    /// The sentinels give a primary up after a second without an answer.
    ///
    /// # Errors
    /// When there is no `redis-server`, or they do not come up.
    pub fn start(replicas: usize) -> Result<Self> {
        let primary = RedisServer::start(RedisOptions::new())?;
        let mut servers = vec![primary];
        for _ in 0..replicas {
            let replica = RedisServer::start(RedisOptions::new().replica_of(&servers[0]))?;
            servers.push(replica);
        }
        let is_old = major_version()? < 7;
        let port = servers[0].port();
        let sentinels = (0..SENTINELS).map(|_| {
            let sentinel = Instance::start(Role::Sentinel, |own| Ok(config(own, port)))?;
            // Before version 7 they cannot be told to hurry.
            for (period, ms) in PERIODS.into_iter().filter(|_| !is_old) {
                sentinel.ask(&["SENTINEL", "DEBUG", period, ms])?;
            }
            Ok(sentinel)
        });
        let sentinels = sentinels.collect::<Result<_>>()?;
        let started = Self { servers, sentinels };
        started.await_failover()?;
        Ok(started)
    }

    /// Host and port of the sentinels.
    pub fn sentinel_addresses(&self) -> Vec<String> {
        self.sentinels.iter().map(Instance::address).collect()
    }

    /// The URLs of the sentinels, as `redis://127.0.0.1:<port>`.
    pub fn sentinel_urls(&self) -> Vec<String> {
        let addresses = self.sentinel_addresses();
        addresses.iter().map(|address| format!("redis://{address}")).collect()
    }

    /// What the sentinels call the primary.
    pub fn master_name(&self) -> &'static str {
        NAME
    }

    /// The servers: first the one that was the primary at the start.
    pub fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// One of [`RedisSentinel::servers`], to kill or restart it.
    pub fn server_mut(&mut self, index: usize) -> &mut RedisServer {
        &mut self.servers[index]
    }

    /// Host and port of the primary, as a sentinel tells it now; for a while that is one that is down.
    ///
    /// # Errors
    /// When no sentinel answers.
    pub fn primary_address(&self) -> Result<String> {
        told_by(&self.sentinels[0])
    }

    /// The primary that the sentinels name now.
    ///
    /// # Errors
    /// When no sentinel answers.
    pub fn primary(&self) -> Result<&RedisServer> {
        Ok(&self.servers[self.primary_index()?])
    }

    /// Kills the primary that the sentinels name now, and returns which of [`RedisSentinel::servers`] that was.
    ///
    /// # Errors
    /// When no sentinel answers.
    pub fn kill_primary(&mut self) -> Result<usize> {
        let index = self.primary_index()?;
        self.servers[index].kill();
        Ok(index)
    }

    /// Waits until all sentinels name one primary that runs and takes writes, all other servers that run are its
    /// replicas, and the sentinels are ready for another failover. At once when that is so.
    ///
    /// # Errors
    /// When that does not happen.
    pub fn await_failover(&self) -> Result<()> {
        wait_until("the sentinels have one primary and see everybody", || self.is_settled())
    }

    fn is_settled(&self) -> Result<bool> {
        let primary = self.primary()?;
        if !primary.is_running() || primary.info("role")? != "master" {
            return Ok(false);
        }
        for sentinel in &self.sentinels {
            let seen = sentinel.ask(&["SENTINEL", "MASTER", NAME])?;
            let seen = fields(&seen);
            let knows_all = seen.get("flags") == Some(&"master")
                && seen.get("num-slaves") == Some(&(self.servers.len() - 1).to_string().as_str())
                && seen.get("num-other-sentinels") == Some(&(SENTINELS - 1).to_string().as_str());
            if !knows_all || told_by(sentinel)? != primary.address() {
                return Ok(false);
            }
            sentinel.ask(&["SENTINEL", "CKQUORUM", NAME])?;
        }
        for server in &self.servers {
            let is_replica = server.port() != primary.port();
            if server.is_running() && is_replica && !self.is_replica_of(server, primary)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Says whether the server has the primary's data and every sentinel sees it well.
    fn is_replica_of(&self, server: &RedisServer, primary: &RedisServer) -> Result<bool> {
        if !server.is_linked()? || server.info("master_port")? != primary.port().to_string() {
            return Ok(false);
        }
        for sentinel in &self.sentinels {
            // Every replica's fields begin with its name.
            let replicas = sentinel.ask(&["SENTINEL", "REPLICAS", NAME])?;
            let is_well = format!("name\n{}\n", server.address());
            let Some((_, seen)) = replicas.split_once(&is_well) else {
                return Ok(false);
            };
            let seen = seen.split("\nname\n").next().unwrap_or_default();
            if fields(seen).get("flags") != Some(&"slave") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn primary_index(&self) -> Result<usize> {
        let address = self.primary_address()?;
        let index = self.servers.iter().position(|server| server.address() == address);
        index.with_context(|| format!("the sentinels name a stranger, {address}"))
    }
}

/// Host and port of the primary, as one sentinel tells it.
fn told_by(sentinel: &Instance) -> Result<String> {
    let answer = sentinel.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME])?;
    match answer.split_once('\n') {
        Some((host, port)) => Ok(format!("{host}:{port}")),
        None => bail!("the sentinel {} knows no {NAME}", sentinel.address()),
    }
}

/// Names and values in turns, one a line.
fn fields(text: &str) -> HashMap<&str, &str> {
    let mut lines = text.lines();
    let mut fields = HashMap::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        fields.insert(name, value);
    }
    fields
}

/// The lines of a sentinel's configuration.
fn config(port: u16, primary: u16) -> String {
    format!(
        "port {port}\n\
         sentinel announce-ip {HOST}\n\
         sentinel monitor {NAME} {HOST} {primary} 2\n\
         sentinel auth-user {NAME} {ADMIN}\n\
         sentinel auth-pass {NAME} {ADMIN}\n\
         sentinel down-after-milliseconds {NAME} 1000\n\
         sentinel failover-timeout {NAME} 3000\n"
    )
}
