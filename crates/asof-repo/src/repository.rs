//! A feature repository, read.

mod settings;

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use asof_model::definition::{Definitions, Source, StoreConfig};
use asof_model::{ProjectName, SourceName};
use serde_json::Value;

use crate::file::{MAX_FILE_BYTES, STORE_FILE, SourceFile, is_definition_file};
use crate::keys::{DEFINITIONS, STORE};
use crate::syntax::{Syntax, read};
use crate::text::{Sink, Text};
use crate::yaml::{self, Node};
use crate::{Diagnostic, DiagnosticCode, ExpressionChecker, rules, shape};

/// A feature repository, read: its settings, its definitions, and everything that is wrong with them.
#[derive(Debug)]
pub struct Repository {
    /// The settings of `feature_store.yaml`; `None` if they have an error.
    pub store: Option<StoreConfig>,
    /// The definitions of all files; `None` if any diagnostic is an error.
    pub definitions: Option<Definitions>,
    /// The sources that are right in themselves, also where other definitions have errors: what
    /// [`check_sources`](Self::check_sources) wants the schemas of.
    pub sources: BTreeMap<SourceName, Source>,
    /// Everything that is wrong, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    syntax: Syntax,
    texts: Vec<Text>,
}

impl Repository {
    /// Reads the files of a repository: `feature_store.yaml` and the files with definitions. Files that do not count
    /// (see [`is_definition_file`] and the settings' `exclude`) are passed over. The order of `files` is of no
    /// consequence.
    ///
    /// `env` holds the variables that `${NAME}` in settings stands for. Without a `checker`, SQL is not judged.
    pub fn parse(
        files: &[SourceFile],
        env: &BTreeMap<String, String>,
        checker: Option<&dyn ExpressionChecker>,
    ) -> Self {
        let mut files: Vec<&SourceFile> = files.iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut sink = Sink::new(&files);
        let mut syntax = Syntax::default();
        let settings = settings(&mut sink, &files, env);
        let exclude = settings.as_ref().map(settings::exclude).unwrap_or_default();
        let store_errors = sink.has_errors();
        if let Some(settings) = &settings {
            read(settings, &mut syntax);
        }
        for (file, at) in files.iter().zip(0..) {
            if file.path == STORE_FILE || !is_definition_file(&file.path, &exclude) {
                continue;
            }
            if file.bytes.trim_ascii().is_empty() {
                let message = format!("`{}` is empty; write definitions or remove it", file.path);
                sink.file_error(DiagnosticCode::EmptyFile, &file.path, message);
                continue;
            }
            for document in documents(&mut sink, file, at) {
                shape::check(&mut sink, env, &document, &DEFINITIONS);
                read(&document, &mut syntax);
            }
        }
        let store = settings.and_then(|settings| settings::store(&settings, env));
        // Rules want a project's name; without one there is an error already, and the definitions are not handed out.
        let project = store.as_ref().map(|store| store.project.clone());
        let project = project.unwrap_or_else(|| ProjectName::try_new("unnamed").expect("`unnamed` is a name"));
        let whole = rules::check(&mut sink, &syntax, &project, checker);
        let sources = whole.sources.clone();
        let definitions = (!sink.has_errors()).then_some(whole);
        let texts = std::mem::take(&mut sink.texts);
        Self {
            store: store.filter(|_| !store_errors),
            definitions,
            sources,
            diagnostics: sink.finish(),
            syntax,
            texts,
        }
    }

    /// Checks the definitions against the schemas of their sources: columns are there, types fit, and, with a
    /// `checker`, expressions have the types declared. Sources that `schemas` does not hold are passed over; a
    /// source whose schema is an error text is reported as unreadable. What is in
    /// [`diagnostics`](Self::diagnostics) already is not repeated.
    pub fn check_sources(
        &self,
        schemas: &BTreeMap<SourceName, Result<SchemaRef, String>>,
        checker: Option<&dyn ExpressionChecker>,
    ) -> Vec<Diagnostic> {
        let mut sink = Sink {
            texts: self.texts.clone(),
            diagnostics: Vec::new(),
        };
        rules::check_sources(&mut sink, &self.syntax, schemas, checker);
        let mut found = sink.finish();
        found.retain(|diagnostic| !self.diagnostics.contains(diagnostic));
        found
    }

