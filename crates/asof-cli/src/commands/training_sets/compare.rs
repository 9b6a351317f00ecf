//! The first place where two training sets differ.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Schema;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

/// How two training sets differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Not by any value; only what the files say beside.
    None,
    /// By their columns.
    Columns {
        /// Those of the first.
        was: String,
        /// Those of the second.
        is: String,
    },
    /// By the number of rows; all that both have are equal.
    Rows {
        /// Those of the first.
        was: u64,
        /// Those of the second.
        is: u64,
    },
    /// By a value.
    Value {
        /// The row, from zero.
        row: u64,
        /// The column.
        column: String,
        /// What it was.
        was: String,
        /// What it is.
        is: String,
    },
}

/// Compares training sets, each in files in the order of their rows. Values are equal when their bits are.
///
/// # Errors
/// When a file cannot be read as Parquet; names it.
pub(super) fn compare(was: &[PathBuf], is: &[PathBuf]) -> Result<Difference> {
    let (mut was, mut is) = (Rows::open(was)?, Rows::open(is)?);
    let (were, are) = (columns(&was.schema()?), columns(&is.schema()?));
    if were != are {
        return Ok(Difference::Columns { was: were, is: are });
    }
    let mut row = 0;
    loop {
        let (some, other) = (was.next()?, is.next()?);
        let (Some(some), Some(other)) = (some.as_ref(), other.as_ref()) else {
            let (was, is) = (row + was.rest(some.as_ref())?, row + is.rest(other.as_ref())?);
            return Ok(if was == is {
                Difference::None
            } else {
                Difference::Rows { was, is }
            });
        };
        let length = some.num_rows().min(other.num_rows());
        if let Some((at, column)) = first_difference(&some.slice(0, length), &other.slice(0, length)) {
            return Ok(Difference::Value {
                row: row + at as u64,
                column: some.schema_ref().field(column).name().clone(),
                was: shown(some.column(column), at)?,
                is: shown(other.column(column), at)?,
            });
        }
        row += length as u64;
        was.put_back(some, length);
        is.put_back(other, length);
    }
}

/// Whether a file is Parquet, by its first bytes.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_parquet(file: &Path) -> std::io::Result<bool> {
    let mut magic = Vec::new();
    fs_err::File::open(file)?.take(4).read_to_end(&mut magic)?;
    Ok(magic == b"PAR1")
}

/// The first row that differs, and its first column that does.
fn first_difference(some: &RecordBatch, other: &RecordBatch) -> Option<(usize, usize)> {
    let columns = some.columns().iter().zip(other.columns()).enumerate();
    columns
        .filter(|(_, (some, other))| some != other)
        .filter_map(|(column, (some, other))| {
            let differs = |row: &usize| some.slice(*row, 1) != other.slice(*row, 1);
            Some(((0..some.len()).find(differs)?, column))
        })
        .min()
}

fn shown(column: &dyn Array, row: usize) -> Result<String> {
    let options = FormatOptions::new().with_null("null");
    Ok(ArrayFormatter::try_new(column, &options)?.value(row).to_string())
}

fn columns(schema: &Schema) -> String {
    let columns = schema.fields().iter();
    let columns = columns.map(|field| format!("`{}` {}", field.name(), field.data_type()));
    columns.collect::<Vec<_>>().join(", ")
}

/// The rows of some files, one after the other.
struct Rows {
    readers: Vec<(PathBuf, ParquetRecordBatchReader)>,
    at: usize,
    /// Rows that were read and not taken.
    kept: Option<RecordBatch>,
}

impl Rows {
    fn open(files: &[PathBuf]) -> Result<Self> {
        let readers = files.iter().map(|file| Ok((file.clone(), reader(file)?)));
        Ok(Self {
            readers: readers.collect::<Result<_>>()?,
            at: 0,
            kept: None,
        })
    }

    fn schema(&self) -> Result<Schema> {
        use arrow::array::RecordBatchReader;
        let (_, first) = self.readers.first().context("a training set has a file")?;
        Ok(first.schema().as_ref().clone())
    }

    /// The next rows, never none of them.
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(kept) = self.kept.take() {
            return Ok(Some(kept));
        }
        while let Some((file, reader)) = self.readers.get_mut(self.at) {
            match reader.next() {
                Some(Ok(batch)) if batch.num_rows() == 0 => {}
                Some(batch) => return Ok(Some(batch.with_context(|| unreadable(file))?)),
                None => self.at += 1,
            }
        }
        Ok(None)
    }

    /// Keeps the rows of `batch` after the first `taken`.
    fn put_back(&mut self, batch: &RecordBatch, taken: usize) {
        let left = batch.num_rows() - taken;
        self.kept = (left > 0).then(|| batch.slice(taken, left));
    }

    /// How many rows are left, `next` among them.
    fn rest(&mut self, next: Option<&RecordBatch>) -> Result<u64> {
        let mut rows = next.map_or(0, |batch| batch.num_rows() as u64);
        while let Some(batch) = self.next()? {
            rows += batch.num_rows() as u64;
        }
        Ok(rows)
    }
}

fn reader(file: &Path) -> Result<ParquetRecordBatchReader> {
    let opened = fs_err::File::open(file)?.into_file();
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened).and_then(ParquetRecordBatchReaderBuilder::build);
    reader.with_context(|| unreadable(file))
}

fn unreadable(file: &Path) -> String {
    format!("`{}` cannot be read as Parquet", file.display())
}

#[cfg(test)]
mod tests {
    use asof_testkit::{Table, write_parquet_in_row_groups};

    use super::*;

    fn table(values: &[Option<f64>]) -> RecordBatch {
        Table::new()
            .int64s("k", 0..values.len() as i64)
            .floats("x", values.iter().copied())
            .batch()
    }

    /// Compares two tables, each cut into files and row groups in its own way.
    fn difference(was: &RecordBatch, is: &RecordBatch) -> Result<Difference> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str, rows: RecordBatch, group| {
            let path = folder.path().join(name);
            write_parquet_in_row_groups(&path, &[rows], group)?;
            anyhow::Ok(path)
        };
        let cut = 1.min(is.num_rows());
        let was = [file("was", was.clone(), 2)?];
        let is = [
            file("is-0", is.slice(0, cut), 3)?,
            file("is-1", is.slice(cut, is.num_rows() - cut), 3)?,
        ];
        compare(&was, &is)
    }

    #[test]
    fn the_first_row_that_differs_is_named() -> Result<()> {
        let was = table(&[Some(1.0), None, Some(0.0), Some(f64::NAN), Some(5.0)]);
        assert_eq!(difference(&was, &was)?, Difference::None);
        let is = table(&[Some(1.0), None, Some(-0.0), Some(f64::NAN), None]);
        let value = Difference::Value {
            row: 2,
            column: "x".to_owned(),
            was: "0.0".to_owned(),
            is: "-0.0".to_owned(),
        };
        assert_eq!(difference(&was, &is)?, value);
        assert_eq!(difference(&was, &was.slice(0, 3))?, Difference::Rows { was: 5, is: 3 });
        let other = Table::new().int64s("k", [1]).strings("x", ["a"]).batch();
        let said = format!("{:?}", difference(&was, &other)?);
        assert_eq!(
            said,
            r#"Columns { was: "`k` Int64, `x` Float64", is: "`k` Int64, `x` Utf8" }"#
        );
        Ok(())
    }
}
