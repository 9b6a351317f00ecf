//! Definitions as one canonical JSON document, in the words of the YAML: what a registry and a plan file hold.
//!
//! ```text
//! {"entities": […], "sources": […], "feature_views": […], "on_demand_feature_views": […], "feature_services": […]}
//! ```
//!
//! All five lists are there, each sorted by name; keys stand in one order; what was left out in the YAML is left out
//! here too, except for `online` and an expectation's `action`, whose defaults are written down. The project is not
//! part of it. Equal definitions have equal bytes.

mod write;

use asof_model::ProjectName;
use asof_model::definition::Definitions;
use serde_json::Value;

use crate::Diagnostic;
use crate::repository::read_document;

/// The canonical document of `definitions`.
pub fn to_json(definitions: &Definitions) -> Value {
    write::definitions(definitions)
}

/// The definitions of a document, read by the same rules as YAML. SQL is not judged: it was when they were applied.
///
/// # Errors
/// Everything that is wrong with the document.
pub fn from_json(document: &Value, project: &ProjectName) -> Result<Definitions, Vec<Diagnostic>> {
    read_document(project, "definitions.json", document)
}

#[cfg(test)]
mod tests;
