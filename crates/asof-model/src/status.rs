//! The one status of a looked-up feature value.

use std::fmt;

/// What is known of one feature of one entity row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeatureStatus {
    /// A value is there.
    Present,
    /// A row was found and its value is null.
    NullValue,
    /// No row was found for the entity.
    NotFound,
    /// A row was found, older than the view's ttl: its value is withheld.
    OutsideMaxAge,
}

impl FeatureStatus {
    /// The name on every wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::NullValue => "NULL_VALUE",
            Self::NotFound => "NOT_FOUND",
            Self::OutsideMaxAge => "OUTSIDE_MAX_AGE",
        }
    }
}

impl fmt::Display for FeatureStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
