//! YAML as a tree in which everything knows its place.

mod json;
mod load;

pub(crate) use json::from_json;
pub(crate) use load::load;

use crate::text::{Span, Spanned};

/// Lists and mappings may be nested this deeply.
pub(crate) const MAX_DEPTH: usize = 64;

/// What all aliases of a file may expand to: a unit per value, and one per byte of text.
pub(crate) const ALIAS_BUDGET: usize = 4 << 20;

/// A value of a YAML document. Aliases are expanded: a copy keeps the place of what it copies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order written; keys are unique.
    Mapping(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Written without quotes, so that `true` and `null` mean what they say.
    pub(crate) plain: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Spanned<String>,
    pub(crate) value: Node,
}

impl Node {
    /// The text of a scalar that is not null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) if !self.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// The same with its place.
    pub(crate) fn spanned(&self) -> Option<Spanned<String>> {
        self.text().map(|text| Spanned {
            value: text.to_owned(),
            span: self.span,
        })
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(s) if s.plain && matches!(s.text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        match &self.content {
            Content::Scalar(scalar) if scalar.plain => match scalar.text.as_str() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A number that a 32-bit float can hold: no NaN, no infinity.
    pub(crate) fn number(&self) -> Option<f64> {
        match &self.content {
            Content::Scalar(scalar) if scalar.plain => {
                let number: f64 = scalar.text.parse().ok()?;
                (number.abs() <= f64::from(f32::MAX)).then_some(number)
            }
            _ => None,
        }
    }

    /// The elements of a list; nothing for anything else.
    pub(crate) fn list(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping; nothing for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The value under a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let found = self.entries().iter().find(|entry| entry.key.value == key);
        found.map(|entry| &entry.value)
    }

    /// What kind of thing it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(_) if self.is_null() => "nothing",
            Content::Scalar(_) => "a text",
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }
}
