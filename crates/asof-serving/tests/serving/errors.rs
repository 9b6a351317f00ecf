//! What is refused, and how it is said.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use asof_model::key::EncodedKeys;
use asof_model::retrieval::FeatureNames;
use asof_model::row::EncodedRows;
use asof_model::{ErrorKind, FixedClock, Keyspace, TimeSpan};
use asof_online::{KeyspaceInfo, KeyspaceLife, OnlineError, OnlineStore, ReadRequest, StoredRow, WriteSummary};
use asof_serving::json::{self, JsonRequest};
use asof_serving::{FeatureServer, Selection};
use async_trait::async_trait;
use bytes::Bytes;

use crate::fixture::{NOW, Store, definitions, texts};
use crate::{ask, ints, server};

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() {
    let store = Store::new();
    let server = server(&store);
    let origin = || ("origin", texts(&[Some("EWR")]));
    type Case<'a> = (&'a [&'a str], Vec<(&'a str, ArrayRef)>, ErrorKind, &'a str);
    let cases: Vec<Case<'_>> = vec![
        (&[], vec![], ErrorKind::InvalidInput, "no features were asked for"),
        (
            &["wether:temp"],
            vec![origin()],
            ErrorKind::NotFound,
            "there is no feature view `wether`; did you mean `weather`?",
        ),
        (
            &["weather:tmp"],
            vec![origin()],
            ErrorKind::NotFound,
            "feature view `weather` has no feature `tmp`; did you mean `temp`?",
        ),
        (
            &["weather:temp:1"],
            vec![origin()],
            ErrorKind::InvalidInput,
            "`weather:temp:1` is not a feature reference, write `view:feature` or `view`: \
             a name has only letters, digits and `_`, not `:`",
        ),
        (
            &["archive:wind"],
            vec![origin()],
            ErrorKind::InvalidInput,
            "feature view `archive` has `online: false`, so it is never materialized and cannot be asked for online",
        ),
        (
            &["weather:temp"],
            vec![],
            ErrorKind::InvalidInput,
            "the request lacks the join key `origin` (string)",
        ),
        (
            &["trip:boosted"],
            vec![origin(), ("sched_dep", ints(&[None]))],
            ErrorKind::InvalidInput,
            "column `sched_dep`: expected timestamp, found int64",
        ),
        (
            &["weather:temp"],
            vec![origin(), ("orgin", texts(&[None]))],
            ErrorKind::InvalidInput,
            "`orgin` is neither a join key nor a request field of what is asked for; did you mean `origin`?",
        ),
        (
            &["weather:temp"],
            vec![("origin", texts(&[None, None]))],
            ErrorKind::InvalidInput,
            "column `origin` has 2 values where the request has 1 rows",
        ),
        (
            &["weather:temp"],
            vec![("origin", ints(&[Some(1)]))],
            ErrorKind::InvalidInput,
            "column `origin`: expected string, found int64",
        ),
        (
            &["delays:trips"],
            vec![
                ("carrier", texts(&[None])),
                ("flight", Arc::new(Float64Array::from(vec![1.0]))),
            ],
            ErrorKind::InvalidInput,
            "column `flight`: expected int64, found float64",
        ),
    ];
    for (features, columns, kind, message) in cases {
        let error = ask(&server, features, &columns, 1).await.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind()), (message, kind));
    }
}

#[tokio::test]
async fn a_missing_request_field_is_called_one() {
    let store = Store::new();
    let columns = [("origin", texts(&[None]))];
    let error = ask(&server(&store), &["trip:cold"], &columns, 1).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the request lacks the request field `sched_dep` (timestamp)"
    );
}

#[tokio::test]
async fn an_unknown_service_and_one_that_clashes_are_named() {
    let store = Store::new();
    let server = server(&store);
    let error = |service: &str, names| {
        let prepared = server.prepare(&Selection::Service(service.to_owned()), names);
        prepared.unwrap_err().to_string()
    };
    assert_eq!(
        error("modle", FeatureNames::Short),
        "there is no feature service `modle`; did you mean `model`?"
    );
    assert_eq!(
        error("both_ends", FeatureNames::Short),
        "`origin_weather:temp` and `dest_weather:temp` are both called `temp`; \
         ask for full feature names, or give one of the views an alias"
    );
    assert_eq!(
        error("seen", FeatureNames::Short),
        "feature view `archive` has `online: false`, so it is never materialized and cannot be asked for online"
    );
}

