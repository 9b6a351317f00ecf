//! Parquet, written by several threads: each takes a column of the next rows, until none is left.
//!
//! ```text
//! pieces of 8192 rows -> blocks of 8 -> columns, each by one thread at a time -> row group, appended when complete
//! ```
//!
//! The bytes follow from the rows and the options alone, never from the threads.

use std::io::{Sink, Write};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::dictionary::{self, is_worth_it};
use super::options::ParquetOptions;
use super::pieces::Block;
use crate::parallel::in_parallel;

/// A Parquet file in the making.
pub(super) struct Encoder<W: Write + Send> {
    file: SerializedFileWriter<W>,
    schema: SchemaRef,
    options: ParquetOptions,
    threads: usize,
    group: Option<RowGroup>,
}

/// A row group in the making.
struct RowGroup {
    /// By column of the schema, the writers of its leaves.
    columns: Vec<Mutex<Vec<ArrowColumnWriter>>>,
}

impl<W: Write + Send> Encoder<W> {
    /// Begins a file. `threads` encode it; at least 1.
    pub(super) fn new(
        to: W,
        schema: SchemaRef,
        options: &ParquetOptions,
        metadata: Vec<KeyValue>,
        threads: usize,
    ) -> Result<Self> {
        let properties = properties(options).set_key_value_metadata(Some(metadata)).build();
        let writer = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties))?;
        Ok(Self {
            file: writer.into_serialized_writer()?.0,
            schema,
            options: *options,
            threads: threads.max(1),
            group: None,
        })
    }

    /// Encodes the pieces of a block.
    pub(super) fn encode(&mut self, block: &Block) -> Result<()> {
        let pieces = &block.pieces;
        let rows: usize = pieces.iter().map(RecordBatch::num_rows).sum();
        if rows > 0 {
            let group = match self.group.take() {
                Some(group) => group,
                None => self.begin(
                    pieces,
                    if block.ends_group {
                        rows
                    } else {
                        self.options.row_group_rows
                    },
                )?,
            };
            in_parallel(
                self.threads,
                (0..group.columns.len()).collect(),
                |column: usize| -> Result<()> {
                    let mut writers = group.columns[column].lock();
                    let field = self.schema.field(column);
                    for piece in pieces {
                        let leaves = compute_leaves(field, piece.column(column))?;
                        for (leaf, writer) in leaves.iter().zip(writers.iter_mut()) {
                            writer.write(leaf)?;
                        }
                    }
                    Ok(())
                },
            )?;
            self.group = Some(group);
        }
        if block.ends_group {
            self.end()?;
        }
        Ok(())
    }

    /// Begins a row group of about `rows` rows that begin with those in `pieces`.
    fn begin(&self, pieces: &[RecordBatch], rows: usize) -> Result<RowGroup> {
        let columns = self.schema.fields().len();
        let worth = in_parallel(self.threads, (0..columns).collect(), |column| -> Result<_> {
            Ok(is_worth_it(pieces, column, rows))
        })?;
        let leaves = self.file.schema_descr();
        let mut properties = properties(&self.options);
        for leaf in 0..leaves.num_columns() {
            let path: ColumnPath = leaves.column(leaf).path().clone();
            properties = match worth[leaves.get_column_root_idx(leaf)] {
                Some(true) => properties.set_column_dictionary_page_size_limit(path, dictionary::LARGEST),
                Some(false) => properties.set_column_dictionary_enabled(path, false),
                None => properties,
            };
        }
        // A factory has the properties of its file writer for good, and these are the row group's own.
        let root = self.file.schema_descr().root_schema_ptr();
        let own: SerializedFileWriter<Sink> =
            SerializedFileWriter::new(std::io::sink(), root, Arc::new(properties.build()))?;
        let factory = ArrowRowGroupWriterFactory::new(&own, Arc::clone(&self.schema));
        let mut by_column: Vec<Vec<ArrowColumnWriter>> = (0..columns).map(|_| Vec::new()).collect();
        let writers = factory.create_column_writers(self.file.flushed_row_groups().len())?;
        for (leaf, writer) in writers.into_iter().enumerate() {
            by_column[leaves.get_column_root_idx(leaf)].push(writer);
        }
        Ok(RowGroup {
            columns: by_column.into_iter().map(Mutex::new).collect(),
        })
    }

    /// Ends the row group, if there is one, and appends it to the file.
    fn end(&mut self) -> Result<()> {
        let Some(group) = self.group.take() else {
            return Ok(());
        };
        let columns = group.columns.into_iter().map(Mutex::into_inner).collect();
        let chunks = in_parallel(self.threads, columns, |writers: Vec<ArrowColumnWriter>| {
            let closed = writers.into_iter().map(ArrowColumnWriter::close);
            closed.collect::<Result<Vec<ArrowColumnChunk>>>()
        })?;
        let mut row_group = self.file.next_row_group()?;
        for chunk in chunks.into_iter().flatten() {
            chunk.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        Ok(())
    }

    /// Ends the file, after its last rows. What it was written to is given back.
    pub(super) fn finish(self) -> Result<W> {
        self.file.into_inner()
    }
}

/// What holds for all columns.
fn properties(options: &ParquetOptions) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by("asof".to_owned())
        .set_compression(options.compression.into())
        .set_max_row_group_row_count(Some(options.row_group_rows))
}

#[cfg(test)]
mod tests;
