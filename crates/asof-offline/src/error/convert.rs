//! Errors that become ours, and ours that pass through others.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use super::OfflineError;

impl OfflineError {
    /// A temporary file failed.
    pub(crate) fn spill(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Spill { error: error.into() }
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
