//! Feast's JSON: the request and the answer of `POST /get-online-features`, and of the command line.
//!
//! ```text
//! {"feature_service": "s"} or {"features": ["view:feature", …]},
//!   "entities": {"<join key>": […], "<request field>": […]}, "full_feature_names": false
//! -> {"metadata": {"feature_names": ["<join key>", …, "<feature>", …]},
//!     "results": [{"values": […], "statuses": ["PRESENT", …], "event_timestamps": ["2013-07-04T12:00:00Z", …]}, …]}
//! ```
//!
//! Request fields stand in `entities` beside the join keys, or in `request_context`. Keys of the body that are not
//! known are passed over, as Feast does. Values by their declared type, in both directions:
//!
//! | type | JSON |
//! |---|---|
//! | `bool` | `true`, `false` |
//! | `int32`, `int64` | a whole number in range |
//! | `float32`, `float64` | a number; `"NaN"`, `"Infinity"`, `"-Infinity"` for what JSON has no numbers for |
//! | `string` | a string |
//! | `bytes` | a string of base64 (the standard alphabet, with padding) |
//! | `timestamp` | a string in RFC 3339; UTC when printed, and without a zone when read; `<micros>us` when printed outside the calendar's years |
//! | `array<T>` | an array of the above; its items may be null |
//!
//! The results are parallel to `feature_names`: the join keys first, as columns that are `PRESENT` (`NULL_VALUE` where
//! the request had a null), then the features in the order asked. Where a row has no event time (join keys, on-demand
//! features, `NOT_FOUND`) Feast says `1970-01-01T00:00:00Z`, because its clients read a time there; so do we.

mod read;
mod write;

pub use read::{JsonRequest, column};
pub use write::{response, values};

use crate::{FeatureServer, Response, ServingError};

/// Answers a JSON request.
///
/// # Errors
/// When the selection cannot be answered online, a value is not of its column's type, or what
/// [`FeatureServer::get_online_features`] says.
pub async fn get_online_features(server: &FeatureServer, request: &JsonRequest) -> Result<Response, ServingError> {
    let prepared = server.prepare(&request.selection, request.names)?;
    let (columns, rows) = request.columns(&prepared)?;
    prepared.answer(&columns, rows).await
}
