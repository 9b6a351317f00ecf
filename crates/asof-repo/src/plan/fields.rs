//! The exact difference of two documents, and its application.
//!
//! Lists whose items all have a `name` of their own are compared item by item; any other list is one value.

use serde_json::{Map, Value};

use super::{Action, Change, FieldChange, ObjectKind};

/// A document that is not the one a plan was made for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan was made for other definitions: `{place}` is not as it was then; make a new plan")]
pub struct PlanMismatch {
    /// The first place that differs.
    pub place: String,
}

/// What turns the document `old` into `new`: objects that are added, changed and removed.
pub(super) fn documents(old: &Value, new: &Value) -> Vec<(ObjectKind, String, Action)> {
    let mut changes = Vec::new();
    for kind in ObjectKind::ALL {
        let (old, new) = (objects(old, kind), objects(new, kind));
        let mut found = Vec::new();
        for before in old {
            let name = name_of(before).unwrap_or_default();
            let action = match item(new, name) {
                None => Action::Remove {
                    definition: before.clone(),
                },
                Some(after) if after == before => continue,
                Some(after) => Action::Change {
                    fields: between(before, after),
                },
            };
            found.push((kind, name.to_owned(), action));
        }
        for after in new {
            let name = name_of(after).unwrap_or_default();
            if item(old, name).is_none() {
                let definition = after.clone();
                found.push((kind, name.to_owned(), Action::Add { definition }));
            }
        }
        found.sort_by(|(_, a, _), (_, b, _)| a.cmp(b));
        changes.append(&mut found);
    }
    changes
}

/// What turns the object `old` into `new`, field by field.
pub(super) fn between(old: &Value, new: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    walk(&mut Vec::new(), old, new, &mut found);
    found
}

fn walk(path: &mut Vec<String>, old: &Value, new: &Value, found: &mut Vec<FieldChange>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let keys = new.keys().chain(old.keys().filter(|key| !new.contains_key(*key)));
            for key in keys {
                step(path, key, old.get(key), new.get(key), found);
            }
        }
        (Value::Array(old), Value::Array(new)) => match (names(old), names(new)) {
            (Some(old_names), Some(new_names)) => {
                let gone = old_names.iter().filter(|name| !new_names.contains(name));
                for name in new_names.iter().chain(gone) {
                    step(path, name, item(old, name), item(new, name), found);
                }
                let kept = old_names.iter().filter(|name| new_names.contains(name));
                let come = new_names.iter().filter(|name| !old_names.contains(name));
                if !kept.chain(come).eq(new_names.iter()) {
                    found.push(FieldChange::Reorder {
                        path: path.clone(),
                        order: new_names.iter().map(|name| (*name).to_owned()).collect(),
                    });
                }
            }
            _ => found.push(set(
                path,
                Some(&Value::Array(old.clone())),
                Some(&Value::Array(new.clone())),
            )),
        },
        _ => found.push(set(path, Some(old), Some(new))),
    }
}

fn step(path: &mut Vec<String>, key: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<FieldChange>) {
    path.push(key.to_owned());
    match (old, new) {
        (Some(old), Some(new)) => walk(path, old, new, found),
        _ => found.push(set(path, old, new)),
    }
    path.pop();
}

fn set(path: &[String], before: Option<&Value>, after: Option<&Value>) -> FieldChange {
    FieldChange::Set {
        path: path.to_vec(),
        before: before.cloned(),
        after: after.cloned(),
    }
}

/// The names of a list's items, if each has one of its own.
fn names(list: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = list.iter().map(name_of).collect::<Option<_>>()?;
    let unique = names.iter().enumerate().all(|(at, name)| !names[..at].contains(name));
    unique.then_some(names)
}

fn name_of(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}

fn item<'a>(list: &'a [Value], name: &str) -> Option<&'a Value> {
    list.iter().find(|item| name_of(item) == Some(name))
}

fn objects(document: &Value, kind: ObjectKind) -> &[Value] {
    document
        .get(kind.list())
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The document that `changes` make of `document`.
pub(super) fn apply(changes: &[Change], document: &Value) -> Result<Value, PlanMismatch> {
    let mut document = document.clone();
    for change in changes {
        let place = format!("{} {}", change.kind, change.name);
        let mismatch = || PlanMismatch { place: place.clone() };
        let list = document
            .get_mut(change.kind.list())
            .and_then(Value::as_array_mut)
            .ok_or_else(mismatch)?;
        match &change.action {
            Action::Add { definition } => replace(list, &change.name, None, Some(definition)).ok_or_else(mismatch)?,
            Action::Remove { definition } => {
                replace(list, &change.name, Some(definition), None).ok_or_else(mismatch)?;
            }
            Action::Change { fields } => {
                let object = list
                    .iter_mut()
                    .find(|item| name_of(item) == Some(&change.name))
                    .ok_or_else(mismatch)?;
                for field in fields {
                    let (FieldChange::Set { path, .. } | FieldChange::Reorder { path, .. }) = field;
                    apply_field(object, field).ok_or_else(|| PlanMismatch {
                        place: format!("{place}: {}", path.join(".")),
                    })?;
                }
            }
        }
        list.sort_by(|a, b| name_of(a).cmp(&name_of(b)));
    }
    Ok(document)
}

/// Applies one difference to an object; `None` when the object is not as it was.
fn apply_field(object: &mut Value, field: &FieldChange) -> Option<()> {
    match field {
        FieldChange::Set { path, before, after } => {
            let (last, way) = path.split_last()?;
            match way.iter().try_fold(object, |value, step| child(value, step))? {
                Value::Object(map) => replace_key(map, last, before.as_ref(), after.as_ref()),
                Value::Array(list) => replace(list, last, before.as_ref(), after.as_ref()),
                _ => None,
            }
        }
        FieldChange::Reorder { path, order } => {
            let list = path.iter().try_fold(object, |value, step| child(value, step))?;
            let items = list.as_array()?;
            let ordered: Vec<Value> = order
                .iter()
                .map(|name| item(items, name).cloned())
                .collect::<Option<_>>()?;
            (ordered.len() == items.len()).then(|| *list = Value::Array(ordered))
        }
    }
}

fn child<'a>(value: &'a mut Value, step: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(map) => map.get_mut(step),
        Value::Array(list) => list.iter_mut().find(|item| name_of(item) == Some(step)),
        _ => None,
    }
}

fn replace_key(map: &mut Map<String, Value>, key: &str, before: Option<&Value>, after: Option<&Value>) -> Option<()> {
    if map.get(key) != before {
        return None;
    }
    match after {
        Some(after) => map.insert(key.to_owned(), after.clone()),
        None => map.shift_remove(key),
    };
    Some(())
}

fn replace(list: &mut Vec<Value>, name: &str, before: Option<&Value>, after: Option<&Value>) -> Option<()> {
    let at = list.iter().position(|item| name_of(item) == Some(name));
    if at.map(|at| &list[at]) != before {
        return None;
    }
    match (at, after) {
        (Some(at), Some(after)) => list[at] = after.clone(),
        (Some(at), None) => drop(list.remove(at)),
        (None, Some(after)) => list.push(after.clone()),
        (None, None) => {}
    }
    Some(())
}
