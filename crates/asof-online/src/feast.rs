//! The store in a Redis that Feast fills: its rows are read, and nothing is written.
//!
//! # Layout
//!
//! Feast keeps everything about one entity of one project in one hash, each feature in a field of its own.
//!
//! | what | bytes |
//! |---|---|
//! | key | the entity key in Feast's serialization of version 3, then the project's name |
//! | field of a feature | Murmur3 (x86, 32 bits, seed 0) of `view:feature`, little-endian |
//! | its value | a `feast.types.Value`; nothing set, or no bytes at all, is a null |
//! | field `_ts:view` | the row's event time, a `google.protobuf.Timestamp` |
//!
//! An entity key is, in numbers of 4 bytes, little-endian: how many join keys there are; for each, in the order of
//! their names, `2`, the length of its name, and the name; then for each its type, the length of its value, and the
//! value. The types are those of `feast.types.ValueType`: `1` bytes, `2` string, `3` int32, `4` int64, `8` seconds
//! since the epoch. A view without entities has the join key `__dummy_id`, an empty string.
//!
//! # Rows
//!
//! Which fields a view has only its definition says, so that [`define`](OnlineStore::define) comes before the first
//! read. A row is made of what a hash holds: without `_ts` there is none, a field that is missing is a null, and there
//! is no created time.

mod event_time;
#[cfg(test)]
mod hex;
mod key;
mod murmur;
mod problem;
mod read;
mod value;
mod view;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use asof_model::definition::{Definitions, RedisConfig, RedisTopology};
use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use asof_model::{Keyspace, TimeSpan};
use async_trait::async_trait;
use bytes::Bytes;

pub use problem::FeastProblem;
use view::Views;

use crate::redis::{Connector, Link, Purpose, duration, reads_replicas};
use crate::{KeyspaceInfo, KeyspaceLife, OnlineError, OnlineStore, ReadRequest, RedisProblem, StoredRow, WriteSummary};

/// The online store in a Redis that Feast fills. It connects when it is first used.
pub struct FeastStore {
    /// What the store is called in errors.
    name: String,
    clustered: bool,
    timeout: Duration,
    link: Link,
    views: Views,
}

impl FeastStore {
    /// The store that `config` names, whatever its layout says. Relative paths are relative to `base`. Files of
    /// certificates are read now; a server that is away shows when the store is used.
    ///
    /// # Errors
    /// When a file cannot be read, or the settings do not fit together.
    pub fn open(config: &RedisConfig, base: &Path) -> Result<Self, OnlineError> {
        let name = config.to_string();
        let connector = Connector::new(config, base, reads_replicas(config));
        let connector = connector.map_err(|problem| OnlineError::Redis {
            server: name.clone(),
            problem,
        })?;
        Ok(Self {
            name,
            clustered: config.topology == RedisTopology::Cluster,
            timeout: duration(config.timeout),
            link: Link::new(connector, Purpose::Read),
            views: Views::default(),
        })
    }

    fn refusal(&self, problem: FeastProblem) -> OnlineError {
        OnlineError::Feast {
            server: self.name.clone(),
            problem: Box::new(problem),
        }
    }

    fn fault(&self, problem: RedisProblem) -> OnlineError {
        match problem {
            // What is to be done about it is another thing here.
            RedisProblem::Foreign(problem) => self.refusal(FeastProblem::Foreign(problem)),
            problem => OnlineError::Redis {
                server: self.name.clone(),
                problem,
            },
        }
    }
}

impl fmt::Debug for FeastStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeastStore")
            .field("server", &self.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl OnlineStore for FeastStore {
    fn define(&self, definitions: &Definitions) {
        self.views.define(definitions);
    }

    async fn read(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError> {
        self.read_rows(requests).await
    }

    async fn write(
        &self,
        _: &Keyspace,
        _: &EncodedKeys,
        _: &EncodedRows,
        _: Option<TimeSpan>,
    ) -> Result<WriteSummary, OnlineError> {
        Err(self.refusal(FeastProblem::ReadOnly))
    }

    async fn advance(&self, _: &Keyspace) -> Result<KeyspaceLife, OnlineError> {
        Err(self.refusal(FeastProblem::ReadOnly))
    }

    async fn delete_keyspace(&self, _: &Keyspace) -> Result<u64, OnlineError> {
        Err(self.refusal(FeastProblem::ReadOnly))
    }

    /// None: Feast keeps rows, but no list of whose they are.
    async fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError> {
        Ok(Vec::new())
    }

    async fn scan(&self, _: &Keyspace) -> Result<Vec<StoredRow>, OnlineError> {
        Err(self.refusal(FeastProblem::NoList))
    }

    async fn ping(&self) -> Result<(), OnlineError> {
        let pinged = self.link.ping(self.timeout).await;
        pinged.map_err(|problem| self.fault(problem))
    }
}
