//! A column that the caller brings has one type, whoever needs it: join keys of views and request fields alike.

use std::collections::{HashMap, HashSet};

use asof_model::definition::{Definitions, Projection};
use asof_model::{ColumnName, ValueType};

use crate::DiagnosticCode;
use crate::syntax::{ProjectionSyntax, Syntax};
use crate::text::{Sink, Span};

/// A column that something needs.
struct Need {
    column: ColumnName,
    value_type: ValueType,
    by: String,
}

pub(super) fn check(sink: &mut Sink, syntax: &Syntax, whole: &Definitions) {
    for view in &syntax.on_demand {
        let Some(definition) = whole.on_demand_feature_views.get(view.name.value.as_str()) else {
            continue;
        };
        let own = definition.request.iter().zip(&view.request).map(|(field, written)| {
            let need = Need {
                column: field.name.clone(),
                value_type: field.value_type,
                by: format!("the request of `{}`", definition.name),
            };
            (need, written.name.span)
        });
        let own: Vec<_> = own.collect();
        agree(
            sink,
            own.into_iter().chain(needs(whole, &definition.inputs, &view.inputs)),
        );
    }
    for service in &syntax.services {
        if let Some(definition) = whole.feature_services.get(service.name.value.as_str()) {
            agree(sink, needs(whole, &definition.features, &service.features).into_iter());
        }
    }
}

/// What each projection needs, with the projection's place.
fn needs(whole: &Definitions, projections: &[Projection], written: &[ProjectionSyntax]) -> Vec<(Need, Span)> {
    let with_place = |(projection, written): (&Projection, &ProjectionSyntax)| {
        let place = written.place;
        of(whole, projection).into_iter().map(move |need| (need, place))
    };
    projections.iter().zip(written).flat_map(with_place).collect()
}

/// What one projection needs, itself and by way of its inputs.
fn of(whole: &Definitions, projection: &Projection) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut open = vec![projection];
    let mut done = HashSet::new();
    while let Some(projection) = open.pop() {
        if let Some(view) = whole.feature_views.get(&projection.view) {
            needs.extend(view.join_keys.iter().map(|key| Need {
                column: projection.join_key_map.get(&key.name).unwrap_or(&key.name).clone(),
                value_type: key.key_type.into(),
                by: format!("a join key of `{}`", projection.shown_as()),
            }));
        } else if let Some(view) = whole.on_demand_feature_views.get(&projection.view)
            && done.insert(&view.name)
        {
            needs.extend(view.request.iter().map(|field| Need {
                column: field.name.clone(),
                value_type: field.value_type,
                by: format!("the request of `{}`", view.name),
            }));
            open.extend(&view.inputs);
        }
    }
    needs
}

fn agree(sink: &mut Sink, needs: impl Iterator<Item = (Need, Span)>) {
    let mut first: HashMap<ColumnName, (Need, Span)> = HashMap::new();
    for (need, place) in needs {
        let Some((known, known_place)) = first.get(&need.column) else {
            first.insert(need.column.clone(), (need, place));
            continue;
        };
        if known.value_type == need.value_type {
            continue;
        }
        sink.error(
            DiagnosticCode::ColumnTypeClash,
            place,
            format!(
                "column `{}` is {} for {} and {} for {}",
                need.column, known.value_type, known.by, need.value_type, need.by
            ),
        )
        .label(format!("{} here", need.value_type))
        .related(*known_place, format!("{} here", known.value_type))
        .hint("map one of them to another column with `join_key_map`, or make the types agree");
    }
}
