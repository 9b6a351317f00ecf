//! What the tests of Asof's crates share; a dev-dependency only, never part of a product.
//!
//! In reading order: [`Table`] and [`write_parquet`] make data, [`TempRepository`] a feature repository, [`Asof`] runs
//! the binary, [`MotoServer`] is an object store that speaks S3, [`RedisServer`], [`RedisCluster`] and [`RedisSentinel`]
//! are online stores, [`Proxy`] is the bad network before them, [`definitions()`] are random and valid.

mod binary;
mod definitions;
mod moto;
mod parquet_file;
mod proxy;
mod redis;
mod repository;
mod table;

pub use binary::{Asof, Finished};
pub use definitions::definitions;
pub use moto::MotoServer;
pub use parquet_file::{read_parquet, write_parquet, write_parquet_in_row_groups};
pub use proxy::Proxy;
pub use redis::{Certificates, RedisCluster, RedisOptions, RedisSentinel, RedisServer};
pub use repository::TempRepository;
pub use table::Table;
