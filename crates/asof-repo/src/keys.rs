//! The keys of every mapping in the YAML. One table drives what is accepted, what is hinted at, and the JSON Schema.

mod definitions;
mod store;

pub(crate) use definitions::{DEFINITIONS, PROJECTION};
pub(crate) use store::STORE;

/// A kind of mapping.
#[derive(Debug)]
pub(crate) struct Table {
    /// What a person calls it, as in `feature view`.
    pub(crate) title: &'static str,
    /// What it is.
    pub(crate) doc: &'static str,
    /// Its keys, in groups so that tables can share some.
    pub(crate) keys: &'static [&'static [Key]],
}

impl Table {
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().flat_map(|group| group.iter())
    }

    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }
}

/// A key of a mapping.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    pub(crate) shape: Shape,
    /// What it says, as a sentence.
    pub(crate) doc: &'static str,
}

/// Whether a mapping can do without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

/// The form of a value.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A new name.
    Name,
    /// The name of something, here or in the data.
    Reference,
    /// `view` or `view:feature`.
    FeatureReference,
    /// Any text.
    Text,
    /// A text that may not be empty.
    FilledText,
    /// A text in which `${NAME}` stands for an environment variable; not empty.
    Setting,
    /// `true` or `false`.
    Flag,
    /// A length of time above zero.
    Duration,
    /// The type of a feature.
    ValueType,
    /// The type of a join key.
    KeyType,
    /// A number that a 32-bit float can hold.
    Number,
    /// A SQL expression.
    Sql,
    /// A cron expression of five fields.
    Cron,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A list of values of one shape.
    List(&'static Self, Elements),
    /// A mapping with these keys.
    Mapping(&'static Table),
    /// A mapping with these keys, chosen by a word under `type`.
    Tagged(&'static [(&'static str, &'static Table)]),
    /// A mapping with keys of the author's choice, whose values have one shape.
    Map { keys: &'static Self, values: &'static Self },
    /// A text of one shape, or a mapping.
    Or(&'static Self, &'static Table),
    /// A list of texts, or a mapping of texts.
    Tags,
}

/// How many elements a list needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elements {
    Any,
    AtLeastOne,
}

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key {
        name,
        need: Need::Required,
        shape,
        doc,
    }
}

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key {
        name,
        need: Need::Optional,
        shape,
        doc,
    }
}
