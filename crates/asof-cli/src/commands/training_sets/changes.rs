//! What is not as it was when a training set was made: definitions and files, in words.

use std::collections::BTreeMap;

use asof_model::retrieval::RetrievalPlan;
use asof_offline::{DefinitionRecord, FileRecord, Manifest};

use super::opened::Opened;
use crate::commands::get_historical_features::hashes;
use crate::error::CliResult;
use crate::workspace::Workspace;

/// The definitions that the registry's version has otherwise than the manifest says.
pub(super) fn definition_changes(opened: &Opened, plan: &RetrievalPlan) -> Vec<String> {
    let manifest = &opened.manifest;
    let now = hashes(&opened.snapshot.definitions, plan, &manifest.request);
    let by_name = |records: &[DefinitionRecord]| -> BTreeMap<(String, String), String> {
        let entries = records.iter().cloned();
        entries
            .map(|record| ((record.kind, record.name), record.hash))
            .collect()
    };
    let what = |(kind, name): &(String, String)| format!("{} `{name}`", kind.replace('_', " "));
    let changes = difference(&by_name(&manifest.definitions), &by_name(&now), what);
    let version = opened.snapshot.version;
    let registry = |change: String| format!("{change} in registry version {version}");
    changes.into_iter().map(registry).collect()
}

/// The files of the sources that are not what they were, or not there, or new.
///
/// # Errors
/// When a source cannot be read.
pub(super) async fn file_changes(
    workspace: &Workspace,
    manifest: &Manifest,
    plan: &RetrievalPlan,
) -> CliResult<Vec<String>> {
    let engine = workspace.offline(None)?;
    let mut changes = Vec::new();
    for was in &manifest.sources {
        let mut sources = plan.lookups.iter().map(|lookup| &lookup.source);
        let Some(source) = sources.find(|source| source.name.as_str() == was.source) else {
            continue;
        };
        let is = engine.file_records(source).await?;
        let by_path = |files: &[FileRecord]| -> BTreeMap<String, _> {
            let entries = files.iter();
            entries.map(|file| (file.path.clone(), file.content.clone())).collect()
        };
        let what = |path: &String| format!("file `{path}` of the source `{}`", was.source);
        changes.extend(difference(&by_path(&was.files), &by_path(&is), what));
    }
    Ok(changes)
}

/// What is not as it was, in words.
fn difference<K: Ord, V: PartialEq>(
    was: &BTreeMap<K, V>,
    is: &BTreeMap<K, V>,
    what: impl Fn(&K) -> String,
) -> Vec<String> {
    let mut changes = Vec::new();
    for (key, value) in was {
        match is.get(key) {
            None => changes.push(format!("{} is missing", what(key))),
            Some(now) if now != value => changes.push(format!("{} changed", what(key))),
            Some(_) => {}
        }
    }
    let new = is.keys().filter(|key| !was.contains_key(key));
    changes.extend(new.map(|key| format!("{} is new", what(key))));
    changes
}
