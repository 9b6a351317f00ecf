//! Names are unique: per kind of definition (feature views and on-demand feature views together), and per list of
//! features, join keys, request fields and expectations.

use std::collections::HashMap;

use crate::DiagnosticCode;
use crate::syntax::{Syntax, Word};
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    unique(sink, None, "entity", syntax.entities.iter().map(|entity| &entity.name));
    unique(sink, None, "source", syntax.sources.iter().map(|source| &source.name));
    let views = syntax.feature_views.iter().map(|view| &view.name);
    unique(
        sink,
        None,
        "view",
        views.chain(syntax.on_demand.iter().map(|view| &view.name)),
    );
    unique(
        sink,
        None,
        "feature service",
        syntax.services.iter().map(|service| &service.name),
    );
    for entity in &syntax.entities {
        let owner = format!("entity `{}`", entity.name.value);
        unique(
            sink,
            Some(&owner),
            "join key",
            entity.join_keys.iter().map(|key| &key.name),
        );
    }
    for view in &syntax.feature_views {
        let owner = format!("feature view `{}`", view.name.value);
        unique(
            sink,
            Some(&owner),
            "feature",
            view.all_features().map(|feature| &feature.name),
        );
        unique(
            sink,
            Some(&owner),
            "expectation",
            view.expect.iter().map(|expectation| &expectation.name),
        );
    }
    for view in &syntax.on_demand {
        let owner = format!("on-demand feature view `{}`", view.name.value);
        unique(
            sink,
            Some(&owner),
            "request field",
            view.request.iter().map(|field| &field.name),
        );
        unique(
            sink,
            Some(&owner),
            "feature",
            view.features.iter().map(|feature| &feature.name),
        );
    }
}

/// `owner`: what holds the names; `None`: the repository.
fn unique<'a>(sink: &mut Sink, owner: Option<&str>, kind: &str, names: impl Iterator<Item = &'a Word>) {
    let mut seen: HashMap<&str, &Word> = HashMap::new();
    for name in names {
        let Some(first) = seen.get(name.value.as_str()) else {
            seen.insert(&name.value, name);
            continue;
        };
        let message = match owner {
            Some(owner) => format!("{owner} has {kind} `{}` twice", name.value),
            None => format!("{kind} `{}` is defined twice", name.value),
        };
        sink.error(DiagnosticCode::DuplicateName, name.span, message)
            .label("again here")
            .related(first.span, "first here");
    }
}
