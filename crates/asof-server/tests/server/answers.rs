//! One question by three surfaces, and the bytes of Feast's.

use std::collections::BTreeMap;

use asof_proto::asof::serving::v1 as own;
use asof_proto::asof::serving::v1::feature_serving_client::FeatureServingClient;
use asof_proto::feast::grpc_server::grpc_feature_server_client::GrpcFeatureServerClient;
use asof_proto::feast::serving::GetFeastServingInfoRequest;
use asof_proto::feast::serving::serving_service_client::ServingServiceClient;
use asof_proto::feast::types::value::Val;
use prost::Message;
use serde_json::json;

use crate::fixture::at;
use crate::wire::{
    feast_answer, feast_column, feast_request, feast_texts, http_answer, own_answer, own_request, own_texts,
};
use crate::{Served, http_client, weather};

const ORIGINS: [Option<&str>; 5] = [Some("EWR"), Some("JFK"), Some("OLD"), Some("XXX"), None];

#[tokio::test]
async fn all_surfaces_give_the_same_answer() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let mut by_own = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let mut by_feast = ServingServiceClient::connect(served.grpc()).await.unwrap();
    let mut by_python = GrpcFeatureServerClient::connect(served.grpc()).await.unwrap();

    let departure = [Some(at(3600)), None, None, None, None];
    let mut request = own_request("trips", BTreeMap::from([("origin".to_owned(), own_texts(&ORIGINS))]));
    request.request = BTreeMap::from([
        (
            "sched_dep".to_owned(),
            own::Column {
                values: Some(own::column::Values::Timestamp(own::TimestampValues {
                    values: departure.map(Option::unwrap_or_default).to_vec(),
                })),
                validity: vec![1],
            },
        ),
        (
            "boost".to_owned(),
            own::Column {
                values: Some(own::column::Values::Int64(own::Int64Values { values: vec![10; 5] })),
                validity: Vec::new(),
            },
        ),
    ]);
    let own_response = by_own.get_online_features(request).await.unwrap().into_inner();
    assert_eq!((own_response.registry_version, own_response.row_count), (1, 5));
    let own = own_answer(&own_response);

    let seconds = departure.map(|time| time.map(|time| Val::UnixTimestampVal(time / 1_000_000)));
    // One request field among the entities, as Feast's HTTP has them all, and one in the context.
    let entities = BTreeMap::from([
        ("origin".to_owned(), feast_texts(&ORIGINS)),
        ("sched_dep".to_owned(), feast_column(&seconds)),
    ]);
    let boost = feast_column(&[(); 5].map(|()| Some(Val::Int64Val(10))));
    let request = feast_request("trips", entities, BTreeMap::from([("boost".to_owned(), boost)]));
    let feast_response = by_feast
        .get_online_features(request.clone())
        .await
        .unwrap()
        .into_inner();
    let python_response = by_python.get_online_features(request).await.unwrap().into_inner();
    assert_eq!(feast_response, python_response);
    let feast = feast_answer(&feast_response);

    let body = json!({"feature_service": "trips", "entities": {
        "origin": ORIGINS, "boost": [10, 10, 10, 10, 10],
        "sched_dep": ["2013-07-04T13:00:00Z", null, null, null, null]}});
    let (status, json) = http_client::json(
        served.running.http_addr,
        "POST",
        "/get-online-features",
        &body.to_string(),
    )
    .await;
    assert_eq!(status, 200);
    let http = http_answer(&json);

    assert_eq!(feast[1..], own[..]);
    assert_eq!(feast, http);
    let shown: Vec<String> = own
        .iter()
        .map(|(name, rows)| {
            let rows = rows.iter().map(|(value, status)| format!("{status} {value}"));
            format!("{name}: {}", rows.collect::<Vec<_>>().join(" | "))
        })
        .collect();
    assert_eq!(
        shown.join("\n").replace("\"2013-07-04T12:00:00Z\"", "NOW"),
        "cold: PRESENT true | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null\n\
         boosted: PRESENT 40.5 | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null\n\
         asked: PRESENT NOW | PRESENT NOW | PRESENT NOW | PRESENT NOW | PRESENT NOW\n\
         leaves: PRESENT \"2013-07-04T13:00:00Z\" | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null\n\
         known: PRESENT true | PRESENT false | PRESENT false | PRESENT false | PRESENT false"
    );
}

