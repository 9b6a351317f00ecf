//! A list names nothing twice: the entities of a view, the features of a projection.

use std::collections::HashMap;

use crate::DiagnosticCode;
use crate::syntax::{Syntax, Word};
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    for view in &syntax.feature_views {
        once(sink, &format!("feature view `{}`", view.name.value), &view.entities);
    }
    let on_demand = syntax.on_demand.iter().flat_map(|view| &view.inputs);
    for projection in on_demand.chain(syntax.services.iter().flat_map(|service| &service.features)) {
        let features = projection.features.as_deref().unwrap_or_default();
        once(
            sink,
            &format!("the projection of `{}`", projection.view.value),
            features,
        );
    }
}

fn once(sink: &mut Sink, owner: &str, words: &[Word]) {
    let mut seen: HashMap<&str, &Word> = HashMap::new();
    for word in words {
        if let Some(first) = seen.insert(&word.value, word) {
            sink.error(
                DiagnosticCode::DuplicateEntry,
                word.span,
                format!("{owner} names `{}` twice", word.value),
            )
            .label("again here")
            .related(first.span, "first here");
        }
    }
}
