//! A link to Redis that is there again after it broke.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use backon::{ExponentialBuilder, Retryable};
use futures::FutureExt;
use futures::future::BoxFuture;
use redis::Value;
use tokio::sync::Mutex;

use super::batch::Batch;
use super::cluster::Slots;
use super::connect::{Connection, Connector};
use super::{RedisProblem, all_accepted, check};

/// An open connection, and what is known of the servers behind it.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) slots: Slots,
}

/// A link to Redis. It connects when it is first used, and anew when the connection breaks or does not answer.
pub(crate) struct Link {
    connector: Connector,
    current: ArcSwapOption<Open>,
    connecting: Mutex<()>,
    /// What is done with each new connection.
    purpose: Purpose,
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

impl Link {
    pub(crate) fn new(connector: Connector, purpose: Purpose) -> Self {
        Self {
            connector,
            current: ArcSwapOption::empty(),
            connecting: Mutex::new(()),
            purpose,
        }
    }

    /// The values that the commands return, in their order. A value may be an error of the server.
    ///
    /// What may pass is waited for and tried again, with growing and uneven pauses, until `within` is over.
    pub(crate) async fn run(&self, batch: &Batch, within: Duration) -> Result<Vec<Value>, RedisProblem> {
        self.try_until(within, |open| async move { batch.run(&open).await }.boxed())
            .await
    }

    /// Lets `work` use the connection, again and again while what goes wrong may pass and `within` is not over.
    pub(super) async fn try_until<'w, T>(
        &self,
        within: Duration,
        // A box, because the compiler cannot tell yet that what an async closure returns may change threads.
        work: impl Fn(Arc<Open>) -> BoxFuture<'w, Result<T, RedisProblem>> + Sync,
    ) -> Result<T, RedisProblem> {
        let last = parking_lot::Mutex::new(None);
        let attempt = || async {
            let open = self.open().await?;
            work(Arc::clone(&open)).await.inspect_err(|problem| {
                if problem.may_pass() {
                    self.close(&open);
                }
            })
        };
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_millis(10))
            .with_max_delay(Duration::from_secs(1))
            .without_max_times();
        let tried = attempt
            .retry(pauses)
            .when(RedisProblem::may_pass)
            .notify(|problem, pause| {
                tracing::debug!(%problem, ?pause, "redis: trying again");
                *last.lock() = Some(problem.clone());
            });
        let done = tokio::time::timeout(within, tried).await;
        done.unwrap_or_else(|_| {
            // It may hang for good, when the other side is gone without a word.
            self.current.store(None);
            let slow = || RedisProblem::Slow(format!("{within:?}"));
            Err(last.into_inner().unwrap_or_else(slow))
        })
    }

    /// Whether all primaries answer.
    pub(crate) async fn ping(&self, within: Duration) -> Result<(), RedisProblem> {
        let ping = |open: Arc<Open>| {
            let ping = async move { all_accepted(check::on_primaries(&open, redis::cmd("PING")).await?) };
            ping.boxed()
        };
        self.try_until(within, ping).await.map(|_| ())
    }

    async fn open(&self) -> Result<Arc<Open>, RedisProblem> {
        if let Some(open) = self.current.load_full() {
            return Ok(open);
        }
        let _connecting = self.connecting.lock().await;
        if let Some(open) = self.current.load_full() {
            return Ok(open);
        }
        let connection = self.connector.connect().await?;
        let open = Arc::new(Open {
            slots: Slots::of(&connection).await?,
            connection,
        });
        check::servers(&open, self.purpose).await?;
        self.current.store(Some(Arc::clone(&open)));
        Ok(open)
    }

    /// Has the next one connect anew, unless somebody did already.
    fn close(&self, broken: &Arc<Open>) {
        self.current.rcu(|current| match current {
            Some(open) if Arc::ptr_eq(open, broken) => None,
            current => current.clone(),
        });
    }
}
