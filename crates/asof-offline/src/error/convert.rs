//! Errors that become ours, ours that pass through others, and short ways to make some.

use arrow::error::ArrowError;
use asof_model::ViewName;
use asof_model::conform::ConformError;
use asof_transform::{EvaluationError, ExpressionError};
use datafusion::error::DataFusionError;

use super::OfflineError;

impl OfflineError {
    /// A temporary file failed.
    pub(crate) fn spill(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Spill { error: error.into() }
    }

    /// The error that a task of our own was given up, as happens when the program ends.
    pub(crate) fn interrupted(error: &tokio::task::JoinError) -> Self {
        Self::Engine(Box::new(DataFusionError::Execution(format!(
            "a task ended early: {error}"
        ))))
    }

    pub(crate) fn spine_column(column: &str, error: ConformError) -> Self {
        Self::SpineColumn {
            column: column.to_owned(),
            error: Box::new(error),
        }
    }

    pub(crate) fn expression(view: &ViewName, error: ExpressionError) -> Self {
        Self::Expression {
            view: view.clone(),
            error: Box::new(error),
        }
    }

    pub(crate) fn evaluation(view: &ViewName, error: EvaluationError) -> Self {
        Self::Evaluation {
            view: view.clone(),
            error: Box::new(error),
        }
    }
}

impl From<ArrowError> for OfflineError {
    fn from(error: ArrowError) -> Self {
        Self::Engine(Box::new(error.into()))
    }
}

/// Our errors pass through DataFusion's operators in its own error type, and come out as they went in.
impl From<OfflineError> for DataFusionError {
    fn from(error: OfflineError) -> Self {
        match error {
            OfflineError::Engine(error) => *error,
            ours => Self::External(Box::new(ours)),
        }
    }
}

impl From<DataFusionError> for OfflineError {
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<Self>() {
                Ok(ours) => *ours,
                Err(other) => Self::Engine(Box::new(DataFusionError::External(other))),
            },
            other => Self::Engine(Box::new(other)),
        }
    }
}
