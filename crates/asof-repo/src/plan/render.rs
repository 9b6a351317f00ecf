//! Plans for a person: symbols, what differs and nothing else, what it reaches, and a sum at the end.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{Action, Change, Effect, FieldChange, ObjectKind, Plan, PlanCounts, fields};
use crate::Coloring;

const NOTHING: &str = "Nothing to change: the registry already holds these definitions.\n";

/// The symbols with their meanings and ANSI colours.
const ADD: Symbol = Symbol("+", "add", 32);
const CHANGE: Symbol = Symbol("~", "change", 33);
const REMOVE: Symbol = Symbol("-", "remove", 31);

#[derive(Clone, Copy)]
struct Symbol(&'static str, &'static str, u8);

/// A plan as text: the symbols that occur, each change with its class, its differences and what it reaches, the sum.
pub fn render(plan: &Plan, coloring: Coloring) -> String {
    if plan.is_empty() {
        return NOTHING.to_owned();
    }
    let mut writer = Writer {
        text: String::new(),
        coloring,
    };
    let counts = plan.counts();
    writer.legend(counts);
    for change in &plan.changes {
        writer.change(change);
    }
    let PlanCounts { add, change, remove } = counts;
    writer.text.push('\n');
    let sum = format!("Plan: {add} to add, {change} to change, {remove} to remove");
    writer.line(0, None, &sum);
    writer.text
}

struct Writer {
    text: String,
    coloring: Coloring,
}

impl Writer {
    fn paint(&self, symbol: Symbol) -> String {
        match self.coloring {
            Coloring::Plain => symbol.0.to_owned(),
            Coloring::Colored => format!("\u{1b}[{}m{}\u{1b}[0m", symbol.2, symbol.0),
        }
    }

    /// Writes a line; a text cannot fail to take one.
    fn line(&mut self, indent: usize, symbol: Option<Symbol>, text: &str) {
        let symbol = symbol
            .map(|symbol| format!("{} ", self.paint(symbol)))
            .unwrap_or_default();
        let _ = writeln!(self.text, "{:indent$}{symbol}{text}", "");
    }

    fn legend(&mut self, counts: PlanCounts) {
        let used = [(counts.add, ADD), (counts.change, CHANGE), (counts.remove, REMOVE)];
        let used = used.into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = used
            .map(|(_, symbol)| format!("{} {}", self.paint(symbol), symbol.1))
            .collect();
        self.line(0, None, &words.join("   "));
    }

    fn change(&mut self, change: &Change) {
        let symbol = match change.action {
            Action::Add { .. } => ADD,
            Action::Change { .. } => CHANGE,
            Action::Remove { .. } => REMOVE,
        };
        self.text.push('\n');
        let heading = format!("{} {} ({})", change.kind, change.name, change.class);
        self.line(0, Some(symbol), &heading);
        match &change.action {
            Action::Add { definition } => {
                for field in fields::between(&named(&change.name), definition) {
                    self.field(change.kind, &field);
                }
            }
            Action::Change { fields } => {
                for field in fields {
                    self.field(change.kind, field);
                }
            }
            Action::Remove { .. } => {}
        }
        self.effects(change);
    }

    fn field(&mut self, kind: ObjectKind, field: &FieldChange) {
        match field {
            FieldChange::Reorder { path, order } => {
                self.line(
                    4,
                    Some(CHANGE),
                    &format!("{}: in the order {}", path.join("."), order.join(", ")),
                );
            }
            FieldChange::Set { path, before, after } => {
                let path = path.join(".");
                match (before, after) {
                    (Some(Value::Array(before)), Some(Value::Array(after))) => self.list(&path, before, after),
                    (Some(before), Some(after)) => {
                        self.line(4, Some(CHANGE), &format!("{path}: {} -> {}", flow(before), flow(after)));
                    }
                    (None, Some(Value::Array(items))) => self.items(kind, &path, items),
                    (None, Some(Value::Object(keys))) if !keys.contains_key("name") => self.keys(kind, &path, keys),
                    (None, Some(after)) => self.line(4, Some(ADD), &format!("{path}: {}", item(after))),
                    (Some(before), None) => self.line(4, Some(REMOVE), &format!("{path}: {}", item(before))),
                    (None, None) => {}
                }
            }
        }
    }

