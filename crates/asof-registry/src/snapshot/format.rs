//! The format of a version's object: JSON, for people and for long.
//!
//! ```text
//! {"format": "asof-registry-version", "format_version": 1,
//!  "version": 2, "project": "flights",
//!  "time_us": 1372939200000000,              microseconds since the epoch, UTC
//!  "author": …, "message": …,                no message: the key is not there
//!  "git": {"commit": …, "dirty": false},     not from a git repository: the key is not there
//!  "rollback_to": 1,                         not made by a rollback: the key is not there
//!  "apply_id": "…",                          by which the one who wrote it knows it again
//!  "definitions": {…},                       see asof_repo::document
//!  "sha256": "…"}                            over all of the above as compact JSON, in the order written
//! ```

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use asof_model::definition::Definitions;
use asof_model::{ProjectName, Timestamp};
use asof_repo::document;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Snapshot, VersionRecord};
use crate::{ApplyInfo, GitState, RegistryError, RegistryVersion};

/// What an object says it is.
pub(crate) const FORMAT: &str = "asof-registry-version";

/// The version of the format that is written, and the latest that is read.
pub const SNAPSHOT_FORMAT_VERSION: u64 = 1;

/// A version as it is kept, its definitions still a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) record: VersionRecord,
    pub(crate) project: ProjectName,
    pub(crate) apply_id: String,
    pub(crate) document: Value,
}

/// A text that no other apply has.
pub(crate) fn apply_id() -> String {
    // The standard library seeds its hash maps from the system's randomness: enough to tell two writers apart.
    let random = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        hasher.finish()
    };
    format!("{:016x}{:016x}", random(), random())
}

impl Stored {
    /// The object's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut keys = Map::new();
        let mut put = |key: &str, value: Value| keys.insert(key.to_owned(), value);
        let info = &self.record.info;
        put("format", json!(FORMAT));
        put("format_version", json!(SNAPSHOT_FORMAT_VERSION));
        put("version", json!(self.record.version.0));
        put("project", json!(self.project.as_str()));
        put("time_us", json!(info.time.micros()));
        put("author", json!(info.author));
        if let Some(message) = &info.message {
            put("message", json!(message));
        }
        if let Some(git) = &info.git {
            put("git", json!({"commit": git.commit, "dirty": git.dirty}));
        }
        if let Some(version) = self.record.rollback_to {
            put("rollback_to", json!(version.0));
        }
        put("apply_id", json!(self.apply_id));
        put("definitions", self.document.clone());
        let digest = digest(&keys);
        keys.insert("sha256".to_owned(), Value::String(digest));
        format!("{:#}\n", Value::Object(keys)).into_bytes()
    }

    /// Reads the bytes of `object`, which is to be `version`.
    pub(crate) fn decode(object: &str, version: RegistryVersion, bytes: &[u8]) -> Result<Self, RegistryError> {
        let damaged = |problem: String| RegistryError::Damaged {
            object: object.to_owned(),
            problem,
        };
        let foreign = || RegistryError::Foreign {
            object: object.to_owned(),
        };
        let value: Value = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        let Value::Object(mut keys) = value else {
            return Err(foreign());
        };
        if keys.get("format") != Some(&json!(FORMAT)) {
            return Err(foreign());
        }
        match keys.get("format_version").and_then(Value::as_u64) {
            Some(1..=SNAPSHOT_FORMAT_VERSION) => {}
            Some(found) => {
                return Err(RegistryError::LaterFormat {
                    object: object.to_owned(),
                    found,
                });
            }
            None => return Err(damaged("it has no format version".to_owned())),
        }
        let written = keys.shift_remove("sha256");
        if written != Some(Value::String(digest(&keys))) {
            return Err(damaged("its sha256 is another".to_owned()));
        }
        let stored =
            Self::from_keys(&mut keys).ok_or_else(|| damaged("a key is missing or of another type".to_owned()))?;
        if stored.record.version != version {
            return Err(damaged(format!("it says that it is version {}", stored.record.version)));
        }
        Ok(stored)
    }

    fn from_keys(keys: &mut Map<String, Value>) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let git = match keys.get("git") {
            None => None,
            Some(git) => Some(GitState {
                commit: git.get("commit").and_then(text)?,
                dirty: git.get("dirty")?.as_bool()?,
            }),
        };
        let version = |value: &Value| value.as_u64().map(RegistryVersion);
        Some(Self {
            record: VersionRecord {
                version: keys.get("version").and_then(version)?,
                info: ApplyInfo {
                    time: Timestamp::from_micros(keys.get("time_us")?.as_i64()?),
                    author: keys.get("author").and_then(text)?,
                    message: keys.get("message").and_then(text),
                    git,
                },
                rollback_to: keys.get("rollback_to").and_then(version),
            },
            project: ProjectName::try_new(keys.get("project")?.as_str()?).ok()?,
            apply_id: keys.get("apply_id").and_then(text)?,
            document: keys.shift_remove("definitions")?,
        })
    }

    /// The definitions of `object`, read from its document.
    pub(crate) fn definitions(&self, object: &str) -> Result<Definitions, RegistryError> {
        document::from_json(&self.document, &self.project).map_err(|diagnostics| RegistryError::Definitions {
            object: object.to_owned(),
            problem: diagnostics
                .first()
                .map(|diagnostic| diagnostic.message.clone())
                .unwrap_or_default(),
        })
    }

    pub(crate) fn into_snapshot(self, definitions: Arc<Definitions>) -> Snapshot {
        Snapshot {
            version: self.record.version,
            info: self.record.info,
            rollback_to: self.record.rollback_to,
            definitions,
        }
    }
}

fn digest(keys: &Map<String, Value>) -> String {
    use std::fmt::Write as _;
    let text = serde_json::to_string(keys).expect("a map of JSON values with text keys is JSON");
    let mut digest = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        write!(digest, "{byte:02x}").expect("a text takes any text");
    }
    digest
}
