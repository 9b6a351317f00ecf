//! The form of values: one walk over a document along its table of keys reports everything that can be said without
//! looking at other definitions.

use std::collections::BTreeMap;

use asof_model::nearest::nearest;

use crate::DiagnosticCode;
use crate::keys::{Elements, Key, Need, STORE, Shape, Table};
use crate::rules::{cron, duration, key_type, name, setting, value_type};
use crate::text::{Sink, Span, Spanned};
use crate::whose::Whose;
use crate::yaml::{Content, Node};

/// Reports what is wrong with the form of `node`, a mapping of `table`. `env` holds what `${NAME}` stands for.
pub(crate) fn check(sink: &mut Sink, env: &BTreeMap<String, String>, node: &Node, table: &Table) {
    let owner = format!("this {}", table.title);
    let place = Whose {
        key: "",
        owner: &owner,
        element: false,
        span: node.span,
    };
    Walk { sink, env }.mapping(node, table, &[], place);
}

/// Tables of one kind of thing, by the word under `type`.
type Variants = &'static [(&'static str, &'static Table)];

struct Walk<'a> {
    sink: &'a mut Sink,
    env: &'a BTreeMap<String, String>,
}

impl Walk<'_> {
    fn value(&mut self, node: &Node, shape: &Shape, whose: Whose<'_>) {
        match shape {
            Shape::List(element, elements) => self.list(node, element, *elements, shape, whose),
            Shape::Mapping(table) => self.mapping(node, table, &[], whose),
            Shape::Tagged(variants) => self.tagged(node, variants, shape, whose),
            Shape::Map { keys, values } => {
                if !matches!(node.content, Content::Mapping(_)) {
                    return self.wrong(node, shape, whose);
                }
                for entry in node.entries() {
                    self.scalar(&entry.key.value, entry.key.span, keys, whose);
                    let whose = Whose {
                        span: entry.key.span,
                        ..whose
                    };
                    self.value(&entry.value, values, whose);
                }
            }
            Shape::Or(text, table) => match node.content {
                Content::Mapping(_) => self.mapping(node, table, &[], whose),
                Content::Scalar(_) if !node.is_null() => self.value(node, text, whose),
                _ => self.wrong(node, shape, whose),
            },
            Shape::Tags => self.tags(node, whose),
            Shape::Flag => {
                if node.bool().is_none() {
                    self.wrong(node, shape, whose);
                }
            }
            Shape::Number => {
                if node.number().is_none() {
                    self.wrong(node, shape, whose);
                }
            }
            _ => match node.text() {
                Some(text) => self.scalar(text, node.span, shape, whose),
                None => self.wrong(node, shape, whose),
            },
        }
    }

    fn scalar(&mut self, text: &str, span: Span, shape: &Shape, whose: Whose<'_>) {
        let span = span.or(whose.span);
        match shape {
            Shape::Name => name::check(self.sink, text, span, whose),
            Shape::Duration => duration::check(self.sink, text, span, whose),
            Shape::ValueType => value_type::check(self.sink, text, span, whose),
            Shape::KeyType => key_type::check(self.sink, text, span, whose),
            Shape::Cron => cron::check(self.sink, text, span, whose),
            Shape::Choice(words) => self.choice(text, span, words, whose),
            Shape::Reference | Shape::FeatureReference | Shape::FilledText | Shape::Sql | Shape::Setting => {
                if text.trim().is_empty() {
                    self.sink
                        .error(DiagnosticCode::EmptyText, span, format!("{whose} is empty"));
                } else if matches!(shape, Shape::Setting) {
                    setting::check(self.sink, self.env, text, span, whose);
                }
            }
            _ => {}
        }
    }

    fn choice(&mut self, text: &str, span: Span, words: &[&'static str], whose: Whose<'_>) {
        if !words.contains(&text) {
            self.sink
                .error(
                    DiagnosticCode::UnknownValue,
                    span,
                    format!("{whose} cannot be `{text}`"),
                )
                .nearest(text, words.iter().copied())
                .hint(format!("allowed: {}", words.join(", ")));
        }
    }

    fn list(&mut self, node: &Node, element: &Shape, elements: Elements, shape: &Shape, whose: Whose<'_>) {
        let Content::List(items) = &node.content else {
            // A list whose elements are all commented out.
            if node.is_null() && elements == Elements::Any {
                return;
            }
            return self.wrong(node, shape, whose);
        };
        if items.is_empty() && elements == Elements::AtLeastOne {
            let span = node.span.or(whose.span);
            self.sink
                .error(DiagnosticCode::EmptyList, span, format!("{whose} is empty"))
                .label("at least one element is needed");
        }
        let whose = Whose { element: true, ..whose };
        for item in items {
            self.value(item, element, whose);
        }
    }

    fn tagged(&mut self, node: &Node, variants: Variants, shape: &Shape, whose: Whose<'_>) {
        if !matches!(node.content, Content::Mapping(_)) {
            return self.wrong(node, shape, whose);
        }
        let tag = node.get("type");
        let Some(text) = tag.and_then(Node::text) else {
            let span = tag.map_or(node.span, |tag| tag.span).or(whose.span);
            self.sink
                .error(DiagnosticCode::MissingKey, span, format!("{whose} has no `type`"))
                .hint(format!("allowed: {}", join(variants)));
            return;
        };
        if let Some((_, table)) = variants.iter().find(|(word, _)| *word == text) {
            return self.mapping(node, table, variants, whose);
        }
        let span = tag.map_or(node.span, |tag| tag.span);
        let kind = whose.key.replace('_', " ");
        self.sink
            .error(
                DiagnosticCode::UnknownValue,
                span,
                format!("this build knows no {kind} of type `{text}`"),
            )
            .nearest(text, variants.iter().map(|(word, _)| *word))
            .hint(format!("allowed: {}", join(variants)));
    }

    /// A mapping of `table`, which is one of `variants` if there are any.
    fn mapping(&mut self, node: &Node, table: &Table, variants: Variants, whose: Whose<'_>) {
        if !matches!(node.content, Content::Mapping(_)) {
            let message = format!("{}{whose} must be a mapping, not {}", whose.which(), node.kind());
            self.sink
                .error(DiagnosticCode::WrongShape, node.span.or(whose.span), message)
                .hint(format!("its keys are {}", table.known()));
            return;
        }
        let named = ["name", "view"].into_iter().find_map(|key| node.get(key));
        let named = named.filter(|name| name.text().is_some());
        let owner = match named.and_then(Node::text) {
            Some(name) => format!("{} `{name}`", table.title),
            None if whose.element => format!("this {}", table.title),
            None => whose.to_string(),
        };
        let head = named.map_or(node.span, |name| name.span).or(whose.span);
        for entry in node.entries() {
            let whose = Whose {
                key: &entry.key.value,
                owner: &owner,
                element: false,
                span: entry.key.span,
            };
            match table.key(&entry.key.value) {
                Some(key) => self.value(&entry.value, &key.shape, whose),
                None => self.unknown_key(&entry.key, table, variants, &owner),
            }
        }
        // A key that is only misspelt has been hinted at.
        let misspelt = |key: &Key| {
            let mut unknown = node
                .entries()
                .iter()
                .filter(|entry| table.key(&entry.key.value).is_none());
            unknown.any(|entry| {
                nearest(&entry.key.value, table.keys().map(|key| key.name)).is_some_and(|near| near == key.name)
            })
        };
        for key in table.keys().filter(|key| key.need == Need::Required) {
            if node.get(key.name).is_none() && !misspelt(key) {
                let message = format!("{owner} has no `{}`", key.name);
                self.sink
                    .error(DiagnosticCode::MissingKey, head, message)
                    .hint(format!("{}: {}", key.name, key.doc));
            }
        }
    }

    fn unknown_key(&mut self, key: &Spanned<String>, table: &Table, variants: Variants, owner: &str) {
        let (key, span) = (key.value.as_str(), key.span);
        let report = self
            .sink
            .error(DiagnosticCode::UnknownKey, span, format!("{owner} has no key `{key}`"));
        let others = variants.iter().filter(|(_, other)| other.key(key).is_some());
        let others: Vec<&str> = others.map(|(word, _)| *word).collect();
        if !others.is_empty() {
            let hint = format!("`{key}` is a key of type {}", others.join(" and of type "));
            report.hint(hint).hint(format!("its keys are {}", table.known()));
            return;
        }
        let report = report.nearest(key, table.keys().map(|key| key.name));
        if key == "<<" {
            report.hint("merge keys are not understood; write the keys out");
        } else if std::ptr::eq(table, &raw const crate::keys::DEFINITIONS) && STORE.key(key).is_some() {
            report.hint("settings belong into the feature_store.yaml at the root of the repository");
        } else if std::ptr::eq(table, &raw const crate::keys::PROJECTION) {
            let hint = "for one feature of a view write `view:feature`, without a space";
            report.hint(format!("its keys are {}", table.known())).hint(hint);
        } else {
            report.hint(format!("its keys are {}", table.known()));
        }
    }

    fn tags(&mut self, node: &Node, whose: Whose<'_>) {
        match &node.content {
            Content::List(items) => items.iter().for_each(|item| self.value(item, &Shape::Text, whose)),
            Content::Mapping(entries) => entries
                .iter()
                .for_each(|entry| self.value(&entry.value, &Shape::Text, whose)),
            Content::Scalar(_) => self.wrong(node, &Shape::Tags, whose),
        }
    }

    fn wrong(&mut self, node: &Node, shape: &Shape, whose: Whose<'_>) {
        let (which, wanted) = (whose.which(), wanted(shape));
        let message = if node.is_null() {
            format!("{which}{whose} has no value; it must be {wanted}")
        } else {
            format!("{which}{whose} must be {wanted}, not {}", node.kind())
        };
        let report = self
            .sink
            .error(DiagnosticCode::WrongShape, node.span.or(whose.span), message);
        match (shape, &node.content) {
            (Shape::List(..), Content::Scalar(scalar)) if !node.is_null() && !scalar.text.contains('\n') => {
                report.hint(format!("write `[{}]`", scalar.text));
            }
            _ if node.is_null() && !whose.element => {
                report.hint("write the value, or leave the key out");
            }
            _ => {}
        }
    }
}