#[tokio::test]
async fn all_surfaces_tell_stored_features_and_their_times_alike() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let mut by_own = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let mut by_feast = ServingServiceClient::connect(served.grpc()).await.unwrap();
    let mut request = own_request("", BTreeMap::from([("origin".to_owned(), own_texts(&ORIGINS))]));
    request.selection = Some(own::get_online_features_request::Selection::Features(
        own::FeatureList {
            references: vec!["weather".to_owned()],
        },
    ));
    let own_response = by_own.get_online_features(request).await.unwrap().into_inner();
    let own = own_answer(&own_response);
    let temp = &own_response.features[0];
    assert_eq!((temp.view.as_str(), temp.r#type.as_str()), ("weather", "float64"));
    assert_eq!(temp.event_times, [at(-60), at(0), at(-86_400), 0, 0]);
    assert_eq!(temp.event_time_validity, [0b0000_0111]);

    let mut request = feast_request(
        "",
        BTreeMap::from([("origin".to_owned(), feast_texts(&ORIGINS))]),
        BTreeMap::new(),
    );
    let references = asof_proto::feast::serving::FeatureList {
        val: vec![
            "weather:temp".to_owned(),
            "weather:note".to_owned(),
            "weather:hours".to_owned(),
        ],
    };
    request.kind = Some(asof_proto::feast::serving::get_online_features_request::Kind::Features(
        references,
    ));
    let feast_response = by_feast.get_online_features(request).await.unwrap().into_inner();
    let feast = feast_answer(&feast_response);
    let seconds: Vec<i64> = feast_response.results[1]
        .event_timestamps
        .iter()
        .map(|t| t.seconds)
        .collect();
    assert_eq!(
        seconds,
        [at(-60), at(0), at(-86_400), 0, 0].map(|micros| micros / 1_000_000)
    );

    let body = json!({"features": ["weather"], "entities": {"origin": ORIGINS}}).to_string();
    let (_, json) = http_client::json(served.running.http_addr, "POST", "/get-online-features", &body).await;
    let http = http_answer(&json);
    assert_eq!(feast[1..], own[..]);
    assert_eq!(feast, http);
    assert_eq!(own[2].1[0].0, json!([1, null]));
}

/// The answer as Feast's clients get it, field by field as the protocol numbers them.
#[tokio::test]
async fn the_bytes_of_feasts_answer_stay() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let mut by_feast = ServingServiceClient::connect(served.grpc()).await.unwrap();
    let entities = BTreeMap::from([("origin".to_owned(), feast_texts(&[Some("EWR"), None]))]);
    let mut request = feast_request("", entities, BTreeMap::new());
    let references = asof_proto::feast::serving::FeatureList {
        val: vec!["weather:temp".to_owned()],
    };
    request.kind = Some(asof_proto::feast::serving::get_online_features_request::Kind::Features(
        references,
    ));
    request.full_feature_names = true;
    let response = by_feast.get_online_features(request).await.unwrap().into_inner();
    let bytes = response.encode_to_vec();
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = [
        // metadata (1): feature_names (1): val (1) "origin", val (1) "weather__temp"
        "0a190a17",
        "0a066f726967696e",
        "0a0d776561746865725f5f74656d70",
        // results (2): values (1) string_val (2) "EWR", an unset value; statuses (2), packed, 1 and 2;
        // event_timestamps (3), two of the epoch, which is no bytes
        "1211",
        "0a051203455752",
        "0a00",
        "12020102",
        "1a00",
        "1a00",
        // results (2): values (1) double_val (5) 30.5, an unset value; statuses (2) 1 and 3;
        // event_timestamps (3): seconds (1) 1372939140, and the epoch
        "121b",
        "0a09290000000000803e40",
        "0a00",
        "12020103",
        "1a060884c7d58e05",
        "1a00",
    ];
    assert_eq!(hex.concat(), expected.concat());
}

#[tokio::test]
async fn services_are_listed_and_described() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let mut client = FeatureServingClient::connect(served.grpc()).await.unwrap();
    let list = client
        .list_feature_services(own::ListFeatureServicesRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!((list.registry_version, list.project.as_str()), (1, "flights"));
    let counts: Vec<(&str, u32)> = list
        .feature_services
        .iter()
        .map(|service| (service.name.as_str(), service.feature_count))
        .collect();
    assert_eq!(counts, [("both_ends", 2), ("model", 4), ("seen", 1), ("trips", 5)]);

    let describe = |name: &str| own::DescribeFeatureServiceRequest {
        feature_service: name.to_owned(),
    };
    let trips = client
        .describe_feature_service(describe("trips"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (trips.description.as_str(), trips.owner.as_str()),
        ("what trips reads", "ops")
    );
    assert_eq!(trips.tags["tier"], "one");
    let fields = |fields: &[own::Field]| -> Vec<String> {
        fields
            .iter()
            .map(|field| format!("{} {}", field.name, field.r#type))
            .collect()
    };
    assert_eq!(fields(&trips.entities), ["origin string"]);
    assert_eq!(fields(&trips.request), ["boost int64", "sched_dep timestamp"]);
    let features: Vec<String> = trips
        .features
        .iter()
        .map(|f| format!("{}:{} {}", f.view, f.name, f.r#type))
        .collect();
    assert_eq!(
        features,
        [
            "trip:cold bool",
            "trip:boosted float64",
            "trip:asked timestamp",
            "trip:leaves timestamp",
            "verdict:known bool"
        ]
    );
    let ends = client
        .describe_feature_service(describe("both_ends"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(fields(&ends.entities), ["dest string", "origin string"]);
    assert_eq!(ends.features[1].view, "dest_weather");
    assert_eq!(ends.features[1].ttl, Some(3 * 3600 * 1_000_000));
    assert_eq!(ends.features[1].description, "the temp");
    let missing = client.describe_feature_service(describe("trip")).await.unwrap_err();
    assert_eq!(missing.code(), tonic::Code::NotFound);
    assert_eq!(
        missing.message(),
        "there is no feature service `trip`; did you mean `trips`?"
    );
}

#[tokio::test]
async fn feasts_info_says_which_server_answers() {
    let store = weather().await;
    let served = Served::new(store.store.clone()).await;
    let mut client = ServingServiceClient::connect(served.grpc()).await.unwrap();
    let info = client
        .get_feast_serving_info(GetFeastServingInfoRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(info.version, concat!("asof ", env!("CARGO_PKG_VERSION")));
}
