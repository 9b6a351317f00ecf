//! Why a service or a list of features cannot be answered.

use crate::{ColumnName, nearest};

/// Why a service or a list of features cannot be answered. Nothing has run when it is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetrievalError {
    /// No features were asked for.
    #[error("no features were asked for")]
    Nothing,
    /// The service is not defined.
    #[error("there is no feature service `{name}`{hint}")]
    UnknownService {
        /// The name asked for.
        name: String,
        /// The nearest known name, as a clause.
        hint: String,
    },
    /// The view is not defined.
    #[error("there is no feature view `{name}`{hint}")]
    UnknownView {
        /// The name asked for.
        name: String,
        /// The nearest known name, as a clause.
        hint: String,
    },
    /// The view has no such feature.
    #[error("feature view `{view}` has no feature `{name}`{hint}")]
    UnknownFeature {
        /// The view.
        view: String,
        /// The name asked for.
        name: String,
        /// The nearest known name, as a clause.
        hint: String,
    },
    /// Two features would have one column name.
    #[error(
        "`{first}` and `{second}` are both called `{name}`; ask for full feature names, or give one of the views an alias"
    )]
    NameClash {
        /// The name of both.
        name: String,
        /// The first feature.
        first: String,
        /// The second feature.
        second: String,
    },
    /// A feature is asked for twice.
    #[error("`{feature}` is asked for twice; once is enough")]
    AskedTwice {
        /// The feature.
        feature: String,
    },
    /// A feature has the name of a column that the caller brings.
    #[error("`{feature}` has the name of the input column `{name}`; ask for full feature names")]
    InputClash {
        /// The name of both.
        name: String,
        /// The feature.
        feature: String,
    },
    /// One input column would need two types.
    #[error(
        "column `{column}` is {first_type} for `{first}` and {second_type} for `{second}`; map one of them to another column"
    )]
    TypeClash {
        /// The column.
        column: ColumnName,
        /// Who needs it first.
        first: String,
        /// With which type.
        first_type: String,
        /// Who needs it second.
        second: String,
        /// With which type.
        second_type: String,
    },
    /// On-demand views read each other in a circle.
    #[error("on-demand feature view `{view}` reads itself, by way of its inputs")]
    Cycle {
        /// A view of the circle.
        view: String,
    },
}

impl RetrievalError {
    pub(super) fn unknown_service<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        Self::UnknownService {
            name: name.to_owned(),
            hint: nearest::clause(name, known),
        }
    }

    pub(super) fn unknown_view<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        Self::UnknownView {
            name: name.to_owned(),
            hint: nearest::clause(name, known),
        }
    }

    pub(super) fn unknown_feature<'a>(view: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        Self::UnknownFeature {
            view: view.to_owned(),
            name: name.to_owned(),
            hint: nearest::clause(name, known),
        }
    }
}
