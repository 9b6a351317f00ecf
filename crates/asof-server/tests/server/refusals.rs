//! Bad requests, by every surface, and the limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use asof_model::SystemClock;
use asof_proto::asof::serving::v1::feature_serving_client::FeatureServingClient;
use asof_proto::feast::grpc_server::grpc_feature_server_client::GrpcFeatureServerClient;
use asof_proto::feast::grpc_server::{PushRequest, WriteToOnlineStoreRequest};
use asof_proto::feast::serving::serving_service_client::ServingServiceClient;
use asof_proto::feast::types::value::Val;
use asof_registry::Registry;
use asof_server::{ServerOptions, serve};
use asof_serving::FeatureServer;
use tonic::Code;

use crate::wire::{feast_column, feast_request, feast_texts, own_request, own_texts};
use crate::{Served, http_client, weather};

#[tokio::test]
async fn a_refusal_has_the_same_text_and_class_on_every_surface() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let mut by_own = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let mut by_feast = ServingServiceClient::connect(served.grpc()).await.unwrap();
    let cases = [
        (
            "modle",
            "origin",
            (Code::NotFound, 404, "not_found"),
            "there is no feature service `modle`; did you mean `model`?",
        ),
        (
            "trips",
            "orgin",
            (Code::InvalidArgument, 400, "invalid_input"),
            "`orgin` is neither a join key nor a request field of what is asked for; did you mean `origin`?",
        ),
        (
            "trips",
            "origin",
            (Code::InvalidArgument, 400, "invalid_input"),
            "the request lacks the request field `sched_dep` (timestamp)",
        ),
        (
            "seen",
            "origin",
            (Code::InvalidArgument, 400, "invalid_input"),
            "feature view `archive` has `online: false`, so it is never materialized and cannot be asked for online",
        ),
    ];
    for (service, key, (code, http_status, class), message) in cases {
        let entities = BTreeMap::from([(key.to_owned(), own_texts(&[Some("EWR")]))]);
        let status = by_own
            .get_online_features(own_request(service, entities))
            .await
            .unwrap_err();
        assert_eq!((status.code(), status.message()), (code, message));

        let entities = BTreeMap::from([(key.to_owned(), feast_texts(&[Some("EWR")]))]);
        let request = feast_request(service, entities, BTreeMap::new());
        let status = by_feast.get_online_features(request).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, message));

        let body = format!(r#"{{"feature_service": "{service}", "entities": {{"{key}": ["EWR"]}}}}"#);
        let (status, json) = http_client::json(served.running.http_addr, "POST", "/get-online-features", &body).await;
        assert_eq!(status, http_status);
        assert_eq!(json, serde_json::json!({"detail": message, "error": class}));
    }
}

#[tokio::test]
async fn what_only_one_wire_can_get_wrong_is_said_in_its_words() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let mut by_own = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let mut request = own_request(
        "trips",
        BTreeMap::from([("origin".to_owned(), own_texts(&[None, None]))]),
    );
    request.request = request.entities.clone();
    let status = by_own.get_online_features(request.clone()).await.unwrap_err();
    assert_eq!(
        status.message(),
        "column `origin`: stands in both `entities` and `request`; once is enough"
    );
    request.request.clear();
    request.entities.insert("sched_dep".to_owned(), Default::default());
    let status = by_own.get_online_features(request.clone()).await.unwrap_err();
    assert_eq!(
        status.message(),
        "column `sched_dep`: has no values set, so its type is not known; set one of them, if only an empty one"
    );
    request.entities.insert("sched_dep".to_owned(), own_texts(&[None]));
    let status = by_own.get_online_features(request.clone()).await.unwrap_err();
    assert_eq!(
        status.message(),
        "column `sched_dep` has 1 values where the request has 2 rows"
    );
    request.selection = None;
    let status = by_own.get_online_features(request).await.unwrap_err();
    assert_eq!(status.message(), "set either `feature_service` or `features`");
    assert_eq!(status.code(), Code::InvalidArgument);

    let mut by_feast = ServingServiceClient::connect(served.grpc()).await.unwrap();
    let mixed = feast_column(&[Some(Val::StringVal("EWR".to_owned())), Some(Val::Int64Val(1))]);
    let request = feast_request("trips", BTreeMap::from([("origin".to_owned(), mixed)]), BTreeMap::new());
    let status = by_feast.get_online_features(request).await.unwrap_err();
    assert_eq!(
        status.message(),
        "column `origin`: has string values, and in row 1 int64"
    );

    let addr = served.running.http_addr;
    let (status, json) = http_client::json(addr, "POST", "/get-online-features", "{").await;
    assert_eq!((status, &json["error"]), (400, &"invalid_input".into()));
    let (status, json) = http_client::json(addr, "GET", "/features", "").await;
    assert_eq!(status, 404);
    assert_eq!(
        json["detail"],
        "there is no `GET /features`; this server has `POST /get-online-features`, `GET /health`, `GET /ready` \
         and `GET /metrics`"
    );
    let (status, _) = http_client::send(addr, "GET", "/get-online-features", b"").await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn writing_by_feasts_interface_is_not_there_and_says_what_is() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let mut client = GrpcFeatureServerClient::connect(served.grpc()).await.unwrap();
    let push = client.push(PushRequest::default()).await.unwrap_err();
    assert_eq!(push.code(), Code::Unimplemented);
    assert_eq!(
        push.message(),
        "this server only reads, so it has no Push; write rows with `asof push` or `asof materialize`"
    );
    let write = client
        .write_to_online_store(WriteToOnlineStoreRequest::default())
        .await
        .unwrap_err();
    assert_eq!(write.code(), Code::Unimplemented);
}

#[tokio::test]
async fn too_many_rows_and_too_long_messages_are_refused() {
    let store = weather().await;
    let served = Served::with(store.store.clone(), true, |options| {
        options.max_rows = 3;
        options.max_request_bytes = 1000;
    })
    .await;
    let addr = served.running.http_addr;
    let body =
        |origins: &[&str]| serde_json::json!({"features": ["weather"], "entities": {"origin": origins}}).to_string();
    let (status, _) = http_client::json(addr, "POST", "/get-online-features", &body(&["EWR"; 3])).await;
    assert_eq!(status, 200);
    let (status, json) = http_client::json(addr, "POST", "/get-online-features", &body(&["EWR"; 4])).await;
    assert_eq!(status, 400);
    assert_eq!(
        json["detail"],
        "the request has 4 rows, this server takes at most 3; send it in parts"
    );
    let long = "x".repeat(2000);
    let (status, json) = http_client::json(addr, "POST", "/get-online-features", &body(&[&long])).await;
    assert_eq!((status, &json["error"]), (413, &"too_large".into()));
    assert_eq!(
        json["detail"],
        "the body is longer than the 1000 bytes that this server takes; send it in parts"
    );

    let mut client = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let entities = BTreeMap::from([("origin".to_owned(), own_texts(&[Some(&long)]))]);
    let status = client
        .get_online_features(own_request("model", entities))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let taken = served.running.http_addr.to_string();
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open("registry", folder.path(), &Default::default()).unwrap();
    let server = Arc::new(FeatureServer::new(store.store.clone(), Arc::new(SystemClock)));
    let error = serve(ServerOptions::new("127.0.0.1:0", &taken), server, registry)
        .await
        .unwrap_err();
    let message = format!("cannot listen for HTTP on {taken}: ");
    assert!(error.to_string().starts_with(&message), "{error}");
}
