//! The server's metrics, in the text format of OpenMetrics.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Seconds: from a look-up in memory to a store in trouble.
const LATENCY_BUCKETS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];

/// Which interface a request came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Grpc,
    Feast,
    Http,
}

impl Surface {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Feast => "feast",
            Self::Http => "http",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SurfaceLabels {
    surface: &'static str,
}

/// `service` is the feature service, or empty for a list of features and for services that do not exist: callers
/// do not choose label values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabels {
    surface: &'static str,
    service: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    surface: &'static str,
    service: String,
    status: &'static str,
}

type Durations = Family<RequestLabels, Histogram, fn() -> Histogram>;

/// The metrics of one server. Cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    rows: Family<ServiceLabels, Counter>,
    durations: Durations,
    in_flight: Family<SurfaceLabels, Gauge>,
    registry_version: Gauge,
    registry_refusals: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        registry.register(
            "asof_serving_requests",
            "Requests for features, by how they ended",
            requests.clone(),
        );
        let rows = Family::default();
        registry.register("asof_serving_rows", "Entity rows answered", rows.clone());
        let durations: Durations = Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS));
        registry.register_with_unit(
            "asof_serving_request_duration",
            "Time from a request's arrival to its answer, without reading and writing the wire",
            Unit::Seconds,
            durations.clone(),
        );
        let in_flight = Family::default();
        registry.register(
            "asof_serving_requests_in_flight",
            "Requests that are being answered",
            in_flight.clone(),
        );
        let registry_version = Gauge::default();
        registry.register(
            "asof_serving_registry_version",
            "The registry version that answers; 0 before there is one",
            registry_version.clone(),
        );
        let registry_refusals = Counter::default();
        registry.register(
            "asof_serving_registry_refusals",
            "Registry versions that were not loaded because they cannot serve",
            registry_refusals.clone(),
        );
        Self {
            registry: Arc::new(registry),
            requests,
            rows,
            durations,
            in_flight,
            registry_version,
            registry_refusals,
        }
    }

    /// All metrics as text.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Counts a request as in flight until the guard is dropped, also when the caller goes away.
    pub(crate) fn enter(&self, surface: Surface) -> InFlight {
        let gauge = self.in_flight.get_or_create_owned(&SurfaceLabels {
            surface: surface.name(),
        });
        gauge.inc();
        InFlight(gauge)
    }

    pub(crate) fn finished(
        &self,
        surface: Surface,
        service: &str,
        status: &'static str,
        rows: Option<usize>,
        took: Duration,
    ) {
        let surface = surface.name();
        let labels = RequestLabels {
            surface,
            service: service.to_owned(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
        if let Some(rows) = rows {
            let service = service.to_owned();
            self.rows
                .get_or_create(&ServiceLabels { surface, service })
                .inc_by(rows as u64);
        }
    }

    pub(crate) fn loaded(&self, version: u64) {
        self.registry_version.set(version as i64);
    }

    pub(crate) fn refused(&self) {
        self.registry_refusals.inc();
    }
}

/// A request in flight.
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
