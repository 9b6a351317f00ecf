//! The spine: the caller's rows, with the keys, times and request fields of a training set.

mod check;
mod csv;
mod file;
mod rows;
mod spool;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use asof_model::retrieval::RetrievalPlan;
use xxhash_rust::xxh3::Xxh3;

use crate::{OfflineEngine, OfflineError};
use check::{as_of_range, check_columns, declared};
use file::LocalFile;
use rows::{ParquetFile, Rows};
use spool::Spool;

pub(crate) use rows::Batches;

/// The caller's rows: entity keys, an as-of time, request fields, and anything else.
#[derive(Debug, Clone)]
pub enum Spine {
    /// A Parquet file on this machine.
    Parquet(PathBuf),
    /// A CSV file on this machine, with a header. Columns that the plan needs are read as the types it declares; the
    /// types of the others are inferred. An empty cell is null.
    Csv(PathBuf),
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

/// A spine that is in memory as a whole.
#[derive(Debug)]
pub(crate) struct LoadedSpine {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) as_of: usize,
    pub(crate) times: Option<(i64, i64)>,
    pub(crate) hash: u128,
}

/// Rows of a batch when a file is read. It shows nowhere.
const READ_ROWS: usize = 8192;

impl Spine {
    /// A file, by the ending of its name: `.csv` is CSV, everything else Parquet.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let is_csv = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if is_csv { Self::Csv(path) } else { Self::Parquet(path) }
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
        _engine: &OfflineEngine,
    ) -> Result<OpenSpine, OfflineError> {
        let (plan, as_of) = (plan.clone(), as_of.to_owned());
        let opening = tokio::task::spawn_blocking(move || self.open_blocking(&plan, &as_of));
        opening.await.map_err(|error| OfflineError::File { error: error.into() })?
    }

    /// Reads the spine as a whole. Blocks.
    pub(crate) fn load(self, plan: &RetrievalPlan, as_of: &str) -> Result<LoadedSpine, OfflineError> {
        let open = self.open_blocking(plan, as_of)?;
        let columns: Vec<usize> = (0..open.schema.fields().len()).collect();
        Ok(LoadedSpine {
            batches: open.read(&columns, 0..open.rows, READ_ROWS)?.collect::<Result<_, _>>()?,
            schema: open.schema,
            as_of: open.as_of,
            times: open.times,
            hash: open.hash,
        })
    }

    fn open_blocking(self, plan: &RetrievalPlan, as_of: &str) -> Result<OpenSpine, OfflineError> {
        let (schema, source, hash) = match self {
            Self::Parquet(path) => {
                let file = ParquetFile::open(LocalFile::open(&path)?)?;
                let mut hash = Xxh3::new();
                file.file.hash(&mut hash)?;
                let schema = Arc::clone(file.metadata.schema());
                (schema, Rows::Files(vec![file].into()), hash.digest128())
            }
            Self::Csv(path) => {
                let file = LocalFile::open(&path)?;
                let mut hash = Xxh3::new();
                file.hash(&mut hash)?;
                let (schema, batches) = csv::read(&file, &declared(plan, as_of))?;
                let mut spool = Spool::new(Arc::clone(&schema));
                for batch in batches {
                    spool.push(batch?)?;
                }
                file.check_unchanged()?;
                (schema, spool.finish()?.0, hash.digest128())
            }
            Self::Batches { schema, batches } => {
                let hash = spool::hash(&schema, &batches)?;
                (schema, Rows::Memory(batches.into()), hash)
            }
        };
        check_columns(&schema, plan, as_of)?;
        let mut open = OpenSpine {
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
}

impl OpenSpine {
    /// The columns at `columns` of a range of rows, in order, as batches of at most `batch_rows` rows. Blocks while
    /// it is iterated; rows before the range cost next to nothing.
    ///
    /// # Errors
    /// When the file cannot be read, or was changed since it was opened; mostly these come from the iterator.
    pub(crate) fn read(
        &self,
        columns: &[usize],
        rows: Range<u64>,
        batch_rows: usize,
    ) -> Result<Batches, OfflineError> {
        let schema = Arc::new(self.schema.project(columns)?);
        let rows = rows.start.min(self.rows)..rows.end.min(self.rows);
        Ok(self.source.read(&schema, columns, rows, batch_rows.max(1)))
    }
}
