//! Which column of a row group cannot be decoded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::fetch::FetchedRanges;
use super::table::{OpenFile, Part, SourceTable};
use crate::OfflineError;

impl SourceTable {
    /// The error that a part cannot be decoded: that its file changed, or else which column is to blame. `columns` are
    /// the positions in the source's schema of what was decoded from the ranges fetched.
    ///
    /// Decodes each column once more by itself, as errors of the decoder do not name it.
    pub(crate) fn undecodable(
        &self,
        part: u32,
        columns: &[usize],
        fetched: &FetchedRanges,
        error: ParquetError,
    ) -> OfflineError {
        if let Err(changed) = fetched.verify() {
            return changed;
        }
        let Part { file, row_group, .. } = self.parts[part as usize];
        let file = &self.files[file];
        let names = columns.iter().map(|at| self.schema.field(*at).name().as_str());
        let mut there = names.filter_map(|name| Some((name, file.column(name)?)));
        let damaged = there.find_map(|(name, root)| Some((name, decode(file, row_group, root, fetched).err()?)));
        let (column, error) = match damaged {
            Some((name, error)) => (Some(name.to_owned()), error),
            None => (None, error),
        };
        OfflineError::Damaged {
            file: file.listed.path.clone(),
            row_group,
            column,
            error,
        }
    }
}

/// Runs the decoder. On some damage that no check of its own finds it panics, which is an error of the file, not ours.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(ParquetError::General("its pages make no sense".to_owned())))
}

/// Decodes all rows of one column and drops them.
fn decode(file: &OpenFile, row_group: usize, root: usize, fetched: &FetchedRanges) -> Result<(), ParquetError> {
    let mask = ProjectionMask::roots(file.metadata.parquet_schema(), [root]);
    guarded(|| {
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(fetched.clone(), file.metadata.clone())
            .with_row_groups(vec![row_group])
            .with_projection(mask)
            .build()?;
        for batch in batches {
            batch?;
        }
        Ok(())
    })
}