#[tokio::test]
async fn an_on_demand_feature_that_cannot_be_computed_refuses_the_request() {
    let store = Store::new();
    let server = server(&store);
    let body = br#"{"features": ["trip:ratio"], "entities": {"origin": [null], "sched_dep": [null], "boost": [0]}}"#;
    let request = JsonRequest::parse(body).unwrap();
    let error = json::get_online_features(&server, &request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "on-demand feature view `trip` cannot be computed for this request: \
         `ratio` (`100 / boost`): division by zero"
    );
}

#[tokio::test]
async fn json_values_are_refused_by_column_and_row() {
    let store = Store::new();
    let server = server(&store);
    let cases = [
        (
            r#"{"carrier": ["AA", "AA"], "flight": [1, 1.5]}"#,
            "column `flight`, row 1: int64 wants a whole number, not a number with a fraction",
        ),
        (
            r#"{"carrier": ["AA", 7], "flight": [1, 2]}"#,
            "column `carrier`, row 1: string wants a string, not a number",
        ),
        (
            r#"{"carrier": ["AA", "AA"], "flight": [1]}"#,
            "column `flight` has 1 values where the request has 2 rows",
        ),
        (
            r#"{"carrier": ["AA"], "flight": [1], "tail": ["N1"]}"#,
            "`tail` is neither a join key nor a request field of what is asked for",
        ),
    ];
    for (entities, message) in cases {
        let body = format!(r#"{{"features": ["delays"], "entities": {entities}}}"#);
        let request = JsonRequest::parse(body.as_bytes()).unwrap();
        let error = json::get_online_features(&server, &request).await.unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.kind()),
            (message, ErrorKind::InvalidInput)
        );
    }
}

#[tokio::test]
async fn before_a_version_is_loaded_nothing_is_answered() {
    let store = Store::new();
    let server = FeatureServer::new(store.store.clone(), Arc::new(FixedClock(NOW)));
    let error = ask(&server, &["weather"], &[], 1).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no registry version is loaded; apply one with `asof apply`"
    );
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(server.ready().await.is_err());
}

/// A store that is in trouble.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Busy,
    Garbage,
    TooShort,
}

#[async_trait]
impl OnlineStore for Trouble {
    async fn read(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError> {
        let garbage = Some(Bytes::from_static(b"not a row"));
        match self {
            Self::Busy => Err(busy()),
            Self::Garbage => Ok(requests.iter().map(|r| vec![garbage.clone(); r.keys.len()]).collect()),
            Self::TooShort => Ok(vec![Vec::new(); requests.len()]),
        }
    }

    async fn write(
        &self,
        _: &Keyspace,
        _: &EncodedKeys,
        _: &EncodedRows,
        _: Option<TimeSpan>,
    ) -> Result<WriteSummary, OnlineError> {
        Err(busy())
    }

    async fn advance(&self, _: &Keyspace) -> Result<KeyspaceLife, OnlineError> {
        Err(busy())
    }

    async fn delete_keyspace(&self, _: &Keyspace) -> Result<u64, OnlineError> {
        Err(busy())
    }

    async fn keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError> {
        Err(busy())
    }

    async fn scan(&self, _: &Keyspace) -> Result<Vec<StoredRow>, OnlineError> {
        Err(busy())
    }

    async fn ping(&self) -> Result<(), OnlineError> {
        Err(busy())
    }
}

fn busy() -> OnlineError {
    OnlineError::Busy {
        path: "online".into(),
        problem: "too many readers".to_owned(),
    }
}

#[tokio::test]
async fn a_store_in_trouble_is_not_the_callers_fault() {
    let cases = [
        (
            Trouble::Busy,
            ErrorKind::Unavailable,
            "the online store cannot be read: the online store at `online` is busy: too many readers",
        ),
        (
            Trouble::Garbage,
            ErrorKind::Internal,
            "a stored row of feature view `weather` cannot be read: ",
        ),
        (
            Trouble::TooShort,
            ErrorKind::Internal,
            "the online store answered 0 rows for 1 keys of feature view `weather`",
        ),
    ];
    for (trouble, kind, message) in cases {
        let server = FeatureServer::new(Arc::new(trouble), Arc::new(FixedClock(NOW)));
        server.load(1, Arc::new(definitions())).unwrap();
        let error = ask(&server, &["weather"], &[("origin", texts(&[Some("EWR")]))], 1)
            .await
            .unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(error.kind(), kind);
        let not_ready = server.ready().await.unwrap_err();
        assert_eq!(not_ready.kind(), ErrorKind::Unavailable);
    }
}
