//! gRPC: the listener that all gRPC interfaces share, health and reflection, and Asof's own `asof.serving.v1`.

pub(crate) mod column;
mod describe;
mod serving;

use std::future::Future;
use std::sync::Arc;

use asof_proto::FILE_DESCRIPTOR_SET;
use asof_proto::asof::serving::v1::feature_serving_server::FeatureServingServer;
use asof_proto::feast::grpc_server::grpc_feature_server_server::GrpcFeatureServerServer;
use asof_proto::feast::serving::serving_service_server::ServingServiceServer;
use serving::OwnServing;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::edge::Edge;
use crate::error::ServeError;
use crate::feast::FeastServing;

/// The names under which health is told: all of the server, and each interface.
const HEALTH_NAMES: [&str; 4] = [
    "",
    FeatureServingServer::<OwnServing>::NAME,
    ServingServiceServer::<FeastServing>::NAME,
    GrpcFeatureServerServer::<FeastServing>::NAME,
];

/// Serves until `stop`, then finishes what is in flight.
///
/// # Errors
/// When the descriptors for reflection are damaged; the future: when the listener breaks.
pub(crate) fn listen(
    listener: TcpListener,
    edge: Arc<Edge>,
    health: HealthServer<HealthService>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<impl Future<Output = Result<(), ServeError>> + Send + 'static, ServeError> {
    let limit = edge.max_request_bytes;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let broken = |error: tonic_reflection::server::Error| ServeError::Reflection(error.to_string());
    let feast = FeastServing::new(edge.clone());
    let router = Server::builder()
        .add_service(health)
        .add_service(reflection().build_v1().map_err(broken)?)
        .add_service(reflection().build_v1alpha().map_err(broken)?)
        .add_service(FeatureServingServer::new(OwnServing::new(edge)).max_decoding_message_size(limit))
        .add_service(ServingServiceServer::new(feast.clone()).max_decoding_message_size(limit))
        .add_service(GrpcFeatureServerServer::new(feast).max_decoding_message_size(limit));
    Ok(async move {
        router
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop)
            .await
            .map_err(|error| ServeError::Ended {
                surface: "gRPC",
                message: error.to_string(),
            })
    })
}

/// What `grpc.health.v1` says.
#[derive(Debug)]
pub(crate) struct Health(HealthReporter);

impl Health {
    /// Everything is serving.
    pub(crate) async fn new() -> Self {
        let health = Self(HealthReporter::new());
        health.set(ServingStatus::Serving).await;
        health
    }

    pub(crate) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.0.clone()))
    }

    pub(crate) async fn not_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    async fn set(&self, status: ServingStatus) {
        for name in HEALTH_NAMES {
            self.0.set_service_status(name, status).await;
        }
    }

    /// Ends the streams of those who watch, after what they were told last.
    pub(crate) async fn end_watches(&self) {
        let mut reporter = self.0.clone();
        for name in HEALTH_NAMES {
            reporter.clear_service_status(name).await;
        }
    }
}
