//! What is at the bottom of some errors, where it is one of several things.

use arrow::error::ArrowError;
use asof_model::conform::ConformError;
use parquet::errors::ParquetError;

/// Why a value of a file does not fit its column's type in the source.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// The type is a feature's.
    #[error(transparent)]
    Conform(#[from] ConformError),
    /// The type is one that only expressions see.
    #[error(transparent)]
    Cast(#[from] ArrowError),
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The object store refused.
    #[error(transparent)]
    Store(#[from] object_store::Error),
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The encoder failed.
    #[error(transparent)]
    Parquet(ParquetError),
    /// Arrow refused.
    #[error(transparent)]
    Arrow(ArrowError),
    /// A feature that does not become numbers.
    #[error(
        "feature `{feature}` is {found}, which does not become a number of a tensor; leave it out, or encode it in SQL"
    )]
    TensorType {
        /// The feature's column.
        feature: String,
        /// Its type.
        found: String,
    },
    /// A column of the spine that is named like that of the numbers.
    #[error("the spine has a column `{column}`, which is what a tensor's numbers are called; rename it")]
    TensorColumn {
        /// The column.
        column: String,
    },
    /// An array whose values have different lengths.
    #[error(
        "row {row}: feature `{feature}` has {found} items, and {width} in the rows before; \
         in a tensor all its values need one length"
    )]
    TensorShape {
        /// The feature's column.
        feature: String,
        /// The row, counted from one.
        row: u64,
        /// Its length there.
        found: usize,
        /// Its length before.
        width: usize,
    },
    /// An array of which no value is known.
    #[error("every value of `{feature}` is missing, so its length is not known; leave it out of the tensor")]
    TensorLength {
        /// The feature's column.
        feature: String,
    },
    /// A folder that holds something else.
    #[error(
        "the folder has `{entry}` in it, which is no part of a training set, and would be lost; \
         name a folder that is empty or new"
    )]
    NotOurs {
        /// The name of the file or folder in it.
        entry: String,
    },
}

impl From<ArrowError> for WriteError {
    /// A failure of the file that is written to is one of the system.
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => Self::Io(error),
            error => Self::Arrow(error),
        }
    }
}

impl From<ParquetError> for WriteError {
    /// A failure of the file that is written to is one of the system.
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(inner) => Self::Parquet(ParquetError::External(inner)),
            },
            error => Self::Parquet(error),
        }
    }
}
