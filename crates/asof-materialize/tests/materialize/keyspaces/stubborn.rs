//! A store in which deletions end badly.

use std::io::Write;

use asof_model::TimeSpan;
use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use asof_online::{KeyspaceInfo, KeyspaceLife, OnlineError, ReadRequest, StoredRow, WriteSummary};
use async_trait::async_trait;
use bytes::Bytes;

use super::*;

/// What happens when a keyspace is to be deleted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deletion {
    /// It fails.
    Fails,
    /// It never begins.
    HaltsBefore,
    /// It never returns.
    HaltsAfter,
}

/// Said on standard output when a deletion halts.
pub(super) const REACHED: &str = "reached";

/// A store in which deletions end badly.
#[derive(Debug)]
pub(super) struct Stubborn(pub(super) Arc<dyn OnlineStore>, pub(super) Deletion);

/// Says so, and never goes on.
fn halt() -> ! {
    // A new line, because the test runner has begun one of its own.
    writeln!(std::io::stdout(), "\n{REACHED}").expect("the parent reads");
    loop {
        std::thread::park();
    }
}

#[async_trait]
impl OnlineStore for Stubborn {
    async fn read(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError> {
        self.0.read(requests).await
    }

    async fn write(
        &self,
        keyspace: &Keyspace,
        keys: &EncodedKeys,
        rows: &EncodedRows,
        ttl: Option<TimeSpan>,
    ) -> Result<WriteSummary, OnlineError> {
        self.0.write(keyspace, keys, rows, ttl).await
    }

    async fn advance(&self, keyspace: &Keyspace) -> Result<KeyspaceLife, OnlineError> {
        self.0.advance(keyspace).await
    }

    async fn delete_keyspace(&self, keyspace: &Keyspace) -> Result<u64, OnlineError> {
        match self.1 {
            Deletion::Fails => Err(OnlineError::Lengths { keys: 0, rows: 1 }),
            Deletion::HaltsBefore => halt(),
            Deletion::HaltsAfter => {
                self.0.delete_keyspace(keyspace).await?;
                halt()
            }
        }
    }

    async fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError> {
        self.0.keyspaces().await
    }

    async fn scan(&self, keyspace: &Keyspace) -> Result<Vec<StoredRow>, OnlineError> {
        self.0.scan(keyspace).await
    }

    async fn ping(&self) -> Result<(), OnlineError> {
        self.0.ping().await
    }
}
