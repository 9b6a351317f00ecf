//! Requests against a real store: statuses, order, on-demand features, versions, errors.
#![expect(clippy::unwrap_used, reason = "a test whose ground gives way has failed")]

mod answers;
mod errors;
mod fixture;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use asof_model::FixedClock;
use asof_model::retrieval::FeatureNames;
use asof_serving::{FeatureServer, Request, Response, Selection, ServingError, json};
use fixture::{NOW, Store, definitions};

/// A server of the fixture's definitions as version 1, at the fixture's time.
fn server(store: &Store) -> FeatureServer {
    let server = FeatureServer::new(store.store.clone(), Arc::new(FixedClock(NOW)));
    server.load(1, Arc::new(definitions())).unwrap();
    server
}

/// A column of integers.
fn ints(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

/// A request for a list of features.
async fn ask(
    server: &FeatureServer,
    features: &[&str],
    columns: &[(&str, ArrayRef)],
    rows: usize,
) -> Result<Response, ServingError> {
    let request = Request {
        selection: Selection::Features(features.iter().map(|&f| f.to_owned()).collect()),
        names: FeatureNames::Short,
        columns: columns
            .iter()
            .map(|(name, column)| ((*name).to_owned(), column.clone()))
            .collect::<BTreeMap<_, _>>(),
        rows,
    };
    server.get_online_features(request).await
}

/// One line per column: its name, then per row the status, the value and the event time's distance from now.
fn show(response: &Response) -> String {
    let mut lines = Vec::new();
    for feature in &response.features {
        let values = json::values(&feature.values);
        let rows = (0..response.rows).map(|row| {
            let age = feature.event_times[row].map_or(String::new(), |time| {
                format!(" @{:+}s", (time.micros() - NOW.micros()) / 1_000_000)
            });
            format!("{} {}{age}", feature.statuses[row], values[row])
        });
        lines.push(format!(
            "{}: {}",
            feature.output.name,
            rows.collect::<Vec<_>>().join(" | ")
        ));
    }
    lines.join("\n")
}
