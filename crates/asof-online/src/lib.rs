//! Online stores: the last feature row of each entity, ready to be served.
//!
//! [`OnlineStore`] is the contract, [`conformance`] the checks that every store passes, [`embedded`] the store in a
//! folder of this machine, [`mod@redis`] the one in Redis, [`mod@feast`] the one in a Redis that Feast fills. A store knows
//! keys and rows as bytes only, but for the last one; their codecs are in `asof-model`.
//!
//! To add a store: implement [`OnlineStore`], run [`conformance::check_all`] on it in a test, and add one arm to
//! [`open()`].

pub mod conformance;
pub mod embedded;
pub mod feast;
pub mod redis;

mod candidates;
mod error;
mod open;
mod store;

pub use embedded::EmbeddedStore;
pub use error::OnlineError;
pub use feast::{FeastProblem, FeastStore};
pub use open::open;
pub use redis::{RedisProblem, RedisStore};
pub use store::{KeyspaceInfo, KeyspaceLife, OnlineStore, ReadRequest, StoreFact, StoredRow, WriteSummary};
