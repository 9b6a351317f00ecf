//! A source opened for reading: its files' footers, checked against each other, and the one schema of its rows.

use std::path::Path as FilePath;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use asof_model::conform::{ConformError, can_conform, conform, type_name};
use asof_model::definition::Source;
use asof_model::{ScalarType, Timestamp, ValueType};
use asof_storage::StorageOptions;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;

use super::SourceFile;
use super::hive::{PartitionColumn, columns_of};
use super::location::{ListedFile, Listing, list};
use super::reader::ObjectReader;
use crate::OfflineError;

/// Footers read at once.
const CONCURRENT_FOOTERS: usize = 16;

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
    /// The last columns of the schema.
    pub(crate) partition_columns: Vec<PartitionColumn>,
}

impl SourceTable {
    /// Lists the files of `source` and reads their footers.
    ///
    /// # Errors
    /// When there is no file, one is not Parquet, or their columns differ. Each names the file.
    pub(crate) async fn open(source: &Source, base: &FilePath, options: &StorageOptions) -> Result<Self, OfflineError> {
        let Listing { store, files } = list(source, base, options).await?;
        let open = |listed: ListedFile| {
            let mut reader = ObjectReader {
                store: Arc::clone(&store),
                meta: listed.meta.clone(),
            };
            async move {
                match ArrowReaderMetadata::load_async(&mut reader, ArrowReaderOptions::new()).await {
                    Ok(metadata) => Ok(OpenFile { listed, metadata }),
                    Err(error) => Err(OfflineError::Parquet {
                        file: listed.path,
                        error,
                    }),
                }
            }
        };
        let files: Vec<OpenFile> = futures::stream::iter(files.into_iter().map(open))
            .buffered(CONCURRENT_FOOTERS)
            .try_collect()
            .await?;
        let partitions: Vec<_> = files.iter().map(|file| &file.listed.partitions).collect();
        let partition_columns = columns_of(&partitions).map_err(|other| OfflineError::Partitions {
            file: files[other].listed.path.clone(),
            first: files[0].listed.path.clone(),
        })?;
        let schema = Arc::new(schema_of(&files, &partition_columns)?);
        let parts = parts_of(&files)?;
        Ok(Self {
            store,
            files,
            parts,
            schema,
            partition_columns,
        })
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

    /// Where a column of the schema stands in this file.
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
    Ok(parts)
}

/// The schema of all files, or the first difference between two of them.
fn schema_of(files: &[OpenFile], partitions: &[PartitionColumn]) -> Result<Schema, OfflineError> {
    let mut fields: Vec<Field> = Vec::new();
    // The file that first had each column, for errors.
    let mut origins: Vec<&OpenFile> = Vec::new();
    for file in files {
        for (at, field) in file.metadata.schema().fields().iter().enumerate() {
            if file.column(field.name()) != Some(at) {
                return Err(OfflineError::DuplicateColumn {
                    file: file.listed.path.clone(),
                    column: field.name().clone(),
                });
            }
            let wanted = canonical(field.data_type());
            match fields.iter().position(|known| known.name() == field.name()) {
                None => {
                    fields.push(Field::new(field.name(), wanted, true));
                    origins.push(file);
                }
                Some(known) if *fields[known].data_type() == DataType::Null => {
                    fields[known] = Field::new(field.name(), wanted, true);
                    origins[known] = file;
                }
                Some(known) if !is_adaptable(field.data_type(), fields[known].data_type()) => {
                    return Err(OfflineError::ColumnType {
                        file: file.listed.path.clone(),
                        column: field.name().clone(),
                        found: type_name(field.data_type()).into(),
                        first: origins[known].listed.path.clone(),
                        expected: type_name(fields[known].data_type()).into(),
                    });
                }
                Some(_) => {}
            }
        }
    }
    for (field, origin) in fields.iter().zip(&origins) {
        if let Some(lacking) = files.iter().find(|file| file.column(field.name()).is_none()) {
            return Err(OfflineError::MissingColumn {
                file: lacking.listed.path.clone(),
                column: field.name().clone(),
                other: origin.listed.path.clone(),
            });
        }
    }
    for partition in partitions {
        if let Some(at) = fields.iter().position(|field| *field.name() == partition.name) {
            return Err(OfflineError::PartitionClash {
                file: origins.get(at).unwrap_or(&&files[0]).listed.path.clone(),
                column: partition.name.clone(),
            });
        }
        fields.push(Field::new(&partition.name, partition.data_type.clone(), true));
    }
    Ok(Schema::new(fields))
}

/// The type in which expressions see a column: one kind of text, one of bytes, one of time; all else as it is.
fn canonical(data_type: &DataType) -> DataType {
    use DataType as T;
    match data_type {
        T::Utf8 | T::LargeUtf8 | T::Utf8View => ScalarType::String.arrow(),
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => ScalarType::Bytes.arrow(),
        T::Timestamp(_, _) => ScalarType::Timestamp.arrow(),
        T::Dictionary(_, values) => canonical(values),
        T::List(item) | T::LargeList(item) | T::ListView(item) | T::LargeListView(item) | T::FixedSizeList(item, _) => {
            let item = canonical(item.data_type());
            let scalar = ScalarType::ALL.into_iter().find(|scalar| scalar.arrow() == item);
            scalar.map_or_else(|| data_type.clone(), |scalar| ValueType::Array(scalar).arrow())
        }
        other => other.clone(),
    }
}

/// The feature type that is held by exactly this Arrow type.
fn value_type(data_type: &DataType) -> Option<ValueType> {
    let scalars = ScalarType::ALL.into_iter();
    scalars
        .flat_map(|scalar| [ValueType::Scalar(scalar), ValueType::Array(scalar)])
        .find(|value_type| value_type.arrow() == *data_type)
}

fn is_adaptable(from: &DataType, to: &DataType) -> bool {
    from == to || *from == DataType::Null || value_type(to).is_some_and(|to| can_conform(from, to))
}

/// Brings a column of a file to its type in the schema.
pub(crate) fn adapt(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ConformError> {
    match value_type(to) {
        _ if array.data_type() == to => Ok(Arc::clone(array)),
        Some(to) => conform(array, to),
        // Only an all-null column of no type comes here: everything else was refused with the schema.
        None => Ok(arrow::array::new_null_array(to, array.len())),
    }
}
