//! The join keys of a view have names of their own, also when they come from several entities.

use std::collections::HashMap;

use crate::DiagnosticCode;
use crate::syntax::{EntitySyntax, Syntax};
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    let mut entities: HashMap<&str, &EntitySyntax> = HashMap::new();
    for entity in &syntax.entities {
        entities.entry(&entity.name.value).or_insert(entity);
    }
    for view in &syntax.feature_views {
        let mut seen: HashMap<&str, &EntitySyntax> = HashMap::new();
        for word in &view.entities {
            let Some(entity) = entities.get(word.value.as_str()) else {
                continue;
            };
            for key in &entity.join_keys {
                // An entity that is named twice, or that has a key twice, is another rule's business.
                let first = seen
                    .insert(&key.name.value, entity)
                    .filter(|first| first.name != entity.name);
                if let Some(first) = first {
                    sink.error(
                        DiagnosticCode::JoinKeyClash,
                        word.span,
                        format!(
                            "entities `{}` and `{}` of feature view `{}` both have a join key `{}`",
                            first.name.value, word.value, view.name.value, key.name.value
                        ),
                    )
                    .related(key.name.span, "this join key");
                }
            }
        }
    }
}
