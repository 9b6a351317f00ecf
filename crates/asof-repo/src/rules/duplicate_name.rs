//! Names are unique: per kind of definition (feature views and on-demand feature views together), and per list of
//! features, join keys, request fields and expectations.

use std::collections::HashMap;

use crate::DiagnosticCode;
use crate::syntax::{FeatureSyntax, Syntax, Word};
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    unique(sink, "entity", syntax.entities.iter().map(|entity| &entity.name));
    unique(sink, "source", syntax.sources.iter().map(|source| &source.name));
    let views = syntax.feature_views.iter().map(|view| &view.name);
    unique(sink, "view", views.chain(syntax.on_demand.iter().map(|view| &view.name)));
    unique(sink, "feature service", syntax.services.iter().map(|service| &service.name));
    for entity in &syntax.entities {
        let what = format!("join key of entity `{}`", entity.name.value);
        unique(sink, &what, entity.join_keys.iter().map(|key| &key.name));
    }
    for view in &syntax.feature_views {
        let what = format!("feature of feature view `{}`", view.name.value);
        unique(sink, &what, view.all_features().map(|feature| &feature.name));
        let what = format!("expectation of feature view `{}`", view.name.value);
        unique(sink, &what, view.expect.iter().map(|expectation| &expectation.name));
    }
    for view in &syntax.on_demand {
        let names = |features: &'_ [FeatureSyntax]| features.iter().map(|feature| feature.name.clone()).collect::<Vec<_>>();
        let what = format!("feature of on-demand feature view `{}`", view.name.value);
        unique(sink, &what, names(&view.features).iter());
        let what = format!("request field of on-demand feature view `{}`", view.name.value);
        unique(sink, &what, names(&view.request).iter());
    }
}

fn unique<'a>(sink: &mut Sink, what: &str, names: impl Iterator<Item = &'a Word>) {
    let mut seen: HashMap<&str, &Word> = HashMap::new();
    for name in names {
        if let Some(first) = seen.get(name.value.as_str()) {
            sink.error(
                DiagnosticCode::DuplicateName,
                name.span,
                format!("{what} `{}` is defined twice", name.value),
            )
            .label("again here")
            .related(first.span, "first here");
        } else {
            seen.insert(&name.value, name);
        }
    }
}
