//! What is answered.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Float32Array, Float64Array, Int32Array, Int64Builder, LargeStringArray, ListBuilder,
    NullArray, TimestampMicrosecondArray,
};
use asof_serving::json::{self, JsonRequest};

use crate::fixture::{NOW, Store, at, texts};
use crate::{ask, ints, server, show};

fn hours(lists: &[Option<&[Option<i64>]>]) -> ArrayRef {
    let mut builder = ListBuilder::new(Int64Builder::new());
    for list in lists {
        builder.append_option(list.map(|list| list.iter().copied()));
    }
    Arc::new(builder.finish())
}

/// EWR is fresh, JFK has nulls, LGA lies on the edge of the ttl, OLD just past it.
async fn weather() -> Store {
    let store = Store::new();
    let keys = texts(&[Some("EWR"), Some("JFK"), Some("LGA"), Some("OLD")]);
    let columns = [
        Arc::new(Float64Array::from(vec![Some(30.5), None, Some(f64::NAN), Some(1.0)])) as ArrayRef,
        texts(&[Some(""), Some("fog"), None, Some("old")]),
        hours(&[Some(&[Some(1), None]), None, Some(&[]), Some(&[Some(9)])]),
    ];
    let edge = at(-3 * 3600);
    let times = [(at(-60), None), (at(0), None), (edge, None), (edge - 1, None)];
    store.write("weather", &[keys], &columns, &times).await;
    store
}

#[tokio::test]
async fn every_status_has_its_meaning() {
    let store = weather().await;
    let keys = texts(&[Some("EWR"), Some("JFK"), Some("LGA"), Some("OLD"), Some("XXX"), None]);
    let response = ask(&server(&store), &["weather"], &[("origin", keys)], 6)
        .await
        .unwrap();
    assert_eq!(
        show(&response),
        r#"
temp: PRESENT 30.5 @-60s | NULL_VALUE null @+0s | PRESENT "NaN" @-10800s | OUTSIDE_MAX_AGE null @-10800s | NOT_FOUND null | NOT_FOUND null
note: PRESENT "" @-60s | PRESENT "fog" @+0s | NULL_VALUE null @-10800s | OUTSIDE_MAX_AGE null @-10800s | NOT_FOUND null | NOT_FOUND null
hours: PRESENT [1,null] @-60s | NULL_VALUE null @+0s | PRESENT [] @-10800s | OUTSIDE_MAX_AGE null @-10800s | NOT_FOUND null | NOT_FOUND null"#
            .trim_start()
    );
}

#[tokio::test]
async fn rows_and_features_keep_the_order_asked_and_duplicates_stay() {
    let store = weather().await;
    let keys = texts(&[Some("XXX"), Some("EWR"), Some("JFK"), Some("EWR")]);
    let features = ["weather:note", "weather:temp"];
    let response = ask(&server(&store), &features, &[("origin", keys.clone())], 4)
        .await
        .unwrap();
    assert_eq!(
        show(&response),
        "note: NOT_FOUND null | PRESENT \"\" @-60s | PRESENT \"fog\" @+0s | PRESENT \"\" @-60s\n\
         temp: NOT_FOUND null | PRESENT 30.5 @-60s | NULL_VALUE null @+0s | PRESENT 30.5 @-60s"
    );
    assert_eq!(response.keys.len(), 1);
    assert_eq!(response.keys[0].0.as_str(), "origin");
    assert_eq!(&response.keys[0].1, &keys);
}

#[tokio::test]
async fn a_row_that_is_not_yet_known_is_not_found() {
    let store = Store::new();
    // In this order: known; its lag is over just now; its lag is not over; written after now.
    let times = [
        (at(-7200), Some(at(-7000))),
        (at(-3600), Some(at(0))),
        (at(-3599), Some(at(-3599))),
        (at(-7200), Some(at(0) + 1)),
    ];
    let keys = [texts(&[Some("AA"); 4]), ints(&[Some(1), Some(2), Some(3), Some(4)])];
    let columns = [
        Arc::new(Float32Array::from(vec![0.5; 4])) as ArrayRef,
        Arc::new(Int32Array::from(vec![7; 4])) as ArrayRef,
    ];
    store.write("delays", &keys, &columns, &times).await;
    let asked = [("carrier", keys[0].clone()), ("flight", keys[1].clone())];
    let response = ask(&server(&store), &["delays:trips"], &asked, 4).await.unwrap();
    assert_eq!(
        show(&response),
        "trips: PRESENT 7 @-7200s | PRESENT 7 @-3600s | NOT_FOUND null | NOT_FOUND null"
    );
}

#[tokio::test]
async fn a_null_in_one_key_only_matters_to_the_views_that_use_it() {
    let store = weather().await;
    let delays = [texts(&[Some("AA")]), ints(&[Some(1)])];
    let columns = [
        Arc::new(Float32Array::from(vec![0.5])) as ArrayRef,
        Arc::new(Int32Array::from(vec![7])) as ArrayRef,
    ];
    store.write("delays", &delays, &columns, &[(at(-7200), None)]).await;
    let asked = [
        ("origin", texts(&[Some("EWR"), Some("EWR"), None])),
        ("carrier", texts(&[None, Some("AA"), Some("AA")])),
        // An int32 column matches an int64 key.
        ("flight", Arc::new(Int32Array::from(vec![1; 3])) as ArrayRef),
    ];
    let response = ask(&server(&store), &["weather:temp", "delays:trips"], &asked, 3)
        .await
        .unwrap();
    assert_eq!(
        show(&response),
        "temp: PRESENT 30.5 @-60s | PRESENT 30.5 @-60s | NOT_FOUND null\n\
         trips: NOT_FOUND null | PRESENT 7 @-7200s | PRESENT 7 @-7200s"
    );
}

