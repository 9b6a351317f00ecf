//! The entities and the source of a feature view are defined.

use std::collections::HashSet;

use crate::DiagnosticCode;
use crate::syntax::{EntitySyntax, Syntax};
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    let entities: HashSet<&str> = syntax.entity_names().collect();
    let sources: HashSet<&str> = syntax.source_names().collect();
    for view in &syntax.feature_views {
        let named = view.entities.iter();
        for entity in named.filter(|entity| !entities.contains(entity.value.as_str())) {
            let report = sink
                .error(
                    DiagnosticCode::UnknownEntity,
                    entity.span,
                    format!("there is no entity `{}`", entity.value),
                )
                .nearest(&entity.value, syntax.entity_names());
            // A habit from systems in which a view names its key columns.
            let by_key = |e: &&EntitySyntax| e.join_keys.iter().any(|key| key.name.value == entity.value);
            if let Some(owner) = syntax.entities.iter().find(by_key) {
                report.hint(format!(
                    "`{}` is a join key of entity `{}`; name the entity",
                    entity.value, owner.name.value
                ));
            }
        }
        let named = view.source.as_ref();
        if let Some(source) = named.filter(|source| !sources.contains(source.value.as_str())) {
            sink.error(
                DiagnosticCode::UnknownSource,
                source.span,
                format!("there is no source `{}`", source.value),
            )
            .nearest(&source.value, syntax.source_names());
        }
    }
}
