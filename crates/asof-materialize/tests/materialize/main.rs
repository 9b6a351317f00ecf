//! Materialization from Parquet files to an embedded online store.

mod expectations;
mod incremental;
mod interval;
mod keyspaces;
mod killed;
mod live;
mod object_store;
mod property;
mod pushed;
mod runs;
mod verified;
mod windows;
mod world;
