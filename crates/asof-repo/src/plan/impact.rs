//! What a change means: its class, and what else it reaches.
//!
//! A change is judged alone. The old definitions are compared with the same definitions plus that one change, so that
//! a new description is safe even in a plan that also breaks something else. What is judged is what callers see:
//! the answers of views and services ([`Answer`]), and the keyspaces of online rows.

use std::collections::BTreeSet;

use asof_model::definition::{Definitions, FeatureView};
use asof_model::{Keyspace, ServiceName, ViewName};

use super::meaning::Answer;
use super::{Action, ChangeClass, Effect, ObjectKind};

/// The class of a change and what else it reaches.
pub(super) fn assess(
    old: &Definitions,
    new: &Definitions,
    kind: ObjectKind,
    name: &str,
    action: &Action,
) -> (ChangeClass, Vec<Effect>) {
    match action {
        Action::Add { .. } => (ChangeClass::Safe, online_rows(new, kind, name)),
        Action::Remove { .. } => {
            let class = match kind {
                // Views that need one are changed or removed too, and say what that means.
                ObjectKind::Entity | ObjectKind::Source => ChangeClass::Safe,
                ObjectKind::FeatureView | ObjectKind::OnDemandFeatureView | ObjectKind::FeatureService => {
                    ChangeClass::Breaking
                }
            };
            let mut effects = online_rows(old, kind, name);
            let users = services_of(old, &views_of(old, kind, name)).into_iter();
            let stay = users.filter(|service| new.feature_services.contains_key(*service));
            effects.extend(stay.map(|service| Effect::Service(service.to_string())));
            (class, effects)
        }
        Action::Change { .. } => change(old, &with_change(old, new, kind, name), kind, name),
    }
}

/// The online rows of a view that comes or goes.
fn online_rows(definitions: &Definitions, kind: ObjectKind, name: &str) -> Vec<Effect> {
    let view = (kind == ObjectKind::FeatureView).then(|| definitions.feature_views.get(name));
    let online = view.flatten().filter(|view| view.online);
    online
        .map(|view| Effect::OnlineKeyspace(view.name.to_string()))
        .into_iter()
        .collect()
}

/// The old definitions with one object as it is in the new ones, and with what else is new so that its references hold.
fn with_change(old: &Definitions, new: &Definitions, kind: ObjectKind, name: &str) -> Definitions {
    let mut after = new.clone();
    macro_rules! keep_old {
        ($list:ident, $kind:path) => {
            for (key, value) in &old.$list {
                if kind != $kind || key.as_str() != name {
                    after.$list.insert(key.clone(), value.clone());
                }
            }
        };
    }
    keep_old!(entities, ObjectKind::Entity);
    keep_old!(sources, ObjectKind::Source);
    keep_old!(feature_views, ObjectKind::FeatureView);
    keep_old!(on_demand_feature_views, ObjectKind::OnDemandFeatureView);
    keep_old!(feature_services, ObjectKind::FeatureService);
    for view in after.feature_views.values_mut() {
        let entities = view.entities.iter().filter_map(|name| after.entities.get(name));
        view.join_keys = entities.flat_map(|entity| entity.join_keys.iter().cloned()).collect();
    }
    after
}

fn change(old: &Definitions, after: &Definitions, kind: ObjectKind, name: &str) -> (ChangeClass, Vec<Effect>) {
    let mut class = ChangeClass::Safe;
    let mut effects = BTreeSet::new();
    let mut views = views_of(old, kind, name);
    views.extend(views_of(after, kind, name));
    for view in &views {
        if let (Some(was), Some(is)) = (old.feature_views.get(*view), after.feature_views.get(*view)) {
            class = class.max(rows(old, was, after, is, &mut effects));
        }
        let was = Answer::of_view(old, view);
        class = class.max(answers(was.as_ref(), Answer::of_view(after, view).as_ref()));
    }
    let mut services = services_of(old, &views);
    services.extend(services_of(after, &views));
    if kind == ObjectKind::FeatureService {
        services.extend(old.feature_services.get_key_value(name).map(|(name, _)| name));
    }
    for service in services {
        // One that is new in this plan had no answers before.
        let Some(was) = Answer::of_service(old, service) else {
            continue;
        };
        let is = Answer::of_service(after, service);
        class = class.max(answers(Some(&was), is.as_ref()));
        let same_shape = is.as_ref().is_some_and(|is| {
            let names = |answer: &Answer| -> Vec<_> {
                let outputs = answer.outputs.iter();
                outputs
                    .map(|(name, meaning)| (name.clone(), meaning.value_type()))
                    .collect()
            };
            is.inputs == was.inputs && names(is) == names(&was)
        });
        if !same_shape {
            // Even where columns only come, a reader of whole vectors gets others.
            class = class.max(ChangeClass::Rebuild);
            effects.insert(Effect::Service(service.to_string()));
        }
        if is.is_none_or(|is| is.outputs != was.outputs) {
            effects.insert(Effect::TrainingSets(service.to_string()));
        }
    }
    (class, effects.into_iter().collect())
}

