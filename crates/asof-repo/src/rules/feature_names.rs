//! The features of a service have names of their own.
//!
//! Two aliases of one view share their feature names by nature: such a service can be asked for full names only, which
//! is worth a warning and no more. Any other clash is an error.

use std::collections::HashMap;

use asof_model::FeatureName;
use asof_model::definition::{Definitions, Projection};

use crate::DiagnosticCode;
use crate::syntax::{ProjectionSyntax, Syntax};
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax, whole: &Definitions) {
    for service in &syntax.services {
        let Some(definition) = whole.feature_services.get(service.name.value.as_str()) else {
            continue;
        };
        let mut seen: HashMap<FeatureName, (&Projection, &ProjectionSyntax)> = HashMap::new();
        for (projection, written) in definition.features.iter().zip(&service.features) {
            // One projection that clashes in all of its features is one mistake.
            let mut clashes: Vec<(FeatureName, &Projection, &ProjectionSyntax)> = Vec::new();
            for feature in features(whole, projection) {
                match seen.get(&feature) {
                    Some((first, place)) => clashes.push((feature, first, place)),
                    None => {
                        seen.insert(feature, (projection, written));
                    }
                }
            }
            let Some((feature, first, place)) = clashes.first() else {
                continue;
            };
            let names: Vec<String> = clashes.iter().map(|(name, ..)| format!("`{name}`")).collect();
            let aliases = clashes
                .iter()
                .all(|(_, first, _)| first.view == projection.view && first.shown_as() != projection.shown_as());
            let message = match names.as_slice() {
                _ if first.shown_as() == projection.shown_as() => format!(
                    "feature service `{}` asks twice for {} of `{}`",
                    definition.name,
                    names.join(", "),
                    first.shown_as()
                ),
                [name] => format!(
                    "`{}:{feature}` and `{}:{feature}` of feature service `{}` are both called {name}",
                    first.shown_as(),
                    projection.shown_as(),
                    definition.name
                ),
                _ => format!(
                    "`{}` and `{}` of feature service `{}` share the feature names {}",
                    first.shown_as(),
                    projection.shown_as(),
                    definition.name,
                    names.join(", ")
                ),
            };
            let report = sink
                .error(DiagnosticCode::FeatureNameClash, written.place, message)
                .related(place.place, "clashes with this");
            if aliases {
                report
                    .warning()
                    .hint("ask this service for full feature names, `view__feature`");
            } else if first.shown_as() == projection.shown_as() {
                report.hint("ask for it once");
            } else {
                report.hint("rename one of the features, or leave one out");
            }
        }
    }
}

fn features(whole: &Definitions, projection: &Projection) -> Vec<FeatureName> {
    if let Some(features) = &projection.features {
        return features.clone();
    }
    let features = match whole.feature_views.get(&projection.view) {
        Some(view) => view.features(),
        None => match whole.on_demand_feature_views.get(&projection.view) {
            Some(view) => view.features(),
            None => Vec::new(),
        },
    };
    features.into_iter().map(|feature| feature.name).collect()
}
