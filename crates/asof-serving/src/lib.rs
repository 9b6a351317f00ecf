//! Answers requests for feature vectors: looks rows up in the online store, applies `ttl`, computes on demand.
//!
//! ```text
//!  Request ──> Prepared ──────────> keys ──────> one store read ──> columns + statuses ──> on demand ──> Response
//!              (plan of the         (one codec    (all lookups)     (visible? fresh?)      (whole batch)
//!               current version)     per lookup)
//! ```
//!
//! Nothing here knows a transport: `asof-server` turns wires into a [`Request`] and the [`Response`] back. The one
//! exception is [`json`], the shape of Feast's HTTP interface, which the HTTP surface and the command line share.
//!
//! In reading order: [`Request`], [`FeatureServer`], [`Prepared`], [`json`].

pub mod json;

mod answer;
mod error;
mod plan;
mod request;
mod server;

pub use error::ServingError;
pub use request::{FeatureColumn, Request, Response, Selection};
pub use server::{Catalog, FeatureServer, Prepared};
