//! Whose value a message is about: a key of a mapping, an element of a list.

use std::fmt;

use crate::text::Span;

/// Whose value is looked at, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    /// The key; empty: it is about the owner itself.
    pub(crate) key: &'a str,
    /// What the key belongs to, in words.
    pub(crate) owner: &'a str,
    /// Whether it is an element of the list under the key.
    pub(crate) element: bool,
    /// What to underline where the value itself has no text.
    pub(crate) span: Span,
}

impl Whose<'_> {
    /// What an element is called, before the name of its list.
    pub(crate) fn which(self) -> &'static str {
        if self.element { "an element of " } else { "" }
    }
}

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            "" => f.write_str(self.owner),
            key => write!(f, "`{key}` of {}", self.owner),
        }
    }
}
