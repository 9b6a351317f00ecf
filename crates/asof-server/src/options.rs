//! What can be chosen about a server.

use std::time::Duration;

/// What can be chosen about a server.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The address of gRPC, `host:port`; port 0 lets the system choose.
    pub grpc: String,
    /// The address of HTTP, likewise.
    pub http: String,
    /// How often the registry is asked for a new version; above zero.
    pub poll_interval: Duration,
    /// The most rows that one request may have.
    pub max_rows: usize,
    /// The longest request message or body, in bytes.
    pub max_request_bytes: usize,
    /// How long requests in flight may take to finish after [`shutdown`](crate::Running::shutdown).
    pub drain_timeout: Duration,
}

impl ServerOptions {
    /// Options for these addresses; the rest: a poll every second, 10,000 rows, 16 MiB, 30 s to drain.
    pub fn new(grpc: impl Into<String>, http: impl Into<String>) -> Self {
        Self {
            grpc: grpc.into(),
            http: http.into(),
            poll_interval: Duration::from_secs(1),
            max_rows: 10_000,
            max_request_bytes: 16 << 20,
            drain_timeout: Duration::from_secs(30),
        }
    }
}
