//! What a training set's file and manifest say of where it comes from.

use std::collections::BTreeSet;

use asof_model::definition::Definitions;
use asof_model::retrieval::RetrievalPlan;
use asof_offline::{DefinitionRecord, ManifestLabels, TrainingSetLabels, TrainingSetSelection};
use asof_registry::Snapshot;
use xxhash_rust::xxh3::xxh3_128;

/// The labels of a training set of `snapshot`, made by `command` from the spine at `spine`.
pub(super) fn labels(
    snapshot: &Snapshot,
    plan: &RetrievalPlan,
    selection: TrainingSetSelection,
    command: Vec<String>,
    spine: String,
) -> TrainingSetLabels {
    let definitions = hashes(&snapshot.definitions, plan, &selection);
    TrainingSetLabels {
        project: snapshot.definitions.project.to_string(),
        registry_version: Some(snapshot.version.0),
        selection,
        manifest: Some(ManifestLabels {
            asof_version: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            definitions,
            spine,
        }),
    }
}

/// The definitions that the values of a plan follow from, each with the hash of its canonical document as compact JSON.
pub(crate) fn hashes(
    definitions: &Definitions,
    plan: &RetrievalPlan,
    selection: &TrainingSetSelection,
) -> Vec<DefinitionRecord> {
    let lookups = || plan.lookups.iter();
    let service = match selection {
        TrainingSetSelection::Service(service) => Some(service.as_str()),
        TrainingSetSelection::Features(_) => None,
    };
    let used: [(&str, &str, BTreeSet<&str>); 5] = [
        (
            "entity",
            "entities",
            lookups()
                .flat_map(|lookup| &lookup.view.entities)
                .map(asof_model::EntityName::as_str)
                .collect(),
        ),
        (
            "source",
            "sources",
            lookups().map(|lookup| lookup.source.name.as_str()).collect(),
        ),
        (
            "feature_view",
            "feature_views",
            lookups().map(|lookup| lookup.view.name.as_str()).collect(),
        ),
        (
            "on_demand_feature_view",
            "on_demand_feature_views",
            plan.on_demand.iter().map(|step| step.view.name.as_str()).collect(),
        ),
        ("feature_service", "feature_services", service.into_iter().collect()),
    ];
    let document = asof_repo::document::to_json(definitions);
    let mut hashes = Vec::new();
    for (kind, list, names) in used {
        for item in document[list].as_array().into_iter().flatten() {
            let Some(name) = item["name"].as_str().filter(|name| names.contains(name)) else {
                continue;
            };
            hashes.push(DefinitionRecord {
                kind: kind.to_owned(),
                name: name.to_owned(),
                hash: format!("{:032x}", xxh3_128(item.to_string().as_bytes())),
            });
        }
    }
    hashes
}
