//! The entities and the source of a feature view are defined.

use std::collections::HashSet;

use crate::DiagnosticCode;
use crate::syntax::Syntax;
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    let entities: HashSet<&str> = syntax
        .entities
        .iter()
        .map(|entity| entity.name.value.as_str())
        .collect();
    let sources: HashSet<&str> = syntax.sources.iter().map(|source| source.name.value.as_str()).collect();
    for view in &syntax.feature_views {
        for entity in view
            .entities
            .iter()
            .filter(|entity| !entities.contains(entity.value.as_str()))
        {
            let known = syntax.entities.iter().map(|entity| entity.name.value.as_str());
            let report = sink
                .error(
                    DiagnosticCode::UnknownEntity,
                    entity.span,
                    format!("there is no entity `{}`", entity.value),
                )
                .nearest(&entity.value, known);
            // A habit from systems in which a view names its key columns.
            let by_key =
                |e: &&crate::syntax::EntitySyntax| e.join_keys.iter().any(|key| key.name.value == entity.value);
            if let Some(owner) = syntax.entities.iter().find(by_key) {
                report.hint(format!(
                    "`{}` is a join key of entity `{}`; name the entity",
                    entity.value, owner.name.value
                ));
            }
        }
        if let Some(source) = view
            .source
            .as_ref()
            .filter(|source| !sources.contains(source.value.as_str()))
        {
            let known = syntax.sources.iter().map(|source| source.name.value.as_str());
            sink.error(
                DiagnosticCode::UnknownSource,
                source.span,
                format!("there is no source `{}`", source.value),
            )
            .nearest(&source.value, known);
        }
    }
}
