//! Sources: where feature rows are read from.

use super::Metadata;
use crate::SourceName;

/// A time read from a source's row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TimeColumn {
    /// A column of the source, by its exact name.
    Column(String),
    /// A SQL expression over the source's row.
    Expression(String),
}

/// Parquet files whose rows become feature rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The source's name.
    pub name: SourceName,
    /// A file, folder, glob or object-store URL, as written; relative paths are relative to the repository.
    pub path: String,
    /// When a row's fact became true. Rows where it is null are left out.
    pub event_time: TimeColumn,
    /// When a row was written, if the source knows.
    pub created_time: Option<TimeColumn>,
    /// A SQL condition over the source's row; only rows where it is true are read.
    pub filter: Option<String>,
    /// Description, owner and tags.
    pub metadata: Metadata,
}
