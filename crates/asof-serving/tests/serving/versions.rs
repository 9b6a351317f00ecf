//! Versions come and go under load, whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, Float64Array, Int64Builder, ListBuilder};
use asof_model::retrieval::FeatureNames;
use asof_serving::{Request, Selection};

use crate::fixture::{Store, at, definitions, texts};
use crate::{ints, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_answer_comes_from_one_version_while_versions_are_swapped() {
    let store = Store::new();
    let mut hours = ListBuilder::new(Int64Builder::new());
    hours.append_null();
    let columns = [
        Arc::new(Float64Array::from(vec![30.5])) as ArrayRef,
        texts(&[Some("fog")]),
        Arc::new(hours.finish()) as ArrayRef,
    ];
    store
        .write("weather", &[texts(&[Some("EWR")])], &columns, &[(at(-60), None)])
        .await;
    let server = Arc::new(server(&store));

    // Odd versions have the whole service, even ones only its first view.
    let whole = Arc::new(definitions());
    let mut part = definitions();
    part.feature_services.get_mut("model").unwrap().features.truncate(1);
    let part = Arc::new(part);

    let done = Arc::new(AtomicBool::new(false));
    let mut askers = Vec::new();
    for _ in 0..4 {
        let (server, done) = (server.clone(), done.clone());
        askers.push(tokio::spawn(async move {
            let mut answers = 0_u64;
            while !done.load(Ordering::Relaxed) {
                let service = Selection::Service("model".to_owned());
                let prepared = server.prepare(&service, FeatureNames::Short).unwrap();
                let whole = prepared.registry_version() % 2 == 1;
                // A request keeps its version, whatever is loaded meanwhile.
                tokio::task::yield_now().await;
                let mut columns = std::collections::BTreeMap::from([("origin".to_owned(), texts(&[Some("EWR")]))]);
                if whole {
                    columns.insert("carrier".to_owned(), texts(&[Some("AA")]));
                    columns.insert("flight".to_owned(), ints(&[Some(1)]));
                }
                let response = prepared.answer(&columns, 1).await.unwrap();
                assert_eq!(response.registry_version, prepared.registry_version());
                assert_eq!(response.features.len(), if whole { 4 } else { 3 });
                assert_eq!(asof_serving::json::values(&response.features[0].values), [30.5]);
                answers += 1;
            }
            answers
        }));
    }
    for version in 2..200 {
        let definitions = if version % 2 == 1 { &whole } else { &part };
        server.load(version, definitions.clone()).unwrap();
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Relaxed);
    for asker in askers {
        asker.await.unwrap();
    }
}

#[tokio::test]
async fn a_version_that_does_not_compile_leaves_the_one_before() {
    let store = Store::new();
    let server = server(&store);
    let mut broken = definitions();
    let trip = broken.on_demand_feature_views.get_mut("trip").unwrap();
    trip.features[0].expr = "weather.tmp < 32".to_owned();
    let error = server.load(2, Arc::new(broken)).unwrap_err().to_string();
    assert!(
        error.starts_with("on-demand feature view `trip` does not compile: `cold`: "),
        "{error}"
    );
    assert_eq!(server.current().unwrap().version(), 1);
    assert_eq!(*server.versions().borrow(), Some(1));
    let request = Request {
        selection: Selection::Features(vec!["weather:temp".to_owned()]),
        names: FeatureNames::Full,
        columns: std::collections::BTreeMap::from([("origin".to_owned(), texts(&[None]))]),
        rows: 1,
    };
    let response = server.get_online_features(request).await.unwrap();
    assert_eq!(response.registry_version, 1);
    assert_eq!(response.features[0].output.name, "weather__temp");
}

#[tokio::test]
async fn a_loaded_version_is_told() {
    let store = Store::new();
    let server = server(&store);
    let mut versions = server.versions();
    versions.mark_unchanged();
    server.load(7, Arc::new(definitions())).unwrap();
    versions.changed().await.unwrap();
    assert_eq!(*versions.borrow(), Some(7));
    assert_eq!(server.ready().await.unwrap(), 7);
}
