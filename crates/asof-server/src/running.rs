//! Starting a server, and the handle on it while it runs.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use asof_registry::Registry;
use asof_serving::FeatureServer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::edge::Edge;
use crate::metrics::Metrics;
use crate::watcher::Watcher;
use crate::{ServeError, ServerOptions, grpc, http};

/// A server that runs. Dropping it stops it at once; [`shutdown`](Self::shutdown) lets it finish.
#[derive(Debug)]
pub struct Running {
    /// Where gRPC listens.
    pub grpc_addr: SocketAddr,
    /// Where HTTP listens.
    pub http_addr: SocketAddr,
    edge: Arc<Edge>,
    health: grpc::Health,
    stop: watch::Sender<bool>,
    listeners: JoinSet<Result<(), ServeError>>,
    watcher: JoinHandle<()>,
    drain_timeout: std::time::Duration,
}

/// Starts serving `server` on both addresses, and following `registry`.
///
/// The registry's current version is loaded before this returns. When there is none, or it cannot be read or served,
/// the server runs all the same, is not ready, answers that nothing is loaded, and goes on asking.
///
/// # Errors
/// When an address cannot be listened on.
pub async fn serve(
    options: ServerOptions,
    server: Arc<FeatureServer>,
    registry: Registry,
) -> Result<Running, ServeError> {
    let (grpc_listener, grpc_addr) = bind("gRPC", &options.grpc).await?;
    let (http_listener, http_addr) = bind("HTTP", &options.http).await?;
    let metrics = Metrics::new();
    let edge = Arc::new(Edge::new(
        server.clone(),
        metrics.clone(),
        options.max_rows,
        options.max_request_bytes,
    ));
    let mut watcher = Watcher::new(registry, server, metrics);
    watcher.poll_and_log().await;

    let stop = watch::Sender::new(false);
    let health = grpc::Health::new().await;
    let mut listeners = JoinSet::new();
    listeners.spawn(grpc::listen(
        grpc_listener,
        edge.clone(),
        health.service(),
        stopped(&stop),
    )?);
    listeners.spawn(http::listen(http_listener, edge.clone(), stopped(&stop)));
    tracing::info!(grpc = %grpc_addr, http = %http_addr, "serving");
    Ok(Running {
        grpc_addr,
        http_addr,
        edge,
        health,
        stop,
        listeners,
        watcher: tokio::spawn(watcher.follow(options.poll_interval)),
        drain_timeout: options.drain_timeout,
    })
}

async fn bind(surface: &'static str, address: &str) -> Result<(TcpListener, SocketAddr), ServeError> {
    let fail = |source| ServeError::Bind {
        surface,
        address: address.to_owned(),
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let bound = listener.local_addr().map_err(fail)?;
    Ok((listener, bound))
}

fn stopped(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stop = stop.subscribe();
    async move {
        // An error means that the handle is gone, which is a stop too.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

impl Running {
    /// Begins to stop: health says `NOT_SERVING` and `/ready` says no, then no connection is accepted any more, and
    /// what is in flight goes on to its end. [`wait`](Self::wait) for that. Doing it twice does no more.
    pub async fn shutdown(&self) {
        if self.edge.is_draining() {
            return;
        }
        tracing::info!("draining");
        self.edge.drain();
        self.health.not_serving().await;
        self.stop.send_replace(true);
        // Whoever watches health would keep the server from ending.
        self.health.end_watches().await;
    }

    /// Waits until both listeners have ended: after [`shutdown`](Self::shutdown) when the last request is done or the
    /// drain timeout is over, else when one of them breaks.
    ///
    /// # Errors
    /// When a listener broke; the other is stopped too.
    pub async fn wait(mut self) -> Result<(), ServeError> {
        let timeout = {
            let stopped = stopped(&self.stop);
            let drain_timeout = self.drain_timeout;
            async move {
                stopped.await;
                tokio::time::sleep(drain_timeout).await;
            }
        };
        tokio::pin!(timeout);
        let mut result = Ok(());
        loop {
            tokio::select! {
                ended = self.listeners.join_next() => match ended {
                    None => break,
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(error))) => {
                        result = result.and(Err(error));
                        self.shutdown().await;
                    }
                    Some(Err(panic)) => {
                        result = result.and(Err(ServeError::Ended { surface: "server's", message: panic.to_string() }));
                        self.shutdown().await;
                    }
                },
                () = &mut timeout => {
                    tracing::warn!("drain timeout is over, requests in flight are cut off");
                    self.edge.cut_off();
                    self.listeners.shutdown().await;
                    break;
                }
            }
        }
        tracing::info!("stopped");
        result
    }

    /// Serves until `signal` (for a process: [`terminated`](crate::terminated)) or until a listener breaks, then
    /// drains.
    ///
    /// # Errors
    /// When a listener broke.
    pub async fn run_until(self, signal: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        tokio::pin!(signal);
        let mut this = self;
        let broken = tokio::select! {
            () = signal => None,
            ended = this.listeners.join_next() => ended,
        };
        this.shutdown().await;
        let first = match broken {
            Some(Ok(Err(error))) => Err(error),
            Some(Err(panic)) => Err(ServeError::Ended {
                surface: "server's",
                message: panic.to_string(),
            }),
            Some(Ok(Ok(()))) | None => Ok(()),
        };
        first.and(this.wait().await)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}
