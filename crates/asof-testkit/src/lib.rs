//! What the tests of Asof's crates share; a dev-dependency only, never part of a product.
//!
//! In reading order: [`Table`] and [`write_parquet`] make data, [`TempRepository`] a feature repository, [`Asof`] runs
//! the binary, [`MotoServer`] is an object store that speaks S3, [`definitions()`] are random and valid.

mod binary;
mod definitions;
mod moto;
mod parquet_file;
mod repository;
mod table;

pub use binary::{Asof, Finished};
pub use definitions::definitions;
pub use moto::MotoServer;
pub use parquet_file::{read_parquet, write_parquet, write_parquet_in_row_groups};
pub use repository::TempRepository;
pub use table::Table;
