//! What a Redis of Feast cannot do, and what in it is not as it is declared.

use asof_model::key::KeyError;
use asof_model::row::RowError;
use asof_model::{ColumnName, ErrorKind, FeatureName, Keyspace, ValueType, ViewName};

/// What is wrong with a Redis of Feast, or with what it is asked for. Written behind the name of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeastProblem {
    /// It should be written.
    #[error(
        "is Feast's and is only read; let Feast write to it, or set `layout: asof` in `online_store` to keep rows of asof's own"
    )]
    ReadOnly,
    /// All rows of it were asked for.
    #[error("is Feast's, which has no list of its rows; ask for them by their keys")]
    NoList,
    /// A keyspace that no definition has.
    #[error("is Feast's, whose rows only a definition tells apart, and no definition has `{0}`; apply its view")]
    Undefined(Keyspace),
    /// A view with a join key that Feast cannot have.
    #[error("cannot have rows of `{view}`: Feast has no join keys of type bool, which `{key}` is")]
    KeyType {
        /// The view.
        view: ViewName,
        /// The join key.
        key: ColumnName,
    },
    /// Bytes that are no key of the view.
    #[error("was asked for something that is no key of `{view}`: {source}")]
    Key {
        /// The view.
        view: ViewName,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A value of another type than its feature is declared to have.
    #[error(
        "holds a value of type {found} for feature `{feature}` of view `{view}`, which is declared as {expected}; declare the type that Feast writes"
    )]
    ValueType {
        /// The view.
        view: ViewName,
        /// The feature.
        feature: FeatureName,
        /// Its type.
        expected: ValueType,
        /// What Feast calls the type of the value.
        found: &'static str,
    },
    /// Bytes that Feast does not write, or a value that Asof cannot hold.
    #[error("holds no usable value for feature `{feature}` of view `{view}`: {problem}; let Feast write it again")]
    Value {
        /// The view.
        view: ViewName,
        /// The feature.
        feature: FeatureName,
        /// What is wrong with it.
        problem: String,
    },
    /// The same of an event time.
    #[error("holds no usable event time of view `{view}`: {problem}; let Feast write it again")]
    EventTime {
        /// The view.
        view: ViewName,
        /// What is wrong with it.
        problem: String,
    },
    /// Values that make no row.
    #[error("holds values of view `{view}` that make no row: {source}")]
    Row {
        /// The view.
        view: ViewName,
        /// Why.
        source: RowError,
    },
    /// Something else stands where a hash of Feast should.
    #[error("holds something that Feast did not write: {0}; name the database that Feast writes to")]
    Foreign(String),
}

impl FeastProblem {
    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ReadOnly | Self::NoList | Self::KeyType { .. } | Self::ValueType { .. } => ErrorKind::InvalidInput,
            Self::Undefined(_) => ErrorKind::NotFound,
            Self::Key { .. } | Self::Value { .. } | Self::EventTime { .. } | Self::Row { .. } | Self::Foreign(_) => {
                ErrorKind::Internal
            }
        }
    }
}
