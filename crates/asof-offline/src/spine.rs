//! The spine: the caller's rows, with the keys, times and request fields of a training set.

mod check;
mod csv;
mod entities;
mod exec;
mod file;
mod location;
mod merge;
mod query;
mod rows;
mod scan;
mod spool;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use asof_model::ValueType;
use asof_model::definition::Source;
use asof_model::retrieval::RetrievalPlan;
use xxhash_rust::xxh3::Xxh3;

use crate::{OfflineEngine, OfflineError};
use check::{as_of_range, check_columns, declared};
use file::LocalFile;
use location::SpineFile;
use rows::{ParquetFile, Rows};
use spool::Spool;

pub use entities::EntitySpine;
pub(crate) use exec::SpineExec;
pub(crate) use rows::Batches;

/// The caller's rows: entity keys, an as-of time, request fields, and anything else.
#[derive(Debug, Clone)]
pub enum Spine {
    /// A Parquet file on this machine.
    Parquet(PathBuf),
    /// A CSV file on this machine, with a header. Columns that the plan needs are read as the types it declares; the
    /// types of the others are inferred. An empty cell is null.
    Csv(PathBuf),
    /// A path or URL of a file, a folder or a glob, as a source may have one; relative paths start at the working
    /// directory. A file is CSV by its ending, else Parquet. Several files are one spine in the order of their paths.
    Location(String),
    /// What a SQL query gives over the sources, which are its tables. Without ORDER BY, rows come as one thread of
    /// DataFusion gives them, which is the same each time.
    Query {
        /// The query.
        sql: String,
        /// The sources that it may name.
        sources: Vec<Arc<Source>>,
    },
    /// The entities of a view, at some times.
    Entities(EntitySpine),
    /// Rows in memory. All batches have the schema.
    Batches {
        /// The schema.
        schema: SchemaRef,
        /// The rows.
        batches: Vec<RecordBatch>,
    },
}

/// A spine that was checked against a plan, and can be read as often as wanted.
///
/// Only a small one is in memory: files are read again, and what cannot be read again was written to a temporary file.
#[derive(Debug, Clone)]
pub(crate) struct OpenSpine {
    /// Its columns as they came, without metadata.
    pub(crate) schema: SchemaRef,
    /// The position of the as-of column, which has no nulls.
    pub(crate) as_of: usize,
    /// Fewer than 2^32.
    pub(crate) rows: u64,
    /// The first and the last as-of time; `None` without rows.
    pub(crate) times: Option<(i64, i64)>,
    /// A hash of the file's bytes, or of the rows.
    pub(crate) hash: u128,
    source: Rows,
}

/// Rows of a batch when a file is read. It shows nowhere.
const READ_ROWS: usize = 8192;

impl Spine {
    /// A file, by the ending of its name: `.csv` is CSV, everything else Parquet.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        if location::is_csv(&path) {
            Self::Csv(path)
        } else {
            Self::Parquet(path)
        }
    }

    /// Opens the spine and checks it against what `plan` needs.
    ///
    /// # Errors
    /// When it cannot be read; columns are missing (all are named) or have the wrong type; an as-of time is null; or
    /// a column has the name of an output.
    pub(crate) async fn open(
        self,
        plan: &RetrievalPlan,
        as_of: &str,
        engine: &OfflineEngine,
    ) -> Result<OpenSpine, OfflineError> {
        let input = match self {
            Self::Parquet(path) => Input::Parquet(path),
            Self::Csv(path) => Input::Csv(path),
            Self::Batches { schema, batches } => Input::Batches(schema, batches),
            Self::Query { sql, sources } => Input::Opened(query::run(&sql, &sources, engine).await?),
            Self::Entities(spine) => Input::Opened(entities::make(&spine, as_of, engine).await?),
            Self::Location(location) => match location::local_file(&location) {
                Some(path) if location::is_csv(&path) => Input::Csv(path),
                Some(path) => Input::Parquet(path),
                None => Input::Files(location::files(&location, &engine.options.storage).await?),
            },
        };
        let (plan, as_of) = (plan.clone(), as_of.to_owned());
        blocking(move || OpenSpine::new(input.open(&declared(&plan, &as_of))?, &plan, &as_of)).await
    }
}

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OfflineError> + Send + 'static,
) -> Result<T, OfflineError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| OfflineError::File { error: error.into() })?
}

