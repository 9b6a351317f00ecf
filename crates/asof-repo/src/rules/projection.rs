//! What services and on-demand views read is there: the view, its features, the join keys that are mapped.

use std::collections::HashMap;

use crate::DiagnosticCode;
use crate::syntax::{ProjectionSyntax, Syntax};
use crate::text::Sink;

/// What a projection may name of a view.
struct View<'a> {
    features: Vec<&'a str>,
    /// `None`: an on-demand view, which has no join keys.
    join_keys: Option<Vec<&'a str>>,
    /// Whether all of its entities are whole, so that a join key that is not among them is unknown.
    keys_are_known: bool,
}

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    let views = views(syntax);
    let on_demand = syntax.on_demand.iter().flat_map(|view| &view.inputs);
    for projection in on_demand.chain(syntax.services.iter().flat_map(|service| &service.features)) {
        let Some(view) = views.get(projection.view.value.as_str()) else {
            unknown_view(sink, syntax, projection);
            continue;
        };
        features(sink, projection, view);
        join_keys(sink, projection, view);
    }
}

fn views(syntax: &Syntax) -> HashMap<&str, View<'_>> {
    let entities: HashMap<&str, Vec<&str>> = syntax
        .entities
        .iter()
        .map(|entity| {
            let keys = entity.join_keys.iter().map(|key| key.name.value.as_str());
            (entity.name.value.as_str(), keys.collect())
        })
        .collect();
    let feature_views = syntax.feature_views.iter().map(|view| {
        let keys = view.entities.iter().map(|entity| entities.get(entity.value.as_str()));
        let keys_are_known = keys.clone().all(|keys| keys.is_some_and(|keys| !keys.is_empty()));
        let join_keys = keys.flatten().flatten().copied().collect();
        let shape = View {
            features: view.all_features().map(|feature| feature.name.value.as_str()).collect(),
            join_keys: Some(join_keys),
            keys_are_known,
        };
        (view.name.value.as_str(), shape)
    });
    let on_demand = syntax.on_demand.iter().map(|view| {
        let shape = View {
            features: view
                .features
                .iter()
                .map(|feature| feature.name.value.as_str())
                .collect(),
            join_keys: None,
            keys_are_known: true,
        };
        (view.name.value.as_str(), shape)
    });
    feature_views.chain(on_demand).collect()
}

fn unknown_view(sink: &mut Sink, syntax: &Syntax, projection: &ProjectionSyntax) {
    let name = &projection.view;
    let report = sink
        .error(
            DiagnosticCode::UnknownView,
            name.span,
            format!("there is no feature view `{}`", name.value),
        )
        .nearest(&name.value, syntax.view_names());
    let kind = if syntax.entity_names().any(|entity| entity == name.value) {
        "an entity"
    } else if syntax.source_names().any(|source| source == name.value) {
        "a source"
    } else {
        return;
    };
    report.hint(format!("`{}` is {kind}; a view is needed here", name.value));
}

fn features(sink: &mut Sink, projection: &ProjectionSyntax, view: &View<'_>) {
    for feature in projection.features.iter().flatten() {
        // A view without any feature has been reported as such.
        if !view.features.is_empty() && !view.features.contains(&feature.value.as_str()) {
            sink.error(
                DiagnosticCode::UnknownFeature,
                feature.span,
                format!("view `{}` has no feature `{}`", projection.view.value, feature.value),
            )
            .nearest(&feature.value, view.features.iter().copied())
            .hint(format!("its features are {}", view.features.join(", ")));
        }
    }
}

fn join_keys(sink: &mut Sink, projection: &ProjectionSyntax, view: &View<'_>) {
    let Some(known) = &view.join_keys else {
        if let Some((key, _)) = projection.join_key_map.first() {
            let message = format!(
                "`{}` is an on-demand feature view and has no join keys",
                projection.view.value
            );
            sink.error(DiagnosticCode::NoJoinKeys, key.span, message)
                .hint("map the keys where the on-demand view names its inputs");
        }
        return;
    };
    for (key, _) in &projection.join_key_map {
        if view.keys_are_known && !known.contains(&key.value.as_str()) {
            let report = sink
                .error(
                    DiagnosticCode::UnknownJoinKey,
                    key.span,
                    format!("view `{}` has no join key `{}`", projection.view.value, key.value),
                )
                .nearest(&key.value, known.iter().copied());
            report.hint(match known.as_slice() {
                [] => "it has no entities, and so no join keys".to_owned(),
                _ => format!("its join keys are {}; they stand on the left", known.join(", ")),
            });
        }
    }
}
