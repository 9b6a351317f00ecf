//! Why a request is not answered.

use asof_model::conform::ConformError;
use asof_model::key::KeyError;
use asof_model::retrieval::RetrievalError;
use asof_model::row::RowError;
use asof_model::{ColumnName, ErrorKind, InvalidName, ValueType, ViewName};
use asof_online::OnlineError;
use asof_transform::{EvaluationError, ExpressionError};

/// Why a request is not answered. A request is answered whole or refused whole.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// The service or the features cannot be planned.
    #[error(transparent)]
    Retrieval(#[from] RetrievalError),
    /// A text is no feature reference.
    #[error("`{text}` is not a feature reference, write `view:feature` or `view`: {source}")]
    InvalidReference {
        /// The text.
        text: String,
        /// Which part of it is no name.
        source: InvalidName,
    },
    /// A view with `online: false` is needed.
    #[error("feature view `{view}` has `online: false`, so it is never materialized and cannot be asked for online")]
    NotOnline {
        /// The view.
        view: ViewName,
    },
    /// The request lacks a column.
    #[error("the request lacks the {role} `{column}` ({value_type})")]
    MissingColumn {
        /// `join key` or `request field`.
        role: &'static str,
        /// The column.
        column: ColumnName,
        /// The type it should have.
        value_type: ValueType,
    },
    /// The request has a column that nothing asked for uses.
    #[error("`{column}` is neither a join key nor a request field of what is asked for{hint}")]
    UnknownColumn {
        /// The column.
        column: String,
        /// The nearest known name, as a clause.
        hint: String,
    },
    /// A column is longer or shorter than the others.
    #[error("column `{column}` has {found} values where the request has {expected} rows")]
    ColumnLength {
        /// The column.
        column: String,
        /// Its number of values.
        found: usize,
        /// The request's number of rows.
        expected: usize,
    },
    /// A column's type is not the declared one.
    #[error("column `{column}`: {source}")]
    ColumnType {
        /// The column.
        column: ColumnName,
        /// Both types.
        source: ConformError,
    },
    /// A value of a JSON request is not of the declared type.
    #[error("column `{column}`, row {row}: {message}")]
    InvalidValue {
        /// The column.
        column: ColumnName,
        /// The row, from 0.
        row: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A JSON request has not the right shape.
    #[error("{message}")]
    InvalidBody {
        /// What is wrong with it.
        message: String,
    },
    /// An on-demand view cannot be computed for these values.
    #[error("on-demand feature view `{view}` cannot be computed for this request: {source}")]
    OnDemand {
        /// The view.
        view: ViewName,
        /// Why.
        source: EvaluationError,
    },
    /// An on-demand view does not compile, though it is in the registry.
    #[error("on-demand feature view `{view}` does not compile: {source}")]
    Compile {
        /// The view.
        view: ViewName,
        /// Why.
        source: ExpressionError,
    },
    /// No registry version is loaded yet.
    #[error("no registry version is loaded; apply one with `asof apply`")]
    NothingLoaded,
    /// The online store cannot be read.
    #[error("the online store cannot be read: {0}")]
    Store(#[from] OnlineError),
    /// A key cannot be encoded: it is too long.
    #[error("the keys of feature view `{view}` cannot be encoded: {source}")]
    Key {
        /// The view.
        view: ViewName,
        /// Why.
        source: KeyError,
    },
    /// A stored row cannot be decoded.
    #[error("a stored row of feature view `{view}` cannot be read: {source}")]
    Row {
        /// The view.
        view: ViewName,
        /// Why.
        source: RowError,
    },
    /// The online store broke its contract.
    #[error("the online store answered {found} rows for {expected} keys of feature view `{view}`")]
    StoreShape {
        /// The view.
        view: ViewName,
        /// Rows that came back.
        found: usize,
        /// Keys that were asked for.
        expected: usize,
    },
}

impl ServingError {
    /// The class of the fault.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Retrieval(
                RetrievalError::UnknownService { .. }
                | RetrievalError::UnknownView { .. }
                | RetrievalError::UnknownFeature { .. },
            ) => ErrorKind::NotFound,
            Self::Retrieval(RetrievalError::Cycle { .. }) => ErrorKind::Internal,
            Self::Retrieval(_)
            | Self::InvalidReference { .. }
            | Self::NotOnline { .. }
            | Self::MissingColumn { .. }
            | Self::UnknownColumn { .. }
            | Self::ColumnLength { .. }
            | Self::ColumnType { .. }
            | Self::InvalidValue { .. }
            | Self::InvalidBody { .. }
            | Self::Key { .. }
            | Self::OnDemand { .. } => ErrorKind::InvalidInput,
            Self::NothingLoaded => ErrorKind::Unavailable,
            // What the store says of the server (no permission, no room) is not the caller's to answer for.
            Self::Store(error) => match error.kind() {
                ErrorKind::Internal | ErrorKind::InvalidInput => ErrorKind::Internal,
                _ => ErrorKind::Unavailable,
            },
            Self::Compile { .. } | Self::Row { .. } | Self::StoreShape { .. } => ErrorKind::Internal,
        }
    }
}
