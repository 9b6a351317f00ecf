//! Plan files: a plan as it is saved for a later `apply`, which then needs no repository.
//!
//! ```text
//! {"format": "asof-plan", "format_version": 1,
//!  "project": …, "base_version": …,      what registry it was made for; no base_version: an empty one
//!  "changes": […], "definitions": {…},   what would change, and what the result is
//!  "hash": "…"}                          XXH3 (128 bits) over all of the above as compact JSON, against edits by hand
//! ```

use asof_model::ProjectName;
use asof_model::definition::Definitions;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::Plan;
use crate::document;

const FORMAT: &str = "asof-plan";

/// The version of the format that is written, and the latest that is read.
pub const PLAN_FORMAT_VERSION: u64 = 1;

/// A plan with all that is needed to apply it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanFile {
    /// The registry version that it was made for; `None`: a registry without versions.
    pub base_version: Option<u64>,
    /// What would change.
    pub plan: Plan,
    /// What the registry holds when it is applied.
    pub definitions: Definitions,
}

/// Why a file is no plan that can be applied.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It is not JSON, as when it was cut short.
    #[error("the plan is not JSON ({0}); save it again with `asof plan --out`")]
    NotJson(#[source] serde_json::Error),
    /// It is JSON of another kind.
    #[error("the file is no plan: it has no `\"format\": \"{FORMAT}\"`; save one with `asof plan --out`")]
    NotAPlan,
    /// It was written by a later Asof.
    #[error("the plan has format {found}, this asof reads up to {PLAN_FORMAT_VERSION}; use the asof that saved it")]
    LaterFormat {
        /// The format it has.
        found: u64,
    },
    /// It is not as it was saved.
    #[error("the plan was changed after it was saved: {what}; save it again with `asof plan --out`")]
    Changed {
        /// What does not hold.
        what: String,
    },
}

impl PlanFile {
    /// The plan that turns `old`, which is the registry's version `base_version`, into `new`.
    pub fn new(base_version: Option<u64>, old: &Definitions, new: Definitions) -> Self {
        Self {
            base_version,
            plan: Plan::between(old, &new),
            definitions: new,
        }
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut file = json!({
            "format": FORMAT,
            "format_version": PLAN_FORMAT_VERSION,
            "project": self.definitions.project.as_str(),
            "base_version": self.base_version,
            "changes": self.plan,
            "definitions": document::to_json(&self.definitions),
        });
        let hash = hash(&file);
        if let Value::Object(keys) = &mut file {
            keys.insert("hash".to_owned(), Value::String(hash));
        }
        format!("{file:#}\n")
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is not a plan, was saved by a later Asof, or is not as it was saved.
    pub fn parse(text: &str) -> Result<Self, PlanFileError> {
        let mut file: Value = serde_json::from_str(text).map_err(PlanFileError::NotJson)?;
        if file["format"] != FORMAT {
            return Err(PlanFileError::NotAPlan);
        }
        match file["format_version"].as_u64() {
            Some(1..=PLAN_FORMAT_VERSION) => {}
            Some(found) => return Err(PlanFileError::LaterFormat { found }),
            None => return Err(changed("it has no format version")),
        }
        let saved = file.as_object_mut().and_then(|keys| keys.shift_remove("hash"));
        if saved != Some(Value::String(hash(&file))) {
            return Err(changed("its hash is another"));
        }
        // From here on the file is as some Asof wrote it; what does not hold now was made by hand, hash and all.
        let project = file["project"].as_str().unwrap_or_default();
        let project = ProjectName::try_new(project).map_err(|error| changed(&format!("its project: {error}")))?;
        let definitions = document::from_json(&file["definitions"], &project).map_err(|diagnostics| {
            let first = diagnostics.first().map(|diagnostic| diagnostic.message.clone());
            changed(&format!("its definitions: {}", first.unwrap_or_default()))
        })?;
        let plan = serde_json::from_value(file["changes"].take())
            .map_err(|error| changed(&format!("its changes: {error}")))?;
        Ok(Self {
            base_version: file["base_version"].as_u64(),
            plan,
            definitions,
        })
    }
}

fn changed(what: &str) -> PlanFileError {
    PlanFileError::Changed { what: what.to_owned() }
}

fn hash(file: &Value) -> String {
    format!("{:032x}", xxh3_128(file.to_string().as_bytes()))
}
