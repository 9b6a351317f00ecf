//! A source opened for reading: its files' footers, checked against each other, and the one schema of its rows.

use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use asof_model::Timestamp;
use asof_model::definition::Source;
use asof_storage::StorageOptions;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::errors::ParquetError;

use super::SourceFile;
use super::footer::Footers;
use super::hive::{PartitionColumn, columns_of};
use super::location::{ListedFile, Listing, list};
use super::prune::partition_times;
use super::row_id::MAX_PARTS;
use super::schema::Merged;
use crate::OfflineError;
use crate::progress::{Progress, ProgressSink};

/// Footers read at once from an object store, where each waits for an answer.
const REMOTE_FOOTERS: usize = 64;
/// Footers read at once from this machine.
const LOCAL_FOOTERS: usize = 16;

/// A file of a source with its footer read.
#[derive(Debug, Clone)]
pub(crate) struct OpenFile {
    pub(crate) listed: ListedFile,
    pub(crate) metadata: ArrowReaderMetadata,
}

/// A row group of a file: what is read as one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The position of its file in [`SourceTable::files`].
    pub(crate) file: usize,
    /// Its position in the file.
    pub(crate) row_group: usize,
    /// The number of its first row in the file.
    pub(crate) first_row: u64,
    /// How many rows it has.
    pub(crate) rows: u32,
}

/// A source with the footers of all its files read.
#[derive(Debug)]
pub(crate) struct SourceTable {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Sorted by path: a file's position is its rank in the order of rows.
    pub(crate) files: Vec<OpenFile>,
    /// The row groups of all files, in their order: the order of parts and rows in them is the order of rows.
    pub(crate) parts: Vec<Part>,
    /// The columns that expressions see: those of the files with their types made the same, then the partitions.
    pub(crate) schema: SchemaRef,
    merged: Merged,
    /// By file: the event time of its rows, if the folders that it lies in tell; see [`partition_times`].
    pub(crate) partition_times: Option<Vec<Option<i64>>>,
    /// The last columns of the schema.
    pub(crate) partition_columns: Vec<PartitionColumn>,
}

impl SourceTable {
    /// Lists the files of `source` and reads their footers.
    ///
    /// # Errors
    /// When there is no file, one is not Parquet, or their columns differ. Each names the file.
    pub(crate) async fn open(
        source: &Source,
        base: &FilePath,
        options: &StorageOptions,
        progress: Option<&ProgressSink>,
    ) -> Result<Self, OfflineError> {
        let Listing {
            store,
            files,
            partition_columns,
        } = list(source, base, options).await?;
        let at_once = if files.iter().all(|file| file.local.is_some()) {
            LOCAL_FOOTERS
        } else {
            REMOTE_FOOTERS
        };
        let footers = Arc::new(Footers::new(Arc::clone(&store)));
        let of = files.len() as u64;
        let report = || {
            if let Some(progress) = progress {
                let source = source.name.to_string();
                progress.report(Progress::Footers { source, files: 1, of });
            }
        };
        let files: Vec<OpenFile> = futures::stream::iter(files)
            .map(|listed| Arc::clone(&footers).read(listed))
            .buffered(at_once)
            .map_ok(|(listed, metadata)| OpenFile { listed, metadata })
            .inspect_ok(|_| report())
            .try_collect()
            .await?;
        let partition_columns = if let Some(columns) = partition_columns {
            columns
        } else {
            let partitions: Vec<_> = files.iter().map(|file| &file.listed.partitions).collect();
            columns_of(&partitions).map_err(|other| OfflineError::Partitions {
                file: files[other].listed.path.clone(),
                first: files[0].listed.path.clone(),
            })?
        };
        let schemas: Vec<_> = files
            .iter()
            .map(|file| (file.listed.path.as_str(), file.metadata.schema()))
            .collect();
        let merged = Merged::of(&schemas)?;
        let schema = Arc::new(with_partitions(&files, merged.fields.clone(), &partition_columns)?);
        let parts = parts_of(&files)?;
        let partition_times = partition_times(&source.event_time, &files, &partition_columns);
        Ok(Self {
            store,
            files,
            parts,
            schema,
            merged,
            partition_times,
            partition_columns,
        })
    }