    /// The `exclude` of a repository's `feature_store.yaml`, to spare the caller the reading of those folders. What
    /// is wrong with the file is reported by [`parse`](Self::parse).
    pub fn excluded(store_file: &SourceFile) -> Vec<String> {
        let mut sink = Sink::new(&[store_file]);
        let documents = documents(&mut sink, store_file, 0);
        documents.first().map(settings::exclude).unwrap_or_default()
    }
}

/// Definitions from one document in the words of the YAML, as a registry holds it; `name` stands for the file.
///
/// # Errors
/// Everything that is wrong with it. Places are those in the document, written out over lines.
pub(crate) fn read_document(
    project: &ProjectName,
    name: &str,
    document: &Value,
) -> Result<Definitions, Vec<Diagnostic>> {
    let mut sink = Sink::default();
    let node = yaml::from_json(&mut sink, name, document);
    shape::check(&mut sink, &BTreeMap::new(), &node, &DEFINITIONS);
    let mut syntax = Syntax::default();
    read(&node, &mut syntax);
    let whole = rules::check(&mut sink, &syntax, project, None);
    if sink.has_errors() {
        Err(sink.finish())
    } else {
        Ok(whole)
    }
}

/// The settings, their form checked. Documents after the first may hold definitions, and are read with the others.
fn settings(sink: &mut Sink, files: &[&SourceFile], env: &BTreeMap<String, String>) -> Option<Node> {
    let Some(at) = files.iter().position(|file| file.path == STORE_FILE) else {
        let near = files.iter().find(|file| file.path == "feature_store.yml");
        let message = match near {
            Some(_) => format!("there is no {STORE_FILE}; rename feature_store.yml"),
            None => format!("there is no {STORE_FILE}"),
        };
        sink.file_error(DiagnosticCode::MissingStoreFile, STORE_FILE, message);
        return None;
    };
    let before = sink.diagnostics.len();
    let documents = documents(sink, files[at], at as u32);
    let [settings, rest @ ..] = documents.as_slice() else {
        if sink.diagnostics.len() == before {
            let message = format!("{STORE_FILE} is empty; write at least `project: NAME`");
            sink.file_error(DiagnosticCode::EmptyStoreFile, STORE_FILE, message);
        }
        return None;
    };
    for document in rest {
        sink.error(
            DiagnosticCode::WrongShape,
            document.span,
            format!("{STORE_FILE} holds one YAML document, here starts another"),
        )
        .hint("put definitions into the first one, or into another file");
    }
    shape::check(sink, env, settings, &STORE);
    rules::redis::check(sink, env, settings);
    Some(settings.clone())
}

/// The YAML documents of a file; none if it could not be read, which is reported.
fn documents(sink: &mut Sink, file: &SourceFile, at: u32) -> Vec<Node> {
    if file.bytes.len() > MAX_FILE_BYTES {
        let message = format!("`{}` is larger than {MAX_FILE_BYTES} bytes, and is not read", file.path);
        sink.file_error(DiagnosticCode::FileTooLarge, &file.path, message);
        return Vec::new();
    }
    if let Err(error) = std::str::from_utf8(&file.bytes) {
        let start = error.valid_up_to() as u32;
        let span = crate::text::Span {
            file: at,
            start,
            // The replacement character has three bytes.
            end: start + 3,
        };
        let byte = file.bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        sink.error(
            DiagnosticCode::NotUtf8,
            span,
            format!("`{}` is not UTF-8: byte {byte:#04x} at {start}", file.path),
        )
        .hint("save the file as UTF-8");
        return Vec::new();
    }
    yaml::load(sink, at).unwrap_or_default()
}
