//! The serving layer's edge: turns gRPC and HTTP into requests for features, and answers back into wire.
//!
//! ```text
//!  asof.serving.v1   ── grpc  ─┐
//!  feast.serving,    ── feast ─┼─> Edge (limits, metrics, log, one table of errors) ──> asof_serving::FeatureServer
//!  GrpcFeatureServer           │                                                              ^
//!  HTTP JSON         ── http  ─┘                            Watcher ── new registry versions ─┘
//! ```
//!
//! One folder per surface, and no rule about features in any of them. In reading order: [`serve`], [`Running`],
//! `watcher`, `edge`, `fault`, then the surfaces.

mod edge;
mod error;
mod fault;
mod feast;
mod grpc;
mod http;
mod metrics;
mod options;
mod running;
mod signal;
mod watcher;

pub use error::ServeError;
pub use grpc::column::{from_wire, to_wire};
pub use options::ServerOptions;
pub use running::{Running, serve};
pub use signal::terminated;
