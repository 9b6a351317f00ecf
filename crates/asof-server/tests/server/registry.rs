//! Versions of the registry come without a restart; health, readiness, metrics and reflection.

use std::collections::BTreeMap;

use asof_proto::asof::serving::v1::feature_serving_client::FeatureServingClient;
use serde_json::json;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::fixture::definitions;
use crate::wire::{own_request, own_texts};
use crate::{Served, http_client, info, open, weather};

#[tokio::test]
async fn a_new_version_serves_without_a_restart_and_a_broken_one_does_not() {
    let store = weather().await;
    let served = Served::with(store.store.clone(), false, |options| {
        options.poll_interval = std::time::Duration::from_millis(1);
    })
    .await;
    let addr = served.running.http_addr;
    let mut versions = served.server.versions();

    let (status, json) = http_client::json(addr, "GET", "/ready", "").await;
    assert_eq!(status, 503);
    assert_eq!(
        json,
        json!({"status": "not ready", "reason": "no registry version is loaded; apply one with `asof apply`"})
    );
    let body = r#"{"features": ["weather:temp"], "entities": {"origin": ["EWR"]}}"#;
    let (status, _) = http_client::json(addr, "POST", "/get-online-features", body).await;
    assert_eq!(status, 503);

    let registry = open(&served.registry);
    let first = registry.apply(None, &definitions(), info()).await.unwrap().version;
    versions.wait_for(|version| *version == Some(1)).await.unwrap();
    let (status, json) = http_client::json(addr, "GET", "/ready", "").await;
    assert_eq!((status, json), (200, json!({"status": "ready", "registry_version": 1})));

    // A version that does not compile: it is counted, and the one before goes on.
    let mut broken = definitions();
    broken.on_demand_feature_views.get_mut("trip").unwrap().features[0].expr = "weather.tmp < 32".to_owned();
    let second = registry.apply(Some(first), &broken, info()).await.unwrap().version;
    loop {
        let (_, metrics) = http_client::send(addr, "GET", "/metrics", b"").await;
        if metrics.contains("asof_serving_registry_refusals_total 1\n") {
            assert!(metrics.contains("asof_serving_registry_version 1\n"), "{metrics}");
            break;
        }
    }
    let (status, json) = http_client::json(addr, "POST", "/get-online-features", body).await;
    assert_eq!((status, &json["results"][1]["values"]), (200, &json!([30.5])));

    let mut smaller = definitions();
    smaller.feature_services.get_mut("model").unwrap().features.truncate(1);
    registry.apply(Some(second), &smaller, info()).await.unwrap();
    versions.wait_for(|version| *version == Some(3)).await.unwrap();
    let mut client = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let entities = BTreeMap::from([("origin".to_owned(), own_texts(&[Some("EWR")]))]);
    let response = client
        .get_online_features(own_request("model", entities))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((response.registry_version, response.features.len()), (3, 3));
}

#[tokio::test]
async fn metrics_count_requests_by_surface_service_and_status() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let addr = served.running.http_addr;
    let (status, json) = http_client::json(addr, "GET", "/health", "").await;
    assert_eq!((status, json), (200, json!({"status": "ok"})));
    let body = r#"{"feature_service": "both_ends", "full_feature_names": true,
        "entities": {"origin": ["EWR", "JFK"], "dest": ["EWR", "JFK"]}}"#;
    http_client::json(addr, "POST", "/get-online-features", body).await;
    http_client::json(
        addr,
        "POST",
        "/get-online-features",
        r#"{"feature_service": "what the caller likes"}"#,
    )
    .await;
    http_client::json(addr, "POST", "/get-online-features", "not json").await;
    let mut client = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let request = own_request("both_ends", BTreeMap::new());
    client.get_online_features(request).await.unwrap_err();

    let (status, metrics) = http_client::send(addr, "GET", "/metrics", b"").await;
    assert_eq!(status, 200);
    let shown: Vec<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("duration_seconds_bucket") && !line.contains("_sum{"))
        .collect();
    let mut sorted = shown.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "asof_serving_registry_refusals_total 0",
            "asof_serving_registry_version 1",
            r#"asof_serving_request_duration_seconds_count{surface="grpc",service="",status="invalid_input"} 1"#,
            r#"asof_serving_request_duration_seconds_count{surface="http",service="",status="invalid_input"} 1"#,
            r#"asof_serving_request_duration_seconds_count{surface="http",service="",status="not_found"} 1"#,
            r#"asof_serving_request_duration_seconds_count{surface="http",service="both_ends",status="ok"} 1"#,
            r#"asof_serving_requests_in_flight{surface="grpc"} 0"#,
            r#"asof_serving_requests_in_flight{surface="http"} 0"#,
            r#"asof_serving_requests_total{surface="grpc",service="",status="invalid_input"} 1"#,
            r#"asof_serving_requests_total{surface="http",service="",status="invalid_input"} 1"#,
            r#"asof_serving_requests_total{surface="http",service="",status="not_found"} 1"#,
            r#"asof_serving_requests_total{surface="http",service="both_ends",status="ok"} 1"#,
            r#"asof_serving_rows_total{surface="http",service="both_ends"} 2"#,
        ]
    );
    assert!(metrics.ends_with("# EOF\n"));
}

#[tokio::test]
async fn reflection_lists_all_services_and_health_knows_them() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let mut client = ServerReflectionClient::new(served.channel().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = client
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("a list of services")
    };
    let mut names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "GrpcFeatureServer",
            "asof.serving.v1.FeatureServing",
            "feast.serving.ServingService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
        ]
    );

    let mut health = HealthClient::new(served.channel().await);
    for service in [
        "",
        "GrpcFeatureServer",
        "asof.serving.v1.FeatureServing",
        "feast.serving.ServingService",
    ] {
        let service = service.to_owned();
        let check = health.check(HealthCheckRequest { service }).await.unwrap().into_inner();
        assert_eq!(check.status().as_str_name(), "SERVING");
    }
    let nothing = HealthCheckRequest {
        service: "nothing".to_owned(),
    };
    assert_eq!(health.check(nothing).await.unwrap_err().code(), tonic::Code::NotFound);
}
