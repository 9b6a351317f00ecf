//! The registry: immutable versions of definitions in an object store, made one after the other by compare-and-swap.
//!
//! ```text
//! <registry>/versions/00000000000000000001.json     one object per version, written once, never changed
//!            versions/00000000000000000002.json     the highest number is the current version
//!            ledger/…                               what was materialized; kept by others beside the versions
//! ```
//!
//! A version is made by creating the object of the next number, which a store does for one caller only: of two who
//! apply at once, one wins and the other is told so. There is no pointer to move and nothing to clean up, so whoever
//! is killed leaves the old version or the new one.
//!
//! In reading order: [`Registry`], [`Snapshot`], [`ApplyInfo`], [`RegistryVersion`], [`git_state`], [`RegistryError`].

mod error;
mod git;
mod info;
mod registry;
mod snapshot;
mod version;

pub use error::RegistryError;
pub use git::git_state;
pub use info::{ApplyInfo, GitState};
pub use registry::Registry;
pub use snapshot::{SNAPSHOT_FORMAT_VERSION, Snapshot, VersionRecord};
pub use version::{InvalidVersion, RegistryVersion};
