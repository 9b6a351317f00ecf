//! Rows that cannot be read again, kept in memory when they are few, else in a file that has no name.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use xxhash_rust::xxh3::Xxh3;

use super::file::LocalFile;
use super::rows::{ParquetFile, Rows};
use crate::OfflineError;

/// Rows of a piece. Fixed, so that the bytes of a spool, and their hash, follow from the rows alone.
const PIECE_ROWS: usize = 8192;

/// Rows of a row group: reading from a row in the middle starts at one.
const GROUP_ROWS: usize = 16 * PIECE_ROWS;

/// Bytes of rows that stay in memory.
const IN_MEMORY: usize = 8 << 20;

/// Takes the rows of a spine one batch after the other.
pub(super) struct Spool {
    schema: SchemaRef,
    pieces: BatchCoalescer,
    memory: Vec<RecordBatch>,
    bytes: usize,
    writer: Option<ArrowWriter<Hashing<File>>>,
}

impl Spool {
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self {
            pieces: BatchCoalescer::new(Arc::clone(&schema), PIECE_ROWS),
            schema,
            memory: Vec::new(),
            bytes: 0,
            writer: None,
        }
    }

    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<(), OfflineError> {
        self.pieces.push_batch(batch)?;
        self.take()
    }

    fn take(&mut self) -> Result<(), OfflineError> {
        while let Some(piece) = self.pieces.next_completed_batch() {
            if let Some(writer) = &mut self.writer {
                writer.write(&piece).map_err(unwritable)?;
                continue;
            }
            self.bytes += piece.get_array_memory_size();
            self.memory.push(piece);
            if self.bytes > IN_MEMORY {
                let file = tempfile::tempfile().map_err(|error| OfflineError::Spool { error })?;
                let mut writer = writer(Hashing::new(file), &self.schema).map_err(unwritable)?;
                for piece in self.memory.drain(..) {
                    writer.write(&piece).map_err(unwritable)?;
                }
                self.writer = Some(writer);
            }
        }
        Ok(())
    }

    /// The rows, and a hash of them.
    pub(super) fn finish(mut self) -> Result<(Rows, u128), OfflineError> {
        self.pieces.finish_buffered_batch()?;
        self.take()?;
        let Some(writer) = self.writer else {
            let hash = hash(&self.schema, &self.memory)?;
            return Ok((Rows::Memory(self.memory.into()), hash));
        };
        let Hashing { to, hash } = writer.into_inner().map_err(unwritable)?;
        let file = LocalFile::of(to, "a temporary file".to_owned())?;
        Ok((Rows::Files(vec![ParquetFile::open(file)?].into()), hash.digest128()))
    }
}

/// Hashes rows as the file that they would be spooled to.
pub(super) fn hash(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<u128, OfflineError> {
    let mut writer = writer(Hashing::new(std::io::sink()), schema).map_err(unwritable)?;
    let mut pieces = BatchCoalescer::new(Arc::clone(schema), PIECE_ROWS);
    for batch in batches {
        pieces.push_batch(batch.clone())?;
        while let Some(piece) = pieces.next_completed_batch() {
            writer.write(&piece).map_err(unwritable)?;
        }
    }
    pieces.finish_buffered_batch()?;
    while let Some(piece) = pieces.next_completed_batch() {
        writer.write(&piece).map_err(unwritable)?;
    }
    Ok(writer.into_inner().map_err(unwritable)?.hash.digest128())
}

/// What is written here is read once or twice and thrown away.
fn writer<W: Write + Send>(to: W, schema: &SchemaRef) -> Result<ArrowWriter<W>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by("asof".to_owned())
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    ArrowWriter::try_new(to, Arc::clone(schema), Some(properties))
}

fn unwritable(error: ParquetError) -> OfflineError {
    match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(error) => OfflineError::Spool { error: *error },
            Err(error) => OfflineError::Parquet {
                file: "the spine".to_owned(),
                error: ParquetError::External(error),
            },
        },
        error => OfflineError::Parquet {
            file: "the spine".to_owned(),
            error,
        },
    }
}

/// Passes bytes on and hashes them.
struct Hashing<W> {
    to: W,
    hash: Xxh3,
}

impl<W> Hashing<W> {
    fn new(to: W) -> Self {
        Self { to, hash: Xxh3::new() }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}
