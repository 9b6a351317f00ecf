//! In a service or an on-demand view, one name stands for one view under one set of keys.

use std::collections::{BTreeMap, HashMap};

use crate::DiagnosticCode;
use crate::syntax::{ProjectionSyntax, Syntax};
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    for service in &syntax.services {
        projections(sink, &service.features);
    }
    for view in &syntax.on_demand {
        projections(sink, &view.inputs);
    }
}

fn projections(sink: &mut Sink, projections: &[ProjectionSyntax]) {
    let mut seen: HashMap<&str, &ProjectionSyntax> = HashMap::new();
    for projection in projections {
        let name = projection.shown_as();
        let Some(first) = seen.get(name.value.as_str()) else {
            seen.insert(&name.value, projection);
            continue;
        };
        let why = if first.view.value != projection.view.value {
            format!("for both `{}` and `{}`", first.view.value, projection.view.value)
        } else if map(first) != map(projection) {
            format!("for `{}` under two sets of keys", projection.view.value)
        } else {
            continue;
        };
        sink.error(
            DiagnosticCode::AliasClash,
            name.span,
            format!("`{}` stands {why}", name.value),
        )
        .related(first.shown_as().span, "first here")
        .hint("give one of them another name with `as`");
    }
}

fn map(projection: &ProjectionSyntax) -> BTreeMap<&str, &str> {
    let pairs = projection.join_key_map.iter();
    pairs
        .filter(|(key, column)| key.value != column.value)
        .map(|(key, column)| (key.value.as_str(), column.value.as_str()))
        .collect()
}
