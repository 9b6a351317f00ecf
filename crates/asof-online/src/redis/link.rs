//! A link to Redis that is there again after it broke.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use asof_model::Keyspace;
use backon::{ExponentialBuilder, Retryable};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use redis::Value;
use tokio::sync::watch;

use super::batch::Batch;
use super::cluster::Slots;
use super::connect::{Connection, Connector};
use super::{RedisProblem, all_accepted, check};

/// How long one attempt to write may take: a server that is gone without a word may have a successor by then.
pub(super) const ATTEMPT: Duration = Duration::from_secs(10);

/// An open connection, and what is known of the servers behind it.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) slots: Slots,
    /// The keyspaces that are known to have their fields for themselves. With the connection this is forgotten: the
    /// next one may be to a server that lost them.
    pub(super) registered: Mutex<HashSet<Keyspace>>,
    is_given_up: watch::Sender<bool>,
}

impl Open {
    /// Waits until somebody finds the connection broken.
    async fn given_up(&self) {
        // The sender lives as long as this.
        let _ = self.is_given_up.subscribe().wait_for(|is_given_up| *is_given_up).await;
    }
}

/// A link to Redis. It connects when it is first used, and anew when the connection breaks or does not answer.
pub(crate) struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Connector,
    /// What is done with each new connection.
    purpose: Purpose,
    current: ArcSwapOption<Open>,
    /// The connection that is being made. A task makes it, so that it comes about even if nobody waits as long.
    coming: Mutex<Option<Coming>>,
}

type Coming = Shared<BoxFuture<'static, Result<Arc<Open>, RedisProblem>>>;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

impl Link {
    /// A link that is not connected yet.
    pub(crate) fn new(connector: Connector, purpose: Purpose) -> Self {
        Self {
            inner: Arc::new(Inner {
                connector,
                purpose,
                current: ArcSwapOption::empty(),
                coming: Mutex::new(None),
            }),
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
        let last = Mutex::new(None);
        let used = Mutex::new(None);
        let attempt = || async {
            let open = self.open().await?;
            *used.lock() = Some(Arc::clone(&open));
            let work = async {
                match self.inner.purpose {
                    Purpose::Read => work(Arc::clone(&open)).await,
                    Purpose::Write => {
                        let done = tokio::time::timeout(ATTEMPT, work(Arc::clone(&open))).await;
                        done.unwrap_or_else(|_| Err(slow(ATTEMPT)))
                    }
                }
            };
            let done = tokio::select! {
                biased;
                done = work => done,
                // A command that is sent just when the connection breaks may get no answer and no error.
                () = open.given_up() => Err(RedisProblem::Unreachable("the connection broke".to_owned())),
            };
            if done.as_ref().is_err_and(RedisProblem::may_pass) {
                self.close(&open);
            }
            done
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
            let used = used.into_inner();
            if let Some(open) = &used {
                // It may hang for good, when the other side is gone without a word. Whoever asks for what is on another
                // node of a cluster goes on meanwhile.
                self.renew(open);
            }
            Err(last.into_inner().unwrap_or_else(|| match used {
                Some(_) => slow(within),
                None => RedisProblem::Unreachable(format!("there is no connection after {within:?}")),
            }))
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
        if let Some(open) = self.inner.current.load_full() {
            return Ok(open);
        }
        let coming = {
            let mut coming = self.inner.coming.lock();
            if let Some(open) = self.inner.current.load_full() {
                return Ok(open);
            }
            coming.get_or_insert_with(|| self.connect()).clone()
        };
        coming.await
    }

    /// Starts to connect. The connection takes the place of the present one when it is there.
    fn connect(&self) -> Coming {
        let inner = Arc::clone(&self.inner);
        let task = tokio::spawn(async move {
            let connected = inner.connect().await.map(Arc::new);
            let mut coming = inner.coming.lock();
            if let Ok(open) = &connected {
                inner.current.store(Some(Arc::clone(open)));
            }
            *coming = None;
            connected
        });
        let inner = Arc::clone(&self.inner);
        let coming = async move {
            task.await.unwrap_or_else(|error| {
                // Its runtime has ended.
                *inner.coming.lock() = None;
                Err(RedisProblem::Unreachable(format!("connecting was cut short: {error}")))
            })
        };
        coming.boxed().shared()
    }

    /// Has the next one connect anew, unless somebody did already, and all who wait for answers too.
    fn close(&self, broken: &Arc<Open>) {
        broken.is_given_up.send_replace(true);
        self.inner.current.rcu(|current| match current {
            Some(open) if Arc::ptr_eq(open, broken) => None,
            current => current.clone(),
        });
    }

    /// Connects anew, unless somebody did already. The present connection is used until the next is there.
    fn renew(&self, present: &Arc<Open>) {
        let mut coming = self.inner.coming.lock();
        let is_current = self
            .inner
            .current
            .load()
            .as_ref()
            .is_some_and(|open| Arc::ptr_eq(open, present));
        if is_current && coming.is_none() {
            *coming = Some(self.connect());
        }
    }
}

impl Inner {
    async fn connect(&self) -> Result<Open, RedisProblem> {
        let connect = async {
            let connection = self.connector.connect().await?;
            let open = Open {
                slots: Slots::of(&connection).await?,
                connection,
                registered: Mutex::default(),
                is_given_up: watch::Sender::new(false),
            };
            check::servers(&open, self.purpose).await?;
            Ok(open)
        };
        // Several servers are asked one after another, and each for several things.
        let within = 3 * self.connector.timeout();
        let connected = tokio::time::timeout(within, connect).await;
        connected.unwrap_or_else(|_| {
            Err(RedisProblem::Unreachable(format!(
                "there is no connection after {within:?}"
            )))
        })
    }
}

fn slow(within: Duration) -> RedisProblem {
    RedisProblem::Slow(format!("{within:?}"))
}