/// A spine that needs nothing from anywhere else.
enum Input {
    Parquet(PathBuf),
    Csv(PathBuf),
    Files(Vec<SpineFile>),
    Batches(SchemaRef, Vec<RecordBatch>),
    Opened(Opened),
}

/// The columns, where the rows are, and the hash of a spine.
type Opened = (SchemaRef, Rows, u128);

impl Input {
    fn open(self, declared: &[(String, ValueType)]) -> Result<Opened, OfflineError> {
        match self {
            Self::Parquet(path) => {
                let file = ParquetFile::open(LocalFile::open(&path)?)?;
                let hash = file.file.hash()?;
                Ok((Arc::clone(file.metadata.schema()), Rows::Files([file].into()), hash))
            }
            Self::Csv(path) => open_csv(&LocalFile::open(&path)?, declared),
            Self::Files(files) => match files.as_slice() {
                [one] if location::is_csv(Path::new(one.file.name())) => open_csv(&one.file, declared),
                // Alone it is the file that it is, wherever it lies.
                [one] if one.partitions.is_empty() => {
                    let file = ParquetFile::open(one.file.clone())?;
                    let hash = file.file.hash()?;
                    Ok((Arc::clone(file.metadata.schema()), Rows::Files([file].into()), hash))
                }
                _ => {
                    let mut hash = Xxh3::new();
                    for file in &files {
                        hash.update(&file.file.hash()?.to_le_bytes());
                    }
                    let (schema, files) = merge::open(files)?;
                    Ok((schema, Rows::Files(files.into()), hash.digest128()))
                }
            },
            Self::Opened(opened) => Ok(opened),
            Self::Batches(schema, batches) => {
                let hash = spool::hash(&schema, &batches)?;
                Ok((schema, Rows::Memory(batches.into()), hash))
            }
        }
    }
}

fn open_csv(file: &LocalFile, declared: &[(String, ValueType)]) -> Result<Opened, OfflineError> {
    let (schema, batches) = csv::read(file, declared)?;
    let mut spool = Spool::new(Arc::clone(&schema));
    for batch in batches {
        spool.push(batch?)?;
    }
    let (rows, _) = spool.finish()?;
    // This also says whether the file is still the one that was read.
    Ok((schema, rows, file.hash()?))
}

impl OpenSpine {
    fn new((schema, source, hash): Opened, plan: &RetrievalPlan, as_of: &str) -> Result<Self, OfflineError> {
        check_columns(&schema, plan, as_of)?;
        let mut open = Self {
            as_of: schema.index_of(as_of)?,
            schema: Arc::new(Schema::new(schema.fields().clone())),
            rows: source.count(),
            times: None,
            hash,
            source,
        };
        if open.rows >= u64::from(u32::MAX) {
            return Err(OfflineError::SpineTooLong { rows: open.rows });
        }
        open.times = as_of_range(open.read(&[open.as_of], 0..open.rows, READ_ROWS)?, as_of)?;
        Ok(open)
    }

    /// The columns at `columns` of a range of rows, in order, as batches of at most `batch_rows` rows. Blocks while
    /// it is iterated; rows before the range cost next to nothing.
    ///
    /// # Errors
    /// When the file cannot be read, or was changed since it was opened; mostly these come from the iterator.
    pub(crate) fn read(&self, columns: &[usize], rows: Range<u64>, batch_rows: usize) -> Result<Batches, OfflineError> {
        let schema = Arc::new(self.schema.project(columns)?);
        let rows = rows.start.min(self.rows)..rows.end.min(self.rows);
        Ok(self.source.read(&schema, columns, rows, batch_rows.max(1)))
    }
}
