//! The vocabulary of Asof: names, types, time, definitions, retrieval plans, and the codecs of keys and rows.
//!
//! No input or output happens here, nothing is asynchronous, and the wall clock is read in one function only
//! ([`Timestamp::now`]). Offline and online both stand on this crate, which is what makes them agree.
//!
//! In reading order: [`name`](InvalidName), [`ValueType`], [`Timestamp`], [`order`](RowOrder), [`definition`],
//! [`retrieval`], [`conform`], [`key`], [`row`].

pub mod conform;
pub mod definition;
pub mod key;
pub mod nearest;
pub mod retrieval;
pub mod row;

mod clock;
mod fault;
mod keyspace;
mod name;
mod order;
mod packed;
mod secret;
mod status;
mod time;
mod value_type;

pub use clock::{Clock, FixedClock, SystemClock};
pub use fault::ErrorKind;
pub use keyspace::{InvalidKeyspace, Keyspace};
pub use name::{
    ColumnName, EntityName, FeatureName, InvalidName, MAX_NAME_LEN, ProjectName, ServiceName, SourceName, ViewName,
    check_name,
};
pub use order::{Admission, RowOrder, StoredOrder};
pub use secret::Secret;
pub use status::FeatureStatus;
pub use time::{InvalidTimeSpan, InvalidTimestamp, TimeSpan, Timestamp};
pub use value_type::{ScalarType, UnknownType, ValueType};