    /// A list that is one value: what goes out of it and what comes in, or its new order.
    fn list(&mut self, path: &str, before: &[Value], after: &[Value]) {
        self.line(4, Some(CHANGE), path);
        let gone: Vec<&Value> = before.iter().filter(|value| !after.contains(value)).collect();
        let come: Vec<&Value> = after.iter().filter(|value| !before.contains(value)).collect();
        if gone.is_empty() && come.is_empty() {
            let order: Vec<String> = after.iter().map(flow).collect();
            self.line(8, Some(CHANGE), &format!("in the order {}", order.join(", ")));
        }
        for value in gone {
            self.line(8, Some(REMOVE), &flow(value));
        }
        for value in come {
            self.line(8, Some(ADD), &flow(value));
        }
    }

    /// A list that is new: a line for each item that has a name, one line for all others.
    fn items(&mut self, kind: ObjectKind, path: &str, items: &[Value]) {
        let named: Option<Vec<(&str, &Value)>> = items
            .iter()
            .map(|item| Some((item.get("name")?.as_str()?, item)))
            .collect();
        match named {
            Some(named) if !named.is_empty() => {
                for (name, value) in named {
                    self.line(4, Some(ADD), &format!("{path}.{name}: {}", item(value)));
                }
            }
            // A service is its list: a line for each of its views reads better than one for all.
            _ if kind == ObjectKind::FeatureService => {
                for value in items {
                    self.line(4, Some(ADD), &format!("{path}: {}", flow(value)));
                }
            }
            _ => self.line(
                4,
                Some(ADD),
                &format!("{path}: {}", flow(&Value::Array(items.to_vec()))),
            ),
        }
    }

    /// A mapping that is new, key by key.
    fn keys(&mut self, kind: ObjectKind, path: &str, keys: &Map<String, Value>) {
        for (key, value) in keys {
            let field = FieldChange::Set {
                path: vec![path.to_owned(), key.clone()],
                before: None,
                after: Some(value.clone()),
            };
            self.field(kind, &field);
        }
    }

    fn effects(&mut self, change: &Change) {
        let mut kinds: [Vec<&str>; 3] = Default::default();
        for effect in &change.affects {
            match effect {
                Effect::OnlineKeyspace(name) => kinds[0].push(name),
                Effect::Service(name) => kinds[1].push(name),
                Effect::TrainingSets(name) => kinds[2].push(name),
            }
        }
        let rows = match change.action {
            _ if leaves_online(change) => " (no longer read)",
            Action::Add { .. } => " (to materialize)",
            _ => " (to rebuild)",
        };
        let kinds = kinds.into_iter().zip([
            ("online rows of", rows),
            ("columns or inputs of", ""),
            ("training sets of", ""),
        ]);
        for (names, (what, note)) in kinds.filter(|(names, _)| !names.is_empty()) {
            self.line(4, None, &format!("affects {what} {}{note}", names.join(", ")));
        }
    }
}

/// Whether after this change nobody reads the online rows of the view.
fn leaves_online(change: &Change) -> bool {
    match &change.action {
        Action::Add { .. } => false,
        Action::Remove { .. } => true,
        Action::Change { fields } => fields.iter().any(|field| match field {
            FieldChange::Set { path, after, .. } => path == &["online"] && after == &Some(Value::Bool(false)),
            FieldChange::Reorder { .. } => false,
        }),
    }
}

/// An object of which only the name is known.
fn named(name: &str) -> Value {
    serde_json::json!({ "name": name })
}

/// A value that stands behind its own name: the name is left out, and a type alone stands for itself.
fn item(value: &Value) -> String {
    let Value::Object(map) = value else {
        return flow(value);
    };
    let rest: Map<String, Value> = map
        .iter()
        .filter(|(key, _)| *key != "name")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    match (rest.len(), rest.get("type")) {
        (1, Some(only)) => flow(only),
        _ => flow(&Value::Object(rest)),
    }
}

/// A value as YAML would have it on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("{}: {}", flow(&Value::String(key.clone())), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether a text needs no quotes to be told from what stands around it.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || ",[]{}\"'#".contains(c))
        && !text.contains(": ")
}
