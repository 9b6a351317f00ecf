//! What a join found: for each slot a row of values, or nothing; and the gathering of it into columns.

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::interleave;
use arrow::error::ArrowError;
use asof_model::StoredOrder;

/// Rows per chunk after compaction: small enough that texts of one chunk stay far below 2 GiB.
const CHUNK_ROWS: usize = 1 << 16;

/// A row among the chunks of a [`Values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowRef {
    pub(crate) chunk: u32,
    pub(crate) row: u32,
}

/// Rows of values, in chunks of columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    chunks: Vec<Vec<ArrayRef>>,
    rows: usize,
}

impl Values {
    /// How many rows are kept.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of the next chunk.
    pub(crate) fn next_chunk(&self) -> u32 {
        self.chunks.len() as u32
    }

    pub(crate) fn push(&mut self, columns: Vec<ArrayRef>, rows: usize) {
        self.chunks.push(columns);
        self.rows += rows;
    }

    /// Adds the chunks of `other` behind these, and returns the number that the first of them has here.
    pub(crate) fn append(&mut self, other: Self) -> u32 {
        let base = self.next_chunk();
        self.chunks.extend(other.chunks);
        self.rows += other.rows;
        base
    }

    /// One column of the rows referred to, nulls where there is none.
    pub(crate) fn column(
        &self,
        column: usize,
        empty: &dyn Array,
        rows: &[Option<RowRef>],
    ) -> Result<ArrayRef, ArrowError> {
        if rows.is_empty() {
            return Ok(empty.slice(0, 0));
        }
        let mut sources: Vec<&dyn Array> = Vec::with_capacity(self.chunks.len() + 1);
        sources.push(empty);
        sources.extend(self.chunks.iter().map(|chunk| chunk[column].as_ref()));
        let places: Vec<(usize, usize)> = rows
            .iter()
            .map(|row| row.map_or((0, 0), |row| (row.chunk as usize + 1, row.row as usize)))
            .collect();
        interleave(&sources, &places)
    }

    /// Keeps only the rows referred to, and lets each reference follow its row.
    pub(crate) fn compact<'a>(&mut self, refs: impl Iterator<Item = &'a mut RowRef>) -> Result<(), ArrowError> {
        let mut refs: Vec<&mut RowRef> = refs.collect();
        let mut compacted = Self::default();
        let types: Vec<ArrayRef> = (self.chunks.first().into_iter().flatten())
            .map(|column| new_null_array(column.data_type(), 1))
            .collect();
        for part in refs.chunks_mut(CHUNK_ROWS) {
            let rows: Vec<Option<RowRef>> = part.iter().map(|row| Some(**row)).collect();
            let columns = (types.iter().enumerate())
                .map(|(column, empty)| self.column(column, empty.as_ref(), &rows))
                .collect::<Result<Vec<_>, _>>()?;
            for (at, row) in part.iter_mut().enumerate() {
                **row = RowRef {
                    chunk: compacted.next_chunk(),
                    row: at as u32,
                };
            }
            compacted.push(columns, rows.len());
        }
        *self = compacted;
        Ok(())
    }
}

/// The row that answers a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) row: RowRef,
    pub(crate) order: StoredOrder,
}

/// What was found for every slot.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) values: Values,
    pub(crate) found: Vec<Option<Found>>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn references_follow_their_rows_through_compaction() -> Result<(), ArrowError> {
        let mut values = Values::default();
        for chunk in [vec![1, 2, 3], vec![4], vec![5, 6]] {
            let rows = chunk.len();
            values.push(vec![Arc::new(Int64Array::from(chunk))], rows);
        }
        let at = |chunk, row| RowRef { chunk, row };
        let mut kept = [at(2, 1), at(0, 0), at(1, 0)];
        values.compact(kept.iter_mut())?;
        let rows = [None, Some(kept[2]), Some(kept[0]), Some(kept[1])];
        let column = values.column(0, &Int64Array::new_null(1), &rows)?;
        let expected: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(4), Some(6), Some(1)]));
        assert_eq!(&column, &expected);
        assert_eq!(values.rows(), 3);
        Ok(())
    }
}
