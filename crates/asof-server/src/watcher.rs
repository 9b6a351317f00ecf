//! Follows the registry: a new version that can serve takes the place of the one before.

use std::sync::Arc;
use std::time::Duration;

use asof_materialize::{Ledger, LiveVersionError, WaitingVersion, live_version};
use asof_model::ViewName;
use asof_registry::Registry;
use asof_serving::FeatureServer;
use tokio::time::MissedTickBehavior;

use crate::metrics::Metrics;

/// Asks the registry for new versions and gives them to a feature server.
#[derive(Debug)]
pub(crate) struct Watcher {
    registry: Registry,
    ledger: Ledger,
    server: Arc<FeatureServer>,
    metrics: Metrics,
    refused: Option<u64>,
    /// The newer version that waits, as it was logged.
    waiting: Option<WaitingVersion>,
    unreachable: bool,
}

impl Watcher {
    pub(crate) fn new(registry: Registry, server: Arc<FeatureServer>, metrics: Metrics) -> Self {
        let ledger = Ledger::beside(&registry);
        Self {
            registry,
            ledger,
            server,
            metrics,
            refused: None,
            waiting: None,
            unreachable: false,
        }
    }

    /// Asks the registry once. A version that cannot serve is refused once, and the one before stays; so it does while
    /// the new version waits for its changed views to be online.
    async fn poll(&mut self) -> Result<(), LiveVersionError> {
        let serving = self.server.current().map(|catalog| catalog.version());
        let Some(latest) = self.registry.current_version().await? else {
            return Ok(());
        };
        if serving == Some(latest.0) || self.refused == Some(latest.0) {
            return Ok(());
        }
        let Some(live) = live_version(&self.registry, &self.ledger).await? else {
            return Ok(());
        };
        self.log_waiting(live.waiting);
        let version = live.snapshot.version.0;
        if serving == Some(version) || self.refused == Some(version) {
            return Ok(());
        }
        match self.server.load(version, live.snapshot.definitions) {
            Ok(()) => self.metrics.loaded(version),
            Err(error) => {
                tracing::error!(version, serving, error = %error, "registry version refused, the one before stays");
                self.metrics.refused();
                self.refused = Some(version);
            }
        }
        Ok(())
    }

    /// Says once of each version that it waits.
    fn log_waiting(&mut self, waiting: Option<WaitingVersion>) {
        if let Some(WaitingVersion { version, views }) = waiting.as_ref().filter(|_| waiting != self.waiting) {
            let views: Vec<&str> = views.iter().map(ViewName::as_str).collect();
            let views = views.join(",");
            tracing::info!(
                version = version.0,
                views,
                "registry version waits until its changed views are online"
            );
        }
        self.waiting = waiting;
    }

    /// Asks once, and logs when the registry goes out of reach and comes back.
    pub(crate) async fn poll_and_log(&mut self) {
        match self.poll().await {
            Ok(()) if self.unreachable => {
                tracing::info!("registry is back in reach");
                self.unreachable = false;
            }
            Ok(()) => {}
            Err(error) if !self.unreachable => {
                tracing::warn!(error = %error, "registry cannot be read, the version loaded last stays");
                self.unreachable = true;
            }
            Err(_) => {}
        }
    }

    /// Asks every `interval` until it is dropped.
    pub(crate) async fn follow(mut self, interval: Duration) {
        let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.poll_and_log().await;
        }
    }
}
