//! Feast's gRPC interfaces: `feast.serving.ServingService` (its Go and Java servers) and `GrpcFeatureServer` (its
//! Python server), for the clients that exist.
//!
//! Feast's wire says less than Asof knows; what is lost here is not lost over `asof.serving.v1`:
//! - a timestamp value is whole seconds, floored (an event time keeps its microseconds);
//! - an array with a null inside has no list type of its own: an array of timestamps marks it with the lowest int64,
//!   any other is sent as a `list_val` of values, where a null is an unset value;
//! - where there is no event time stands the epoch, as Feast's servers say it.

mod answer;
mod services;
mod value;

pub(crate) use services::FeastServing;
