//! Follows the registry: a new version that can serve takes the place of the one before.

use std::sync::Arc;
use std::time::Duration;

use asof_registry::{Registry, RegistryError};
use asof_serving::FeatureServer;
use tokio::time::MissedTickBehavior;

use crate::metrics::Metrics;

/// Asks the registry for new versions and gives them to a feature server.
#[derive(Debug)]
pub(crate) struct Watcher {
    registry: Registry,
    server: Arc<FeatureServer>,
    metrics: Metrics,
    refused: Option<u64>,
    unreachable: bool,
}

impl Watcher {
    pub(crate) fn new(registry: Registry, server: Arc<FeatureServer>, metrics: Metrics) -> Self {
        Self {
            registry,
            server,
            metrics,
            refused: None,
            unreachable: false,
        }
    }

    /// Asks the registry once. A version that cannot serve is refused once, and the one before stays.
    async fn poll(&mut self) -> Result<(), RegistryError> {
        let Some(latest) = self.registry.current_version().await? else {
            return Ok(());
        };
        let version = latest.0;
        let serving = self.server.current().map(|catalog| catalog.version());
        if serving == Some(version) || self.refused == Some(version) {
            return Ok(());
        }
        let snapshot = self.registry.get(latest).await?;
        match self.server.load(version, snapshot.definitions) {
            Ok(()) => self.metrics.loaded(version),
            Err(error) => {
                tracing::error!(version, serving, error = %error, "registry version refused, the one before stays");
                self.metrics.refused();
                self.refused = Some(version);
            }
        }
        Ok(())
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