#[tokio::test]
async fn a_view_without_entities_has_one_row_for_all() {
    let store = Store::new();
    let columns = [
        Arc::new(TimestampMicrosecondArray::from(vec![-1]).with_timezone("UTC")) as ArrayRef,
        Arc::new(BinaryArray::from_vec(vec![b"\xff\0"])) as ArrayRef,
    ];
    store.write("holidays", &[], &columns, &[(at(-1), None)]).await;
    let response = ask(&server(&store), &["holidays"], &[], 2).await.unwrap();
    assert_eq!(
        show(&response),
        "day: PRESENT \"1969-12-31T23:59:59.999999Z\" @-1s | PRESENT \"1969-12-31T23:59:59.999999Z\" @-1s\n\
         code: PRESENT \"/wA=\" @-1s | PRESENT \"/wA=\" @-1s"
    );
}

#[tokio::test]
async fn one_view_under_two_aliases_is_looked_up_by_two_columns() {
    let store = weather().await;
    let body = br#"{"feature_service": "both_ends", "full_feature_names": true,
        "entities": {"origin": ["EWR", null], "dest": ["OLD", "EWR"]}}"#;
    let request = JsonRequest::parse(body).unwrap();
    let response = json::get_online_features(&server(&store), &request).await.unwrap();
    assert_eq!(
        show(&response),
        "origin_weather__temp: PRESENT 30.5 @-60s | NOT_FOUND null\n\
         dest_weather__temp: OUTSIDE_MAX_AGE null @-10800s | PRESENT 30.5 @-60s"
    );
}

#[tokio::test]
async fn on_demand_features_see_null_where_an_input_is_not_present() {
    let store = weather().await;
    let body = br#"{"feature_service": "trips", "entities": {
        "origin": ["EWR", "JFK", "OLD", "XXX", "LGA"],
        "sched_dep": ["2013-07-04T13:00:00Z", null, null, null, null],
        "boost": [10, 1, 1, 1, null]}}"#;
    let request = JsonRequest::parse(body).unwrap();
    let response = json::get_online_features(&server(&store), &request).await.unwrap();
    assert_eq!(response.features[2].output.name, "asked");
    let now = format!("{NOW}");
    assert_eq!(
        show(&response).replace(&now, "NOW"),
        "cold: PRESENT true | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null | PRESENT false\n\
         boosted: PRESENT 40.5 | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null\n\
         asked: PRESENT \"NOW\" | PRESENT \"NOW\" | PRESENT \"NOW\" | PRESENT \"NOW\" | PRESENT \"NOW\"\n\
         leaves: PRESENT \"2013-07-04T13:00:00Z\" | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null | NULL_VALUE null\n\
         known: PRESENT true | PRESENT false | PRESENT false | PRESENT false | PRESENT true"
    );
}

#[tokio::test]
async fn columns_of_other_types_that_conform_are_taken() {
    let store = weather().await;
    let server = server(&store);
    let large = Arc::new(LargeStringArray::from(vec!["EWR"])) as ArrayRef;
    let response = ask(&server, &["weather:temp"], &[("origin", large)], 1).await.unwrap();
    assert_eq!(show(&response), "temp: PRESENT 30.5 @-60s");
    let nulls = Arc::new(NullArray::new(1)) as ArrayRef;
    let response = ask(&server, &["weather:temp"], &[("origin", nulls)], 1).await.unwrap();
    assert_eq!(show(&response), "temp: NOT_FOUND null");
}

#[tokio::test]
async fn a_request_without_rows_has_an_answer_without_rows() {
    let store = weather().await;
    let response = ask(&server(&store), &["weather:temp"], &[("origin", texts(&[]))], 0)
        .await
        .unwrap();
    assert_eq!(show(&response), "temp: ");
    assert_eq!(response.rows, 0);
}

#[tokio::test]
async fn the_json_answer_has_the_join_keys_first() {
    let store = weather().await;
    let body = br#"{"features": ["weather:temp", "weather:hours"], "entities": {"origin": ["EWR", null, "OLD"]}}"#;
    let request = JsonRequest::parse(body).unwrap();
    let response = json::get_online_features(&server(&store), &request).await.unwrap();
    let expected = serde_json::json!({
        "metadata": {"feature_names": ["origin", "temp", "hours"]},
        "results": [
            {
                "values": ["EWR", null, "OLD"],
                "statuses": ["PRESENT", "NULL_VALUE", "PRESENT"],
                "event_timestamps": ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"],
            },
            {
                "values": [30.5, null, null],
                "statuses": ["PRESENT", "NOT_FOUND", "OUTSIDE_MAX_AGE"],
                "event_timestamps": ["2013-07-04T11:59:00Z", "1970-01-01T00:00:00Z", "2013-07-04T08:59:59.999999Z"],
            },
            {
                "values": [[1, null], null, null],
                "statuses": ["PRESENT", "NOT_FOUND", "OUTSIDE_MAX_AGE"],
                "event_timestamps": ["2013-07-04T11:59:00Z", "1970-01-01T00:00:00Z", "2013-07-04T08:59:59.999999Z"],
            },
        ],
    });
    // As text: the order of the keys counts too.
    assert_eq!(json::response(&response).to_string(), expected.to_string());
}
