//! A feature repository, read.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use asof_model::SourceName;
use asof_model::definition::{Definitions, StoreConfig};

use crate::{Diagnostic, ExpressionChecker, SourceFile};

/// A feature repository, read: its settings, its definitions, and everything that is wrong with them.
#[derive(Debug)]
pub struct Repository {
    /// The settings of `feature_store.yaml`; `None` if they have an error.
    pub store: Option<StoreConfig>,
    /// The definitions of all files; `None` if any diagnostic is an error.
    pub definitions: Option<Definitions>,
    /// Everything that is wrong, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Repository {
    /// Reads the files of a repository: `feature_store.yaml` and the files with definitions. Files that do not count
    /// (see [`is_definition_file`](crate::is_definition_file) and the settings' `exclude`) are passed over.
    ///
    /// `env` holds the variables that `${NAME}` in settings stands for. Without a `checker`, SQL is not judged.
    pub fn parse(
        files: &[SourceFile],
        env: &BTreeMap<String, String>,
        checker: Option<&dyn ExpressionChecker>,
    ) -> Self {
        let _ = (files, env, checker);
        Self {
            store: None,
            definitions: None,
            diagnostics: Vec::new(),
        }
    }

    /// Checks the definitions against the schemas of their sources: columns are there, types fit, and, with a
    /// `checker`, expressions have the types declared. Sources that `schemas` does not hold are passed over; a
    /// source whose schema is an error text is reported as unreadable.
    pub fn check_sources(
        &self,
        schemas: &BTreeMap<SourceName, Result<SchemaRef, String>>,
        checker: Option<&dyn ExpressionChecker>,
    ) -> Vec<Diagnostic> {
        let _ = (schemas, checker);
        Vec::new()
    }
}
