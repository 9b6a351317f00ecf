//! A real server on ports of its own: three surfaces, one answer; health, versions, draining, bad requests.
#![expect(clippy::unwrap_used, reason = "a test whose ground gives way has failed")]

mod answers;
mod drain;
#[path = "../../../asof-serving/tests/serving/fixture.rs"]
mod fixture;
mod http_client;
mod refusals;
mod registry;
mod wire;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Builder, ListBuilder};
use asof_model::{FixedClock, Timestamp};
use asof_online::OnlineStore;
use asof_registry::{ApplyInfo, Registry};
use asof_server::{Running, ServerOptions, serve};
use asof_serving::FeatureServer;
use fixture::{NOW, Store, at, definitions, texts};
use tonic::transport::{Channel, Endpoint};

/// A server with what it stands on.
struct Served {
    running: Running,
    server: Arc<FeatureServer>,
    registry: tempfile::TempDir,
}

impl Served {
    /// Serves the fixture's definitions from `store`.
    async fn new(store: Arc<dyn OnlineStore>) -> Self {
        Self::with(store, true, |_| {}).await
    }

    async fn with(store: Arc<dyn OnlineStore>, applied: bool, change: impl FnOnce(&mut ServerOptions)) -> Self {
        let registry = tempfile::tempdir().unwrap();
        if applied {
            let definitions = definitions();
            open(&registry).apply(None, &definitions, info()).await.unwrap();
            assert_eq!(
                *open(&registry).current().await.unwrap().unwrap().definitions,
                definitions
            );
        }
        let mut options = ServerOptions::new("127.0.0.1:0", "127.0.0.1:0");
        change(&mut options);
        let server = Arc::new(FeatureServer::new(store, Arc::new(FixedClock(NOW))));
        let running = serve(options, server.clone(), open(&registry)).await.unwrap();
        Self {
            running,
            server,
            registry,
        }
    }

    /// The address of gRPC, for clients.
    fn grpc(&self) -> String {
        format!("http://{}", self.running.grpc_addr)
    }

    /// A connection for those clients that do not make their own.
    async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.grpc()).unwrap().connect().await.unwrap()
    }
}

fn open(folder: &tempfile::TempDir) -> Registry {
    Registry::open("registry", folder.path(), &Default::default()).unwrap()
}

fn info() -> ApplyInfo {
    ApplyInfo {
        time: Timestamp::from_micros(0),
        author: "someone".to_owned(),
        message: None,
        git: None,
    }
}

/// EWR is fresh, JFK has nulls, OLD is past its ttl.
async fn weather() -> Store {
    let store = Store::new();
    let mut hours = ListBuilder::new(Int64Builder::new());
    hours.append_value([Some(1), None]);
    hours.append_null();
    hours.append_value([Some(9)]);
    let columns = [
        Arc::new(Float64Array::from(vec![Some(30.5), None, Some(1.0)])) as ArrayRef,
        texts(&[Some("é"), Some(""), Some("old")]),
        Arc::new(hours.finish()) as ArrayRef,
    ];
    let times = [(at(-60), None), (at(0), None), (at(-86_400), None)];
    store
        .write(
            "weather",
            &[texts(&[Some("EWR"), Some("JFK"), Some("OLD")])],
            &columns,
            &times,
        )
        .await;
    store
}
