//! A web server that gives out the files of a folder.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};

/// A server on a port of its own; it ends with the runtime.
pub(crate) struct WebServer {
    address: String,
}

/// Whether parts of files can be asked for, as most servers offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ranges {
    Given,
    Ignored,
}

impl WebServer {
    pub(crate) async fn start(folder: PathBuf, ranges: Ranges) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let router = Router::new().fallback(answer).with_state(Arc::new((folder, ranges)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

async fn answer(State(state): State<Arc<(PathBuf, Ranges)>>, request: Request) -> Response<Body> {
    let (folder, ranges) = state.as_ref();
    let status = |status: StatusCode| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response
    };
    let path = request.uri().path().trim_start_matches('/').replace("%20", " ");
    let Ok(bytes) = fs_err::read(folder.join(path)) else {
        return status(StatusCode::NOT_FOUND);
    };
    if !matches!(request.method().as_str(), "GET" | "HEAD") {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    // A weak tag, as servers give that make it from size and time.
    let response = Response::builder().header(header::ETAG, format!("W/\"{}\"", bytes.len()));
    let range = request
        .headers()
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok());
    let asked = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let response = match asked {
        Some((start, end)) if *ranges == Ranges::Given => {
            let (start, end): (usize, usize) = (start.parse().unwrap_or(0), end.parse().unwrap_or(bytes.len() - 1));
            let end = end.min(bytes.len() - 1);
            let part = format!("bytes {start}-{end}/{}", bytes.len());
            let response = response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, part);
            response.body(Body::from(bytes[start..=end].to_vec()))
        }
        _ => response
            .header(header::CONTENT_LENGTH, bytes.len())
            .body(Body::from(bytes)),
    };
    response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}
