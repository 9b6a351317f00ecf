//! What can go wrong between a definition and its training set or feature rows.

mod causes;
mod convert;

use arrow::error::ArrowError;
use asof_model::conform::ConformError;
use asof_model::key::KeyError;
use asof_model::{ErrorKind, ViewName};
use asof_storage::StorageError;
use asof_transform::{EvaluationError, ExpressionError};
use datafusion::error::DataFusionError;
use parquet::errors::ParquetError;

pub use causes::{ReadError, ValueError, WriteError};

/// Why sources cannot be read, or a training set or feature rows cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// A source's path leads to no store.
    #[error("source `{source_name}`: {error}")]
    Storage {
        /// The source.
        source_name: String,
        /// What is wrong with the path.
        error: Box<StorageError>,
    },
    /// A source's path holds a pattern that is none.
    #[error("source `{source_name}`: `{path}` is not a pattern: {error}")]
    Glob {
        /// The source.
        source_name: String,
        /// The path as written.
        path: String,
        /// What is wrong with it.
        error: glob::PatternError,
    },
    /// A source's files cannot be listed.
    #[error("source `{source_name}`: `{path}` cannot be listed: {error}")]
    List {
        /// The source.
        source_name: String,
        /// The path as written.
        path: String,
        /// What the store said.
        error: object_store::Error,
    },
    /// A web server's URL that leads to no file.
    #[error(
        "source `{source_name}`: there is no file at `{path}`; web servers do not list what they have, \
         so name one file by its URL, or use a store that does: s3://, gs://, az:// or a folder"
    )]
    WebListing {
        /// The source.
        source_name: String,
        /// The URL as written.
        path: String,
    },
    /// A Delta table that cannot be read.
    #[error("source `{source_name}`: the Delta table at `{path}` cannot be read: {problem}")]
    Delta {
        /// The source.
        source_name: String,
        /// The path as written.
        path: String,
        /// What is in the way.
        problem: String,
    },
    /// A folder that is a table of a format that is not read.
    #[error(
        "source `{source_name}`: `{path}` is {format}, which cannot be read yet: {reason}; \
         its files alone may hold rows that are deleted, so they are read only if a pattern such as `data/*.parquet` \
         names them"
    )]
    TableFormat {
        /// The source.
        source_name: String,
        /// The path as written.
        path: String,
        /// What it is, with its article.
        format: &'static str,
        /// Why it is not read.
        reason: &'static str,
    },
    /// A source without files.
    #[error(
        "source `{source_name}`: no Parquet files at `{path}`; a folder's files end in `.parquet`, \
         and relative paths start at the folder of `feature_store.yaml`"
    )]
    NoFiles {
        /// The source.
        source_name: String,
        /// The path as written.
        path: String,
    },
    /// A file that cannot be read as Parquet.
    #[error("`{file}` cannot be read as Parquet: {error}")]
    Parquet {
        /// The file.
        file: String,
        /// What the decoder or the store said.
        error: ParquetError,
    },
    /// A file that is not Parquet, or not any more.
    #[error("`{file}` is no Parquet file that can be read: {problem}")]
    NotParquet {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file whose footer is encrypted.
    #[error("`{file}` is encrypted; only files without encryption can be read")]
    Encrypted {
        /// The file.
        file: String,
    },
    /// A row group that cannot be decoded.
    #[error("row group {row_group} of `{file}`{} cannot be decoded; it is damaged or encrypted: {error}", in_column(column.as_deref()))]
    Damaged {
        /// The file.
        file: String,
        /// The row group, counted from zero as in tools for Parquet.
        row_group: usize,
        /// The column, when it is one that can be told from the others.
        column: Option<String>,
        /// What the decoder said.
        error: ParquetError,
    },
    /// A file that cannot be read at all.
    #[error("`{file}` cannot be read: {error}")]
    Read {
        /// The file.
        file: String,
        /// What the store or the system said.
        error: ReadError,
    },
    /// A file that is not what it was when the source was opened.
    #[error("`{file}` changed while it was read: {change}; run again when nothing writes to it")]
    FileChanged {
        /// The file.
        file: String,
        /// What is different.
        change: String,
    },
    /// A file that is not what it was when rows of it were chosen.
    #[error("`{file}` changed since its rows were chosen: {change}; choose them anew")]
    RowsChanged {
        /// The file.
        file: String,
        /// What is different.
        change: String,
    },
    /// An aggregated view, where one is needed whose rows are rows of its source.
    #[error(
        "view `{view}` aggregates over windows, so none of its rows is a row of its source; ask for its latest rows"
    )]
    NotSourceRows {
        /// The view.
        view: ViewName,
    },
    /// A row group with an impossible number of rows.
    #[error("row group {row_group} of `{file}` says that it has {rows} rows; at most 2^32 - 1 are supported")]
    RowGroup {
        /// The file.
        file: String,
        /// The row group's number, from 0.
        row_group: usize,
        /// What its footer says.
        rows: i64,
    },
    /// More row groups than can be numbered.
    #[error("the source has {0} row groups; at most 2^30 are supported: write fewer, larger ones")]
    TooManyRowGroups(usize),
    /// A temporary file that cannot be written or read.
    #[error("a temporary file failed: {error}; free some disk, point TMPDIR to a larger one, or raise --memory")]
    Spill {
        /// What the system said.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Two columns of one name in a file.
    #[error("`{file}` has two columns named `{column}`; names must be unique")]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The name.
        column: String,
    },
    /// A file of a source without a column that every file needs.
    #[error(
        "`{file}` has no column `{column}`, which `{other}` has; a file may lack features, which are then null, \
         but no join key and no event time"
    )]
    MissingColumn {
        /// The file without the column.
        file: String,
        /// The column.
        column: String,
        /// A file with it.
        other: String,
    },
    /// Columns of two files whose names differ by case only.
    #[error(
        "`{file}` has a column `{column}`, `{first}` has `{expected}`; \
         names that differ by case only are taken for a mistake: rename one of them"
    )]
    ColumnCase {
        /// The file.
        file: String,
        /// Its column.
        column: String,
        /// The file that has the other name.
        first: String,
        /// The other name.
        expected: String,
    },
    /// Files of a source with a column of types that no type holds both of.
    #[error(
        "column `{column}` of `{file}` has type {found}, in `{first}` it has type {expected}; \
         rewrite one of them, or let the path name only files that agree"
    )]
    ColumnType {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its type there.
        found: Box<str>,
        /// The file that set the type.
        first: String,
        /// The type that was set.
        expected: Box<str>,
    },
    /// Files in folders with different `key=value` names.
    #[error("`{file}` and `{first}` lie in folders of different partition keys; all files of a source need the same")]
    Partitions {
        /// The file.
        file: String,
        /// The first file.
        first: String,
    },
    /// A partition named like a column.
    #[error("`{file}` has a column `{column}`, which is also the key of a partition folder; rename one of them")]
    PartitionClash {
        /// A file with the column.
        file: String,
        /// The name.
        column: String,
    },
    /// A value of a file that does not fit the column's type.
    #[error("column `{column}` of `{file}`: {error}")]
    Value {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// What is wrong with it.
        error: Box<ValueError>,
    },
    /// A view whose expression does not fit its source, or an on-demand view's that does not fit its inputs.
    #[error("view `{view}`: {error}")]
    Expression {
        /// The view.
        view: ViewName,
        /// Why it is refused.
        error: Box<ExpressionError>,
    },
    /// An expression that cannot be computed for a row.
    #[error("view `{view}`: {error}")]
    Evaluation {
        /// The view.
        view: ViewName,
        /// What happened.
        error: Box<EvaluationError>,
    },
    /// A key that cannot be encoded.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file on this machine that cannot be read or written.
    #[error("{error}")]
    File {
        /// What the system said; names the file.
        error: std::io::Error,
    },
    /// A CSV spine that cannot be read.
    #[error("`{file}` cannot be read as CSV: {error}")]
    Csv {
        /// The file.
        file: String,
        /// What the reader said.
        error: ArrowError,
    },
    /// A cell of a CSV spine that does not have its column's type.
    #[error("row {row} of the spine: `{text}` in column `{column}` is no {expected}")]
    Cell {
        /// The column.
        column: String,
        /// The row, counted from one, the header aside.
        row: u64,
        /// The cell.
        text: String,
        /// The type that is declared.
        expected: String,
    },
    /// A spine without columns that are needed.
    #[error("the spine lacks {columns}; its columns are {found}")]
    SpineColumnsMissing {
        /// All that are missing, quoted.
        columns: String,
        /// All that are there, quoted.
        found: String,
    },
    /// A spine column of a type that does not fit.
    #[error("column `{column}` of the spine has type {found}, but {expected} is needed; cast it")]
    SpineColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The type that is declared.
        expected: String,
    },
    /// A spine column with a value that does not fit.
    #[error("column `{column}` of the spine: {error}")]
    SpineColumn {
        /// The column.
        column: String,
        /// What is wrong with it.
        error: Box<ConformError>,
    },
    /// Two spine columns of one name.
    #[error("the spine has two columns named `{column}`; names must be unique")]
    SpineDuplicate {
        /// The name.
        column: String,
    },
    /// A spine column named like an output.
    #[error(
        "the spine's column `{column}` has the name of the feature `{feature}`; rename it, or ask for full feature names"
    )]
    SpineClash {
        /// The column.
        column: String,
        /// The feature, as `view:feature`.
        feature: String,
    },
    /// A spine row without an as-of time.
    #[error("row {row} of the spine has no time in column `{column}`; every row needs one")]
    SpineTimeMissing {
        /// The column.
        column: String,
        /// The row, counted from one.
        row: u64,
    },
    /// A spine of more rows than can be indexed.
    #[error("the spine has {rows} rows, more than 4 billion; split it")]
    SpineTooLong {
        /// How many it has.
        rows: u64,
    },
    /// A spine's location leads to no store.
    #[error("the spine: {error}")]
    SpineStorage {
        /// What is wrong with it.
        error: Box<StorageError>,
    },
    /// A spine's location holds a pattern that is none.
    #[error("the spine: `{path}` is not a pattern: {error}")]
    SpineGlob {
        /// The location as written.
        path: String,
        /// What is wrong with it.
        error: glob::PatternError,
    },
    /// A spine's location without files.
    #[error("the spine: no Parquet files at `{path}`; a folder's files end in `.parquet`")]
    SpineNoFiles {
        /// The location as written.
        path: String,
    },
    /// A spine that its store does not give.
    #[error("the spine: `{file}` cannot be read: {error}")]
    SpineDownload {
        /// The file, or the location as written.
        file: String,
        /// What the store said.
        error: object_store::Error,
    },
    /// Files of a spine with different columns.
    #[error(
        "the spine: column `{column}` of `{file}` {problem}; the first file is `{first}`, and all need the same columns"
    )]
    SpineFilesDiffer {
        /// The file.
        file: String,
        /// The file that set the columns.
        first: String,
        /// The column.
        column: String,
        /// How it differs.
        problem: String,
    },
    /// A spine's query that cannot be run.
    #[error("the spine's SQL: {error}; its tables are the sources {tables}")]
    SpineQuery {
        /// What DataFusion said.
        error: String,
        /// The sources, quoted.
        tables: String,
    },
    /// SQL that is no query.
    #[error("the spine's SQL is no query; write one, such as SELECT user_id, event_timestamp FROM labels")]
    SpineQueryKind,
    /// A spine's query that may give other rows each time.
    #[error("the spine's SQL: `{function}` may give another answer each time; write what it should give")]
    SpineQueryFunction {
        /// The function.
        function: String,
    },
    /// A spine that was written to while it was read.
    #[error("`{file}` was changed while it was read; run again when nothing writes to it")]
    SpineChanged {
        /// The file.
        file: String,
    },
    /// A spine that does not fit the folder for temporary files.
    #[error("the spine cannot be kept in a temporary file: {error}; `TMPDIR` names the folder for such files")]
    Spool {
        /// What the system said.
        error: std::io::Error,
    },
    /// A file that is no manifest of a training set, or none that can be read.
    #[error("`{file}` cannot be read as the manifest of a training set: {problem}")]
    Manifest {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A training set that cannot be written.
    #[error("`{file}` cannot be written: {error}")]
    Write {
        /// The file.
        file: String,
        /// What happened.
        error: WriteError,
    },
    /// An error of DataFusion or Arrow that names nothing of ours.
    #[error("{0}")]
    Engine(Box<DataFusionError>),
}

impl OfflineError {
    /// The class of the fault.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoFiles { .. } | Self::WebListing { .. } | Self::SpineNoFiles { .. } => ErrorKind::NotFound,
            Self::List { .. } | Self::Read { .. } | Self::Write { .. } => ErrorKind::Unavailable,
            Self::Spool { .. } | Self::SpineDownload { .. } => ErrorKind::Unavailable,
            Self::FileChanged { .. } | Self::RowsChanged { .. } | Self::SpineChanged { .. } => ErrorKind::Conflict,
            Self::File { error } if error.kind() == std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::File { .. } => ErrorKind::Unavailable,
            // A file that is no Parquet is the caller's; a store that does not answer is not.
            Self::Parquet {
                error: ParquetError::External(_),
                ..
            } => ErrorKind::Unavailable,
            Self::Engine(_) => ErrorKind::Internal,
            _ => ErrorKind::InvalidInput,
        }
    }
}

fn in_column(column: Option<&str>) -> String {
    column.map_or_else(String::new, |column| format!(", column `{column}`,"))
}
