//! Parquet files from record batches and back.

use std::path::Path;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

/// Writes batches of one schema as one Parquet file; folders are made as needed and an existing file is replaced.
///
/// # Errors
/// When there is no batch, their schemas differ, or the file cannot be written.
pub fn write_parquet(path: impl AsRef<Path>, batches: &[RecordBatch]) -> Result<()> {
    write_parquet_in_row_groups(path, batches, 1_048_576)
}

/// The same, with at most `rows` rows in a row group.
///
/// # Errors
/// As [`write_parquet`].
pub fn write_parquet_in_row_groups(path: impl AsRef<Path>, batches: &[RecordBatch], rows: usize) -> Result<()> {
    let path = path.as_ref();
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let schema = batches.first().context("a Parquet file needs a batch")?.schema();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows))
        .build();
    let mut writer = ArrowWriter::try_new(fs_err::File::create(path)?, schema, Some(properties))?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.close()?;
    Ok(())
}

/// Reads all batches of a Parquet file.
///
/// # Errors
/// When the file cannot be read.
pub fn read_parquet(path: impl AsRef<Path>) -> Result<Vec<RecordBatch>> {
    let file = fs_err::File::open(path.as_ref())?.into_file();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.build()?;
    Ok(reader.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    #[test]
    fn what_is_written_is_read_back() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("deep/rows.parquet");
        let batch = Table::new().int64s("i", [Some(1), None, Some(3)]).batch();
        write_parquet_in_row_groups(&path, std::slice::from_ref(&batch), 2)?;
        assert_eq!(
            arrow::compute::concat_batches(&batch.schema(), &read_parquet(&path)?)?,
            batch
        );
        Ok(())
    }
}
