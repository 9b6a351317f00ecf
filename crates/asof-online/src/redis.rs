//! The store in Redis or Valkey, 6.2 or later: one server, a cluster, or servers under sentinels.
//!
//! # Layout
//!
//! Everything about one entity of one project is in one hash, so that one command reads the rows of all views.
//!
//! | key | field | value |
//! |---|---|---|
//! | `asof:p:`project`:`entity key | field of a keyspace | row |
//! | `asof:t:`project`:`entity key | field of a keyspace whose view has a `ttl` | row |
//! | `asof:{catalog}:fields` | field of a keyspace | keyspace |
//! | `asof:{catalog}:births` | keyspace | birth, 16 hexadecimal digits |
//! | `asof:{catalog}:sequences` | keyspace | sequence |
//! | `asof:{catalog}:rows` | keyspace | rows that were new to it |
//!
//! Entity keys and rows are the bytes of `asof-model`'s codecs. The field of a keyspace is the lowest 32 bits of its
//! name's XXH3 (64 bits), little-endian; two keyspaces with one field are refused before the second has a row.
//!
//! # Guard
//!
//! A row of a view without `ttl` is first offered by `HSETNX`, which costs what `HSET` costs and takes it if there is
//! none. Whatever is there already is compared by a script in the server, so that no two writers can cross. Rows that
//! end go through the script at once: it also moves the hash's end, which is that of the last of its rows, forward.
//!
//! # What may go wrong
//!
//! A write is not whole: when it gives an error some of its rows may be there, and the rows of a writer that died may
//! not be counted. Commands are safe to repeat. A read is tried again until the configured time is over, a write for half a minute: a
//! restart or a failover in between is not seen but for the pause, and slots of a cluster that move not at all. Redis
//! acknowledges a write before its replicas have it; [`advance`](OnlineStore::advance) waits for one replica of each
//! primary that has some, and a store that lost writes nevertheless is told by its sequence.

mod batch;
mod catalog;
mod check;
mod cluster;
mod connect;
mod describe;
mod layout;
mod link;
mod problem;
mod read;
mod scan;
mod script;
mod write;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use asof_model::definition::{RedisConfig, RedisTopology};
use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use asof_model::{Keyspace, TimeSpan};
use async_trait::async_trait;
use bytes::Bytes;
use redis::Value;

pub(crate) use batch::{Batch, Kind, Shape};
pub(crate) use connect::{Connector, duration, reads_replicas};
pub(crate) use link::{Link, Purpose};
pub use problem::RedisProblem;
pub(crate) use read::fields;
use script::StoredScript;

use crate::{KeyspaceInfo, KeyspaceLife, OnlineError, OnlineStore, ReadRequest, StoreFact, StoredRow, WriteSummary};

/// How long writes are tried again while the server is away.
const PATIENCE: Duration = Duration::from_secs(30);

/// The online store in Redis. It connects when it is first used. Cheap to clone.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    /// What the store is called in errors.
    name: String,
    clustered: bool,
    timeout: Duration,
    grace: Duration,
    reads: Link,
    writes: Link,
    guard: StoredScript,
    register: StoredScript,
    /// The keyspaces whose rows are read without a look at whose they are.
    owners: ArcSwap<HashSet<Keyspace>>,
}

impl RedisStore {
    /// The store that `config` names. Relative paths are relative to `base`. Files of certificates are read now; a
    /// server that is away shows when the store is used.
    ///
    /// # Errors
    /// When a file cannot be read, or the settings do not fit together.
    pub fn open(config: &RedisConfig, base: &Path) -> Result<Self, OnlineError> {
        let name = config.to_string();
        let open = || {
            Ok(Inner {
                name: name.clone(),
                clustered: config.topology == RedisTopology::Cluster,
                timeout: duration(config.timeout),
                grace: duration(config.expiry_grace),
                reads: Link::new(Connector::new(config, base, reads_replicas(config))?, Purpose::Read),
                writes: Link::new(Connector::new(config, base, false)?, Purpose::Write),
                guard: StoredScript::new(include_str!("redis/guard.lua")),
                register: StoredScript::new(include_str!("redis/register.lua")),
                owners: ArcSwap::default(),
            })
        };
        let inner = open().map_err(|problem| of(&name, problem))?;
        Ok(Self { inner: Arc::new(inner) })
    }

    fn fault(&self, problem: impl Into<RedisProblem>) -> OnlineError {
        of(&self.inner.name, problem.into())
    }

    fn shape(&self, kind: Kind) -> Shape {
        Shape {
            kind,
            clustered: self.inner.clustered,
        }
    }

    fn batch(&self, kind: Kind, capacity: usize) -> Batch {
        Batch::new(self.shape(kind), capacity)
    }
}

fn of(server: &str, problem: RedisProblem) -> OnlineError {
    OnlineError::Redis {
        server: server.to_owned(),
        problem,
    }
}

/// The value, or the error that the server gave for it.
fn accepted(value: Value) -> Result<Value, RedisProblem> {
    match value {
        Value::ServerError(error) => Err(RedisProblem::from(&error)),
        value => Ok(value),
    }
}

/// All values, or the first error among them.
fn all_accepted(values: Vec<Value>) -> Result<Vec<Value>, RedisProblem> {
    values.into_iter().map(accepted).collect()
}

fn unexpected(command: &str, value: &Value) -> RedisProblem {
    RedisProblem::Other(format!("{command} was answered with {value:?}"))
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &self.inner.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl OnlineStore for RedisStore {
    async fn read(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError> {
        self.read_rows(requests).await
    }

    async fn write(
        &self,
        keyspace: &Keyspace,
        keys: &EncodedKeys,
        rows: &EncodedRows,
        ttl: Option<TimeSpan>,
    ) -> Result<WriteSummary, OnlineError> {
        self.write_rows(keyspace, keys, rows, ttl).await
    }

    async fn advance(&self, keyspace: &Keyspace) -> Result<KeyspaceLife, OnlineError> {
        self.advance_keyspace(keyspace).await
    }

    async fn delete_keyspace(&self, keyspace: &Keyspace) -> Result<u64, OnlineError> {
        self.remove_keyspace(keyspace).await
    }

    async fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError> {
        self.list_keyspaces().await
    }

    async fn scan(&self, keyspace: &Keyspace) -> Result<Vec<StoredRow>, OnlineError> {
        self.scan_rows(keyspace).await
    }

    async fn describe(&self) -> Result<Vec<StoreFact>, OnlineError> {
        self.facts().await
    }

    async fn ping(&self) -> Result<(), OnlineError> {
        let pinged = self.inner.reads.ping(self.inner.timeout).await;
        pinged.map_err(|problem| self.fault(problem))
    }
}
