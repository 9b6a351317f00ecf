//! Repositories in, definitions or diagnostics out: a folder per problem under `cases/`, whole repositories that are
//! right, the JSON Schema, and input that nobody would write.

mod cases;
mod checker;
mod hostile;
mod redis;
mod reference;
mod schema;
mod valid;

use std::collections::BTreeMap;
use std::path::Path;

use asof_repo::{Coloring, Repository, SourceFile, render_human};

/// Reads every file below `folder` that is not an expectation.
fn read_folder(folder: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
            {
                let relative = path.strip_prefix(folder).expect("it lies below");
                files.push(SourceFile {
                    path: relative.to_str().expect("names are UTF-8").replace('\\', "/"),
                    bytes: std::fs::read(&path).expect("the file can be read"),
                });
            }
        }
    }
    files
}

fn file(path: &str, text: impl Into<Vec<u8>>) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        bytes: text.into(),
    }
}

/// A repository of one file of definitions, read without judging SQL.
fn repository(definitions: &str) -> Repository {
    let files = [file("feature_store.yaml", "project: p\n"), file("a.yaml", definitions)];
    Repository::parse(&files, &BTreeMap::new(), None)
}

/// What a person would read about the file of [`repository`].
fn complaints(repository: &Repository, definitions: &str) -> String {
    let files = [file("a.yaml", definitions)];
    render_human(&repository.diagnostics, &files, Coloring::Plain)
}
