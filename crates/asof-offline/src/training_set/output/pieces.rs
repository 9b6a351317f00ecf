//! Rows in blocks of pieces, cut at the same rows whatever batches they come in, so that what is made of them follows
//! from them alone.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::OfflineError;

/// Rows of a piece; the last of a row group or file has the rest.
const PIECE_ROWS: usize = 8192;

/// Pieces of a block.
const BLOCK_PIECES: usize = 8;

/// Some pieces that follow each other in one row group.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) pieces: Vec<RecordBatch>,
    /// No more rows come for the row group.
    pub(super) ends_group: bool,
    /// No more rows come for the file.
    pub(super) ends_file: bool,
    /// No more rows come at all.
    pub(super) is_last: bool,
}

/// Cuts a stream of rows into blocks. Rows are copied only where a piece has rows of several batches.
pub(super) struct Blocks {
    batches: BoxStream<'static, Result<RecordBatch, OfflineError>>,
    partial: BatchCoalescer,
    whole: VecDeque<Piece>,
    group_rows: u64,
    file_rows: u64,
    left_in_group: u64,
    left_in_file: u64,
}

struct Piece {
    rows: RecordBatch,
    ends_group: bool,
    ends_file: bool,
}

impl Blocks {
    /// Blocks of row groups of `group_rows` rows and files of `file_rows`; both at least 1.
    pub(super) fn new(
        batches: BoxStream<'static, Result<RecordBatch, OfflineError>>,
        schema: &SchemaRef,
        group_rows: u64,
        file_rows: u64,
    ) -> Self {
        Self {
            batches,
            partial: BatchCoalescer::new(Arc::clone(schema), PIECE_ROWS),
            whole: VecDeque::new(),
            group_rows,
            file_rows,
            left_in_group: group_rows.min(file_rows),
            left_in_file: file_rows,
        }
    }

    /// The next block. After the last, which may have no rows, there is none.
    pub(super) async fn next(&mut self) -> Result<Block, OfflineError> {
        let mut block = Block::default();
        loop {
            while let Some(piece) = self.whole.pop_front() {
                block.pieces.push(piece.rows);
                (block.ends_group, block.ends_file) = (piece.ends_group, piece.ends_file);
                if piece.ends_group || block.pieces.len() == BLOCK_PIECES {
                    return Ok(block);
                }
            }
            if block.is_last {
                (block.ends_group, block.ends_file) = (true, true);
                return Ok(block);
            }
            if let Some(batch) = self.batches.next().await {
                self.push(&batch?)?;
            } else {
                self.cut()?;
                block.is_last = true;
            }
        }
    }

    fn push(&mut self, batch: &RecordBatch) -> Result<(), OfflineError> {
        let mut at = 0;
        while at < batch.num_rows() {
            let buffered = self.partial.get_buffered_rows();
            // A piece ends where its row group does.
            let wanted = self.left_in_group.min(PIECE_ROWS as u64) as usize;
            let rows = (wanted - buffered).min(batch.num_rows() - at);
            let part = batch.slice(at, rows);
            if rows == wanted {
                self.take(part);
            } else {
                self.partial.push_batch(part)?;
                if buffered + rows == wanted {
                    self.cut()?;
                }
            }
            at += rows;
        }
        Ok(())
    }

    /// Makes a piece of the rows that wait for more.
    fn cut(&mut self) -> Result<(), OfflineError> {
        self.partial.finish_buffered_batch()?;
        while let Some(rows) = self.partial.next_completed_batch() {
            self.take(rows);
        }
        Ok(())
    }

    fn take(&mut self, rows: RecordBatch) {
        self.left_in_group -= rows.num_rows() as u64;
        self.left_in_file -= rows.num_rows() as u64;
        let (ends_group, ends_file) = (self.left_in_group == 0, self.left_in_file == 0);
        if ends_file {
            self.left_in_file = self.file_rows;
        }
        if ends_group {
            self.left_in_group = self.group_rows.min(self.left_in_file);
        }
        self.whole.push_back(Piece {
            rows,
            ends_group,
            ends_file,
        });
    }
}

#[cfg(test)]
mod tests;
