//! HTTP: features in Feast's JSON, and what a cluster asks a server: health, readiness, metrics.
//!
//! A refusal is `{"detail": "<what was wrong>", "error": "<class>"}` with the status of its class.

use std::future::Future;
use std::sync::Arc;

use asof_serving::Prepared;
use asof_serving::json::{self, JsonRequest};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::edge::{Asked, Columns, Edge};
use crate::error::ServeError;
use crate::fault::Fault;
use crate::metrics::Surface;

/// Serves until `stop`, then finishes what is in flight.
pub(crate) fn listen(
    listener: TcpListener,
    edge: Arc<Edge>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = Result<(), ServeError>> + Send + 'static {
    let router = Router::new()
        .route("/get-online-features", post(get_online_features))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .fallback(no_such_path)
        .layer(DefaultBodyLimit::max(edge.max_request_bytes))
        .with_state(edge);
    async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(stop)
            .await
            .map_err(|error| ServeError::Ended {
                surface: "HTTP",
                message: error.to_string(),
            })
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (_, status, class) = self.class().statuses();
        (status, Json(json!({"detail": self.to_string(), "error": class}))).into_response()
    }
}

async fn get_online_features(
    State(edge): State<Arc<Edge>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Fault> {
    let asked = read(body, edge.max_request_bytes).map(|request| Asked {
        selection: request.selection.clone(),
        names: request.names,
        columns: move |prepared: &Prepared| -> Result<Columns, Fault> { Ok(request.columns(prepared)?) },
    });
    let response = edge.answer(Surface::Http, asked).await?;
    Ok(Json(json::response(&response)))
}

fn read(body: Result<Bytes, BytesRejection>, limit: usize) -> Result<JsonRequest, Fault> {
    match body {
        Ok(body) => Ok(JsonRequest::parse(&body)?),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Fault::BodyTooLarge { limit }),
        Err(rejection) => Err(Fault::Body(rejection.body_text())),
    }
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn ready(State(edge): State<Arc<Edge>>) -> Response {
    let not = |reason: String| {
        let body = json!({"status": "not ready", "reason": reason});
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    };
    if edge.is_draining() {
        return not("the server is stopping".to_owned());
    }
    match edge.server.ready().await {
        Ok(version) => Json(json!({"status": "ready", "registry_version": version})).into_response(),
        Err(error) => not(error.to_string()),
    }
}

async fn metrics(State(edge): State<Arc<Edge>>) -> Response {
    match edge.metrics.encode() {
        Ok(text) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, content_type)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn no_such_path(method: Method, uri: Uri) -> Fault {
    Fault::NoSuchPath {
        method: method.to_string(),
        path: uri.path().to_owned(),
        known: "`POST /get-online-features`, `GET /health`, `GET /ready` and `GET /metrics`",
    }
}
