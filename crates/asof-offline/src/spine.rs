//! The spine: the caller's rows, with the keys, times and request fields of a training set.

mod csv;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef, TimestampMicrosecondType};
use asof_model::conform::{can_conform, can_conform_key, conform, type_name};
use asof_model::definition::RequestField;
use asof_model::retrieval::RetrievalPlan;
use asof_model::{ScalarType, ValueType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use xxhash_rust::xxh3::Xxh3;

use crate::OfflineError;

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

/// A spine that was read and checked against a plan.
#[derive(Debug)]
pub(crate) struct LoadedSpine {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    /// The position of the as-of column, which has no nulls.
    pub(crate) as_of: usize,
    /// The first and the last as-of time; `None` without rows.
    pub(crate) times: Option<(i64, i64)>,
    /// A hash of the file's bytes, or of the rows.
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

    /// Reads the spine and checks it against what `plan` needs. Blocks.
    ///
    /// # Errors
    /// When it cannot be read; columns are missing (all are named) or have the wrong type; an as-of time is null; or
    /// a column has the name of an output.
    pub(crate) fn load(self, plan: &RetrievalPlan, as_of: &str) -> Result<LoadedSpine, OfflineError> {
        let mut hash = Xxh3::new();
        let (schema, batches) = match self {
            Self::Parquet(path) => {
                hash_file(&path, &mut hash)?;
                read_parquet(&path)?
            }
            Self::Csv(path) => {
                hash_file(&path, &mut hash)?;
                csv::read(&path, &declared(plan, as_of))?
            }
            Self::Batches { schema, batches } => {
                hash_batches(&schema, &batches, &mut hash)?;
                (schema, batches)
            }
        };
        check_columns(&schema, plan, as_of)?;
        let position = schema.index_of(as_of)?;
        let times = as_of_range(&batches, position, as_of)?;
        Ok(LoadedSpine {
            schema: Arc::new(Schema::new(schema.fields().clone())),
            batches,
            as_of: position,
            times,
            hash: hash.digest128(),
        })
    }
}

/// The columns whose types the plan declares: keys, request fields, and the as-of time.
fn declared(plan: &RetrievalPlan, as_of: &str) -> Vec<(String, ValueType)> {
    let inputs = plan.input_columns().into_iter();
    let mut declared: Vec<_> = inputs.map(|input| (input.name.to_string(), input.value_type)).collect();
    if !declared.iter().any(|(name, _)| name == as_of) {
        declared.push((as_of.to_owned(), ScalarType::Timestamp.into()));
    }
    declared
}

fn read_parquet(path: &Path) -> Result<(SchemaRef, Vec<RecordBatch>), OfflineError> {
    let unreadable = |error| OfflineError::Parquet {
        file: path.display().to_string(),
        error,
    };
    let file = open(path)?.into_file();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
    let schema = Arc::clone(reader.schema());
    let reader = reader.with_batch_size(READ_ROWS).build().map_err(unreadable)?;
    let batches = reader
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(error.into()))?;
    Ok((schema, batches))
}

fn open(path: &Path) -> Result<fs_err::File, OfflineError> {
    fs_err::File::open(path).map_err(|error| OfflineError::File { error })
}

fn hash_file(path: &Path, hash: &mut Xxh3) -> Result<(), OfflineError> {
    use std::io::Read;
    let mut file = open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(|error| OfflineError::File { error })? {
            0 => return Ok(()),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// Hashes rows as the Parquet file that they make, which depends on nothing but them.
fn hash_batches(schema: &SchemaRef, batches: &[RecordBatch], hash: &mut Xxh3) -> Result<(), OfflineError> {
    let mut bytes = Vec::new();
    let unwritable = |error| OfflineError::Parquet {
        file: "the spine".to_owned(),
        error,
    };
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, Arc::clone(schema), None).map_err(unwritable)?;
    for batch in batches {
        writer.write(batch).map_err(unwritable)?;
    }
    writer.close().map_err(unwritable)?;
    hash.update(&bytes);
    Ok(())
}

/// Checks that the spine has every column that is needed, in a type that fits, and none named like an output.
fn check_columns(schema: &Schema, plan: &RetrievalPlan, as_of: &str) -> Result<(), OfflineError> {
    let needed = declared(plan, as_of);
    let missing: Vec<_> = needed
        .iter()
        .filter(|(name, _)| schema.column_with_name(name).is_none())
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if !missing.is_empty() {
        return Err(OfflineError::SpineColumnsMissing {
            columns: missing.join(", "),
            found: schema
                .fields()
                .iter()
                .map(|field| format!("`{}`", field.name()))
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    for field in schema.fields() {
        if schema
            .fields()
            .iter()
            .filter(|other| other.name() == field.name())
            .count()
            > 1
        {
            return Err(OfflineError::SpineDuplicate {
                column: field.name().clone(),
            });
        }
        if let Some(output) = plan.outputs.iter().find(|output| output.name == *field.name()) {
            return Err(OfflineError::SpineClash {
                column: field.name().clone(),
                feature: format!("{}:{}", output.view, output.feature),
            });
        }
    }
    let wrong = |name: &str, found: &DataType, expected: &ValueType| OfflineError::SpineColumnType {
        column: name.to_owned(),
        found: type_name(found),
        expected: expected.to_string(),
    };
    for RequestField { name, value_type } in plan.input_columns() {
        let found = schema.field_with_name(name.as_str())?.data_type();
        let is_key = plan.join_keys.iter().any(|key| key.name == name);
        let fits = match value_type {
            ValueType::Scalar(key) if is_key => can_conform_key(found, key),
            _ => can_conform(found, value_type),
        };
        if !fits {
            return Err(wrong(name.as_str(), found, &value_type));
        }
    }
    let found = schema.field_with_name(as_of)?.data_type();
    let timestamp = ScalarType::Timestamp.into();
    if can_conform(found, timestamp) {
        Ok(())
    } else {
        Err(wrong(as_of, found, &timestamp))
    }
}

/// The first and last as-of time; an error names the row with none.
fn as_of_range(batches: &[RecordBatch], at: usize, name: &str) -> Result<Option<(i64, i64)>, OfflineError> {
    let mut range: Option<(i64, i64)> = None;
    let mut rows = 0;
    for batch in batches {
        let times: ArrayRef = conform(batch.column(at), ScalarType::Timestamp.into())
            .map_err(|error| OfflineError::spine_column(name, error))?;
        if let Some(row) = (0..times.len()).find(|row| times.is_null(*row)) {
            return Err(OfflineError::SpineTimeMissing {
                column: name.to_owned(),
                row: rows + row as u64 + 1,
            });
        }
        rows += batch.num_rows() as u64;
        for time in times.as_primitive::<TimestampMicrosecondType>().values() {
            let (first, last) = range.unwrap_or((*time, *time));
            range = Some((first.min(*time), last.max(*time)));
        }
    }
    if rows >= u64::from(u32::MAX) {
        return Err(OfflineError::SpineTooLong { rows });
    }
    Ok(range)
}