    /// Checks that the columns at `read` can be read: that all files have types for them that fit together, and
    /// that those named in `needed`, join keys and event time, are in every file.
    ///
    /// # Errors
    /// The first column for which that does not hold, with two files.
    pub(crate) fn check_columns(&self, read: &[usize], needed: &[&str]) -> Result<(), OfflineError> {
        let path = |file: usize| self.files[file].listed.path.clone();
        for at in read {
            let name = self.schema.field(*at).name().as_str();
            if let Some(conflict) = self.merged.conflict(name, path) {
                return Err(conflict);
            }
            if needed.contains(&name)
                && let Some(missing) = self.merged.missing(name, path)
            {
                return Err(missing);
            }
        }
        Ok(())
    }

    /// What is known of each file, sorted by path.
    pub(crate) fn source_files(&self) -> Vec<SourceFile> {
        let describe = |file: &OpenFile| SourceFile {
            path: file.listed.path.clone(),
            size: file.listed.meta.size,
            modified: Timestamp::from_micros(file.listed.meta.last_modified.timestamp_micros()),
            e_tag: file.listed.meta.e_tag.clone(),
            rows: file.rows(),
        };
        self.files.iter().map(describe).collect()
    }

    /// The parts of the file at a position.
    pub(crate) fn parts_of(&self, file: usize) -> Range<u32> {
        let start = self.parts.partition_point(|part| part.file < file);
        let end = self.parts.partition_point(|part| part.file <= file);
        start as u32..end as u32
    }

    /// About how many bytes of memory a value of the column at a position takes, by the files' footers.
    ///
    /// What a footer tells of texts and bytes is their encoded size, in which equal ones may count once.
    pub(crate) fn value_bytes(&self, column: usize) -> usize {
        let field = self.schema.field(column);
        if let Some(width) = field.data_type().primitive_width() {
            return width + 1;
        }
        const LEAST: usize = 24;
        let (mut bytes, mut rows) = (0_u64, 0_u64);
        for file in &self.files {
            let Some(root) = file.column(field.name()) else {
                continue;
            };
            let metadata = file.metadata.metadata();
            let schema = metadata.file_metadata().schema_descr();
            for group in metadata.row_groups() {
                let leaves = group.columns().iter().enumerate();
                let leaves = leaves.filter(|(leaf, _)| schema.get_column_root_idx(*leaf) == root);
                bytes += leaves
                    .map(|(_, chunk)| chunk.uncompressed_size().max(0) as u64)
                    .sum::<u64>();
                rows += group.num_rows().max(0) as u64;
            }
        }
        2 * LEAST.max(bytes.checked_div(rows).unwrap_or_default() as usize)
    }

    /// How many of the schema's columns are read from the files; the rest are partitions.
    pub(crate) fn file_columns(&self) -> usize {
        self.schema.fields().len() - self.partition_columns.len()
    }
}

impl OpenFile {
    fn rows(&self) -> u64 {
        let rows = self.metadata.metadata().file_metadata().num_rows();
        u64::try_from(rows).unwrap_or_default()
    }

    /// Where a column of the schema stands in this file; nothing if the file lacks it, so that it is null there.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.metadata
            .schema()
            .fields()
            .iter()
            .position(|field| field.name() == name)
    }
}

/// The row groups of all files.
fn parts_of(files: &[OpenFile]) -> Result<Vec<Part>, OfflineError> {
    let mut parts = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let mut first_row = 0;
        for (row_group, metadata) in file.metadata.metadata().row_groups().iter().enumerate() {
            let rows = u32::try_from(metadata.num_rows()).map_err(|_| OfflineError::Parquet {
                file: file.listed.path.clone(),
                error: ParquetError::General(format!(
                    "row group {row_group} has {} rows; write it with fewer than 4 billion",
                    metadata.num_rows()
                )),
            })?;
            parts.push(Part {
                file: at,
                row_group,
                first_row,
                rows,
            });
            first_row += u64::from(rows);
        }
    }
    if parts.len() > MAX_PARTS {
        return Err(OfflineError::TooManyRowGroups(parts.len()));
    }
    Ok(parts)
}

/// The columns of the files and then the partitions.
fn with_partitions(
    files: &[OpenFile],
    mut fields: Vec<Field>,
    partitions: &[PartitionColumn],
) -> Result<Schema, OfflineError> {
    for partition in partitions {
        let clash = |file: &&OpenFile| file.column(&partition.name).is_some();
        if fields.iter().any(|field| *field.name() == partition.name) {
            let file = files.iter().find(clash).unwrap_or(&files[0]);
            return Err(OfflineError::PartitionClash {
                file: file.listed.path.clone(),
                column: partition.name.clone(),
            });
        }
        fields.push(Field::new(&partition.name, partition.data_type.clone(), true));
    }
    Ok(Schema::new(fields))
}
