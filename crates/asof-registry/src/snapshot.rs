//! Versions, and the format in which they are kept.

mod format;

use std::sync::Arc;

use asof_model::definition::Definitions;
pub use format::SNAPSHOT_FORMAT_VERSION;
pub(crate) use format::{FORMAT, Stored, apply_id};

use crate::{ApplyInfo, RegistryVersion};

/// What is known about a version, without its definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRecord {
    /// Its number.
    pub version: RegistryVersion,
    /// Who made it, when, and why.
    pub info: ApplyInfo,
    /// The earlier version whose definitions it brought back, if it was made by a rollback.
    pub rollback_to: Option<RegistryVersion>,
}

/// A version: definitions that never change.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Its number.
    pub version: RegistryVersion,
    /// Who made it, when, and why.
    pub info: ApplyInfo,
    /// The earlier version whose definitions it brought back, if it was made by a rollback.
    pub rollback_to: Option<RegistryVersion>,
    /// What it defines.
    pub definitions: Arc<Definitions>,
}

impl Snapshot {
    /// The same without its definitions.
    pub fn record(&self) -> VersionRecord {
        VersionRecord {
            version: self.version,
            info: self.info.clone(),
            rollback_to: self.rollback_to,
        }
    }
}