/// What a change means for the online rows of a view.
fn rows(
    old: &Definitions,
    was: &FeatureView,
    after: &Definitions,
    is: &FeatureView,
    effects: &mut BTreeSet<Effect>,
) -> ChangeClass {
    let keyspace = |definitions: &Definitions, view: &FeatureView| {
        let source = definitions.sources.get(&view.source)?;
        Some(Keyspace::of(&definitions.project, view, source))
    };
    let other_rows = keyspace(old, was) != keyspace(after, is);
    if was.online != is.online || (is.online && other_rows) {
        effects.insert(Effect::OnlineKeyspace(is.name.to_string()));
    }
    match (was.online, is.online) {
        (true, false) => ChangeClass::Breaking,
        (true, true) if other_rows => ChangeClass::Rebuild,
        _ => ChangeClass::Safe,
    }
}

/// What it means for callers that `was` becomes `is`. `None`: there is no answer at all.
fn answers(was: Option<&Answer>, is: Option<&Answer>) -> ChangeClass {
    let Some(was) = was else {
        return ChangeClass::Safe;
    };
    let Some(is) = is else {
        return ChangeClass::Breaking;
    };
    let asks_more = is
        .inputs
        .iter()
        .any(|(column, value_type)| was.inputs.get(column) != Some(value_type));
    let gives_less = was.outputs.iter().any(|(name, meaning)| {
        let now = is.output(name);
        now.is_none_or(|now| now.value_type() != meaning.value_type())
    });
    let differs = was
        .outputs
        .iter()
        .any(|(name, meaning)| is.output(name) != Some(meaning));
    if asks_more || gives_less {
        ChangeClass::Breaking
    } else if differs {
        ChangeClass::Rebuild
    } else {
        ChangeClass::Safe
    }
}

/// The views whose answers can depend on an object: itself, those that read it, and on-demand views over them.
fn views_of<'a>(definitions: &'a Definitions, kind: ObjectKind, name: &str) -> BTreeSet<&'a ViewName> {
    let mut views: BTreeSet<&ViewName> = definitions
        .feature_views
        .values()
        .filter(|view| match kind {
            ObjectKind::Entity => view.entities.iter().any(|entity| entity.as_str() == name),
            ObjectKind::Source => view.source.as_str() == name,
            ObjectKind::FeatureView => view.name.as_str() == name,
            ObjectKind::OnDemandFeatureView | ObjectKind::FeatureService => false,
        })
        .map(|view| &view.name)
        .collect();
    if kind == ObjectKind::OnDemandFeatureView {
        let itself = definitions.on_demand_feature_views.get_key_value(name);
        views.extend(itself.map(|(name, _)| name));
    }
    loop {
        let readers = definitions.on_demand_feature_views.values();
        let more: Vec<&ViewName> = readers
            .filter(|view| !views.contains(&view.name) && view.inputs.iter().any(|input| views.contains(&input.view)))
            .map(|view| &view.name)
            .collect();
        if more.is_empty() {
            return views;
        }
        views.extend(more);
    }
}

fn services_of<'a>(definitions: &'a Definitions, views: &BTreeSet<&ViewName>) -> BTreeSet<&'a ServiceName> {
    let services = definitions.feature_services.values();
    services
        .filter(|service| {
            service
                .features
                .iter()
                .any(|projection| views.contains(&projection.view))
        })
        .map(|service| &service.name)
        .collect()
}
