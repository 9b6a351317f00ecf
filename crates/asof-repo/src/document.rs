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

use std::collections::BTreeMap;

use asof_model::ProjectName;
use asof_model::definition::Definitions;
use serde_json::Value;

use crate::{Diagnostic, Repository, STORE_FILE, SourceFile};

/// The canonical document of `definitions`.
pub fn to_json(definitions: &Definitions) -> Value {
    write::definitions(definitions)
}

/// The definitions of a document, read by the same rules as YAML. SQL is not judged: it was when they were applied.
///
/// # Errors
/// Everything that is wrong with the document.
pub fn from_json(document: &Value, project: ProjectName) -> Result<Definitions, Vec<Diagnostic>> {
    let store = format!("project: {project}\nregistry: r\nonline_store: {{type: embedded, path: o}}\n");
    let files = [
        SourceFile {
            path: STORE_FILE.to_owned(),
            bytes: store.into_bytes(),
        },
        SourceFile {
            path: "definitions.yaml".to_owned(),
            bytes: document.to_string().into_bytes(),
        },
    ];
    let repository = Repository::parse(&files, &BTreeMap::new(), None);
    repository.definitions.ok_or(repository.diagnostics)
}
