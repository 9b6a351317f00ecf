//! Each folder under `cases/` is a repository with the problem that it is named after; `expected.snap` beside it is
//! what a person reads. A `schemas.txt` holds the columns that its sources are said to have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use asof_model::{SourceName, ValueType};
use asof_repo::{Coloring, DiagnosticCode, Repository, render_human, to_json};

use crate::checker::Words;
use crate::read_folder;

fn folders() -> Vec<PathBuf> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions/cases");
    let entries = std::fs::read_dir(cases).expect("the cases are there");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    folders.sort();
    folders
}

fn name(folder: &Path) -> &str {
    folder
        .file_name()
        .and_then(|name| name.to_str())
        .expect("names are UTF-8")
}

#[test]
fn each_problem_is_reported_with_its_code_and_place() {
    for folder in folders() {
        let files = read_folder(&folder);
        let env = BTreeMap::from([("BUCKET".to_owned(), "b".to_owned())]);
        let repository = Repository::parse(&files, &env, Some(&Words));
        let mut diagnostics = repository.diagnostics.clone();
        diagnostics.extend(repository.check_sources(&schemas(&folder), Some(&Words)));

        let (code, _) = name(&folder).split_once('_').expect("CODE_slug");
        assert!(
            diagnostics.iter().any(|diagnostic| diagnostic.code.as_str() == code),
            "{} does not report {code}",
            folder.display()
        );
        let errors = repository.diagnostics.iter().any(asof_repo::Diagnostic::is_error);
        assert_eq!(repository.definitions.is_none(), errors, "{}", folder.display());

        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("expected", render_human(&diagnostics, &files, Coloring::Plain)));
    }
}

/// Lines of `source column type`, or `source ! message` for a source that cannot be read.
fn schemas(folder: &Path) -> BTreeMap<SourceName, Result<SchemaRef, String>> {
    let mut fields: BTreeMap<SourceName, Result<Vec<Field>, String>> = BTreeMap::new();
    for line in std::fs::read_to_string(folder.join("schemas.txt"))
        .unwrap_or_default()
        .lines()
    {
        let parts: Vec<&str> = line.splitn(3, ' ').collect();
        let [source, column, rest] = parts.as_slice() else {
            panic!("{line}")
        };
        let source = SourceName::try_new(source).expect("a name");
        if *column == "!" {
            fields.insert(source, Err((*rest).to_owned()));
            continue;
        }
        let value_type: ValueType = rest.parse().expect("a type");
        let columns = fields.entry(source).or_insert_with(|| Ok(Vec::new()));
        let columns = columns.as_mut().expect("columns or a message, not both");
        columns.push(Field::new(*column, value_type.arrow(), true));
    }
    let schema = |fields: Result<Vec<Field>, String>| fields.map(|fields| Arc::new(Schema::new(fields)));
    fields
        .into_iter()
        .map(|(source, fields)| (source, schema(fields)))
        .collect()
}

#[test]
fn each_code_has_a_case() {
    let folders = folders();
    let covered: BTreeSet<&str> = folders
        .iter()
        .filter_map(|folder| name(folder).split('_').next())
        .collect();
    // A file that is too large is made in a test, and the planner refuses nothing that other rules let through.
    let elsewhere = [DiagnosticCode::FileTooLarge, DiagnosticCode::UnanswerableService];
    for code in DiagnosticCode::ALL {
        assert!(
            elsewhere.contains(code) || covered.contains(code.as_str()),
            "{code} has no case"
        );
    }
}

#[test]
fn machines_read_the_same() {
    let folder = folders()
        .into_iter()
        .find(|folder| name(folder) == "ASOF0301_two_files");
    let files = read_folder(&folder.expect("the case is there"));
    let repository = Repository::parse(&files, &BTreeMap::new(), None);
    insta::assert_json_snapshot!(to_json(&repository.diagnostics), @r#"
    [
      {
        "code": "ASOF0301",
        "severity": "error",
        "message": "entity `origin` is defined twice",
        "file": "views/b.yaml",
        "line": 2,
        "column": 12,
        "end_line": 2,
        "end_column": 18,
        "label": "again here",
        "hints": [],
        "related": [
          {
            "file": "a.yaml",
            "line": 2,
            "column": 12,
            "end_line": 2,
            "end_column": 18,
            "label": "first here"
          }
        ]
      },
      {
        "code": "ASOF0301",
        "severity": "error",
        "message": "view `origin_weather` is defined twice",
        "file": "views/b.yaml",
        "line": 4,
        "column": 11,
        "end_line": 4,
        "end_column": 25,
        "label": "again here",
        "hints": [],
        "related": [
          {
            "file": "a.yaml",
            "line": 6,
            "column": 11,
            "end_line": 6,
            "end_column": 25,
            "label": "first here"
          }
        ]
      }
    ]
    "#);
}
