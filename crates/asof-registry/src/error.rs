//! What can go wrong with a registry.

use asof_storage::StorageError;

use crate::RegistryVersion;
use crate::snapshot::SNAPSHOT_FORMAT_VERSION;

/// Why the registry did not do what was asked. Nothing has changed, unless the text says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The registry's location cannot be understood.
    #[error("the registry's location: {0}")]
    Location(#[from] StorageError),
    /// The store did not answer, or refused.
    #[error("the registry `{location}` could not be {action}: {source}")]
    Store {
        /// The registry.
        location: String,
        /// What was tried.
        action: &'static str,
        /// What the store said.
        source: object_store::Error,
    },
    /// Another version is current than the caller thought.
    #[error("the registry is at {}, not at {}: someone else applied in between, and nothing was changed; plan again", name(.found.as_ref()), name(.expected.as_ref()))]
    Conflict {
        /// The version that the caller had seen.
        expected: Option<RegistryVersion>,
        /// The version that is current.
        found: Option<RegistryVersion>,
    },
    /// There is no such version.
    #[error("the registry has no version {version}; it is at {}", name(.newest.as_ref()))]
    UnknownVersion {
        /// The version asked for.
        version: RegistryVersion,
        /// The current version.
        newest: Option<RegistryVersion>,
    },
    /// A rollback to the version that is current.
    #[error("version {0} is current already; there is nothing to roll back")]
    AlreadyCurrent(RegistryVersion),
    /// The definitions belong to another project than the registry's.
    #[error(
        "the registry holds project `{theirs}`, the definitions are of project `{ours}`; give each project its own registry"
    )]
    OtherProject {
        /// The registry's project.
        theirs: String,
        /// The project of the definitions.
        ours: String,
    },
    /// An object where a version should be is something else.
    #[error(
        "`{object}` is not a registry version: it has no `\"format\": \"{}\"`; move it elsewhere",
        crate::snapshot::FORMAT
    )]
    Foreign {
        /// The object's path in its store.
        object: String,
    },
    /// A version was written by a later Asof.
    #[error("`{object}` has format {found}, this asof reads up to {SNAPSHOT_FORMAT_VERSION}; use a newer asof")]
    LaterFormat {
        /// The object's path in its store.
        object: String,
        /// The format it has.
        found: u64,
    },
    /// A version is not as it was written.
    #[error("`{object}` is damaged: {problem}; restore it from a backup")]
    Damaged {
        /// The object's path in its store.
        object: String,
        /// What does not hold.
        problem: String,
    },
    /// The definitions of a version do not follow the rules of this Asof.
    #[error("`{object}` holds definitions that this asof refuses: {problem}; use the asof that applied them")]
    Definitions {
        /// The object's path in its store.
        object: String,
        /// The first thing that is wrong with them.
        problem: String,
    },
}

fn name(version: Option<&RegistryVersion>) -> String {
    version.map_or_else(|| "no version yet".to_owned(), |version| format!("version {version}"))
}
