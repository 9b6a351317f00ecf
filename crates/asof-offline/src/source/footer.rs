//! Footers of Parquet files: read once, checked, and kept without what nobody asks for.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use object_store::ObjectStore;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Type;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FooterTail, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use parquet::schema::types::SchemaDescPtr;

use super::fetch::read_now;
use super::location::ListedFile;
use crate::OfflineError;

/// Read this much of a file's end at first: most footers fit, so most files cost one request for it.
const GUESS: u64 = 64 << 10;

/// The length of the footer's length and the magic bytes behind it.
const TAIL: usize = 8;

/// Reads the footers of one source.
#[derive(Debug)]
pub(super) struct Footers {
    store: Arc<dyn ObjectStore>,
    /// The schema of the file that was read first: files with the same share it, which matters when there are
    /// thousands.
    schema: OnceLock<SchemaDescPtr>,
}

impl Footers {
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            schema: OnceLock::new(),
        }
    }

    /// Reads the footer of a file.
    ///
    /// # Errors
    /// When the file cannot be read, changed, or is no Parquet file, or one that is encrypted or damaged.
    pub(super) async fn read(
        self: Arc<Self>,
        file: ListedFile,
    ) -> Result<(ListedFile, ArrowReaderMetadata), OfflineError> {
        let size = file.meta.size;
        let tail = self.bytes(&file, size.saturating_sub(GUESS)..size).await?;
        let length = metadata_length(&file, &tail)?;
        let known = tail.len() - TAIL;
        let metadata = if let Some(start) = known.checked_sub(length) {
            tail.slice(start..known)
        } else {
            let end = size - TAIL as u64;
            self.bytes(&file, end - length as u64..end).await?
        };
        let path = file.path.clone();
        let damaged = |problem: String| OfflineError::NotParquet {
            file: path,
            problem: format!("its footer is damaged: {problem}"),
        };
        let decode = move || {
            let metadata = self.decode(&metadata)?;
            let metadata = arrow_metadata(&file, metadata)?;
            Ok((file, metadata))
        };
        match tokio::task::spawn_blocking(decode).await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => Err(damaged(ParquetError::to_string(&error))),
            // What a writer would never write can make the decoder of Arrow's own schema give up in this way.
            Err(error) if error.is_panic() => Err(damaged("its schema makes no sense".to_owned())),
            Err(error) => Err(OfflineError::interrupted(&error)),
        }
    }

    async fn bytes(&self, file: &ListedFile, range: Range<u64>) -> Result<Bytes, OfflineError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        read_now(&self.store, file, range).await
    }

    fn decode(&self, bytes: &[u8]) -> Result<ParquetMetaData, ParquetError> {
        let mut options = ParquetMetaDataOptions::new()
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        if let Some(known) = self.schema.get()
            && ParquetMetaDataReader::decode_schema(bytes)? == *known
        {
            options.set_schema(Arc::clone(known));
        }
        let metadata = ParquetMetaDataReader::decode_metadata_with_options(bytes, Some(&options))?;
        // Losing the race to be first costs memory only.
        let _ = self.schema.set(metadata.file_metadata().schema_descr_ptr());
        Ok(metadata)
    }
}

/// The length of the footer whose last bytes these are.
fn metadata_length(file: &ListedFile, tail: &[u8]) -> Result<usize, OfflineError> {
    let not_parquet = |problem: String| OfflineError::NotParquet {
        file: file.path.clone(),
        problem,
    };
    let Some(last) = tail.last_chunk::<TAIL>() else {
        return Err(not_parquet(format!("it has only {} bytes", tail.len())));
    };
    let footer = FooterTail::try_new(last)
        .map_err(|_| not_parquet("it does not end with `PAR1`; it is cut short, or of another format".to_owned()))?;
    if footer.is_encrypted_footer() {
        return Err(OfflineError::Encrypted {
            file: file.path.clone(),
        });
    }
    let length = footer.metadata_length();
    if length as u64 + TAIL as u64 > file.meta.size {
        return Err(not_parquet(format!(
            "its footer claims {length} bytes, more than the file has; it is damaged"
        )));
    }
    Ok(length)
}

/// Checks what reading relies on, and finds the Arrow types of the columns.
fn arrow_metadata(file: &ListedFile, metadata: ParquetMetaData) -> Result<ArrowReaderMetadata, ParquetError> {
    check_places(file.meta.size, &metadata)?;
    let metadata = Arc::new(metadata);
    let plain = ArrowReaderMetadata::try_new(Arc::clone(&metadata), ArrowReaderOptions::new())?;
    match with_wide_int96(&plain) {
        None => Ok(plain),
        Some(schema) => ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new().with_schema(Arc::new(schema))),
    }
}

/// Checks that every column chunk lies in the file.
fn check_places(size: u64, metadata: &ParquetMetaData) -> Result<(), ParquetError> {
    for (at, row_group) in metadata.row_groups().iter().enumerate() {
        if row_group.num_rows() < 0 {
            return Err(ParquetError::General(format!(
                "row group {at} claims {} rows",
                row_group.num_rows()
            )));
        }
        for column in row_group.columns() {
            let start = column
                .dictionary_page_offset()
                .unwrap_or_else(|| column.data_page_offset());
            let end = start.checked_add(column.compressed_size());
            let within = start >= 0
                && column.data_page_offset() >= 0
                && column.compressed_size() >= 0
                && end.is_some_and(|end| end as u64 <= size);
            if !within {
                return Err(ParquetError::General(format!(
                    "column `{}` of row group {at} lies outside the file, which is cut short or damaged",
                    column.column_path().string()
                )));
            }
        }
    }
    Ok(())
}

/// The schema with times of 96 bits in microseconds: the nanoseconds that are the default only reach the year 2262,
/// and writers of this old type do put 9999 for "never".
fn with_wide_int96(metadata: &ArrowReaderMetadata) -> Option<Schema> {
    let columns = metadata.parquet_schema().root_schema().get_fields();
    let is_int96 = |at: usize| columns[at].is_primitive() && columns[at].get_physical_type() == Type::INT96;
    let schema = metadata.schema();
    if !(0..columns.len()).any(is_int96) {
        return None;
    }
    let fields = schema.fields().iter().enumerate().map(|(at, field)| {
        if is_int96(at) && matches!(field.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, None)) {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
            Arc::new(Field::new(field.name(), micros, field.is_nullable()))
        } else {
            Arc::clone(field)
        }
    });
    Some(Schema::new(fields.collect::<Vec<_>>()))
}