impl Table {
    fn known(&self) -> String {
        self.keys().map(|key| key.name).collect::<Vec<_>>().join(", ")
    }
}

fn join(variants: Variants) -> String {
    variants.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}

/// What a shape wants, for messages.
fn wanted(shape: &Shape) -> String {
    match shape {
        Shape::Name | Shape::Reference => "a name".to_owned(),
        Shape::FeatureReference => "`view` or `view:feature`".to_owned(),
        Shape::Text | Shape::FilledText | Shape::Setting => "a text".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Duration => "a duration such as 3h".to_owned(),
        Shape::ValueType | Shape::KeyType => "a type".to_owned(),
        Shape::Number => "a number that fits 32 bits".to_owned(),
        Shape::Sql => "a SQL expression".to_owned(),
        Shape::Cron => "a cron expression".to_owned(),
        Shape::Choice(words) => format!("one of {}", words.join(", ")),
        Shape::List(..) => "a list".to_owned(),
        Shape::Mapping(_) | Shape::Map { .. } => "a mapping".to_owned(),
        Shape::Tagged(_) => "a mapping with a `type`".to_owned(),
        Shape::Or(text, _) => format!("{} or a mapping", wanted(text)),
        Shape::Tags => "a mapping or a list of texts".to_owned(),
    }
}
