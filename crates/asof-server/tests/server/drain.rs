//! Stopping: health first, then no new connections, then the end of what is in flight.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use asof_model::{Keyspace, TimeSpan};
use asof_online::{KeyspaceInfo, KeyspaceLife, OnlineError, OnlineStore, ReadRequest, StoredRow, WriteSummary};
use asof_proto::asof::serving::v1::feature_serving_client::FeatureServingClient;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::wire::{own_request, own_texts};
use crate::{Served, http_client, weather};

/// A store whose reads wait at a gate.
#[derive(Debug)]
struct Gated {
    store: Arc<dyn OnlineStore>,
    arrived: Semaphore,
    gate: Semaphore,
}

impl Gated {
    fn new(store: Arc<dyn OnlineStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            arrived: Semaphore::new(0),
            gate: Semaphore::new(0),
        })
    }

    /// Waits until as many reads stand at the gate.
    async fn arrived(&self, reads: u32) {
        self.arrived.acquire_many(reads).await.unwrap().forget();
    }
}

#[tonic::async_trait]
impl OnlineStore for Gated {
    async fn read(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<bytes::Bytes>>>, OnlineError> {
        self.arrived.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        self.store.read(requests).await
    }

    async fn write(
        &self,
        keyspace: &Keyspace,
        keys: &EncodedKeys,
        rows: &EncodedRows,
        ttl: Option<TimeSpan>,
    ) -> Result<WriteSummary, OnlineError> {
        self.store.write(keyspace, keys, rows, ttl).await
    }

    async fn advance(&self, keyspace: &Keyspace) -> Result<KeyspaceLife, OnlineError> {
        self.store.advance(keyspace).await
    }

    async fn delete_keyspace(&self, keyspace: &Keyspace) -> Result<u64, OnlineError> {
        self.store.delete_keyspace(keyspace).await
    }

    async fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError> {
        self.store.keyspaces().await
    }

    async fn scan(&self, keyspace: &Keyspace) -> Result<Vec<StoredRow>, OnlineError> {
        self.store.scan(keyspace).await
    }

    async fn ping(&self) -> Result<(), OnlineError> {
        self.store.ping().await
    }
}

const BODY: &str = r#"{"features": ["weather:temp"], "entities": {"origin": ["EWR"]}}"#;

fn grpc_request() -> asof_proto::asof::serving::v1::GetOnlineFeaturesRequest {
    let mut request = own_request("", BTreeMap::from([("origin".to_owned(), own_texts(&[Some("EWR")]))]));
    let references = asof_proto::asof::serving::v1::FeatureList {
        references: vec!["weather:temp".to_owned()],
    };
    request.selection =
        Some(asof_proto::asof::serving::v1::get_online_features_request::Selection::Features(references));
    request
}

#[tokio::test]
async fn a_stopping_server_finishes_what_is_in_flight_and_takes_no_more() {
    let store = weather().await;
    let gated = Gated::new(store.store.clone());
    let served = Served::new(gated.clone()).await;
    let (http_addr, grpc_addr) = (served.running.http_addr, served.running.grpc_addr);

    let mut health = HealthClient::new(served.channel().await);
    let all = HealthCheckRequest { service: String::new() };
    let mut watch = health.watch(all).await.unwrap().into_inner();
    let status = watch.message().await.unwrap().unwrap().status();
    assert_eq!(status.as_str_name(), "SERVING");

    let mut client = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let by_grpc = tokio::spawn(async move { client.get_online_features(grpc_request()).await });
    let by_http = tokio::spawn(async move { http_client::json(http_addr, "POST", "/get-online-features", BODY).await });
    gated.arrived(2).await;

    served.running.shutdown().await;
    served.running.shutdown().await;
    let status = watch.message().await.unwrap().unwrap().status();
    assert_eq!(status.as_str_name(), "NOT_SERVING");
    assert!(watch.message().await.unwrap().is_none());

    let stopped = tokio::spawn(served.running.wait());
    // The listeners close as soon as they have seen the signal, while both requests are still in flight.
    while TcpStream::connect(http_addr).await.is_ok() || TcpStream::connect(grpc_addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopped.is_finished() && !by_grpc.is_finished() && !by_http.is_finished());

    gated.gate.add_permits(2);
    let response = by_grpc.await.unwrap().unwrap().into_inner();
    assert_eq!(response.features[0].name, "temp");
    let (status, json) = by_http.await.unwrap();
    assert_eq!(
        (status, &json["results"][1]["values"]),
        (200, &serde_json::json!([30.5]))
    );
    stopped.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off() {
    let store = weather().await;
    let gated = Gated::new(store.store.clone());
    let served = Served::with(gated.clone(), true, |options| options.drain_timeout = Duration::ZERO).await;
    let mut client = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let by_grpc = tokio::spawn(async move { client.get_online_features(grpc_request()).await });
    gated.arrived(1).await;
    served.running.shutdown().await;
    served.running.wait().await.unwrap();
    let status = by_grpc.await.unwrap().unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(status.message(), "the server stopped before the answer was ready");
}

#[tokio::test]
async fn a_server_runs_until_the_signal_it_was_given() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let (signal, signalled) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(served.running.run_until(async {
        let _ = signalled.await;
    }));
    signal.send(()).unwrap();
    running.await.unwrap().unwrap();
}
