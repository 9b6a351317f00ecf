//! The output of the join: the spine's rows again, with the features gathered beside them.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::{Field, SchemaRef};
use datafusion::execution::memory_pool::MemoryReservation;
use futures::stream::{BoxStream, try_unfold};
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::bucket::Bucket;
use super::row_set::RowSet;
use super::values::{NO_ROW, ValueBatch};
use crate::OfflineError;
use crate::source::RowId;
use crate::spine::{OpenSpine, blocking};

/// What all chunks of a pass have in common.
pub(super) struct Output {
    pub(super) spine: OpenSpine,
    pub(super) schema: SchemaRef,
    pub(super) lookups: Vec<OutputLookup>,
    pub(super) batch_rows: usize,
    pub(super) threads: usize,
    /// The first row of the pass in the spine.
    pub(super) first_row: u64,
}

/// What a lookup adds to the output.
pub(super) struct OutputLookup {
    /// Its view's position among the buckets.
    pub(super) view: usize,
    /// The winner of each row of the pass.
    pub(super) winners: Arc<Vec<u64>>,
    /// Positions in the view's values, and the fields that they become.
    pub(super) outputs: Vec<(usize, Field)>,
}

/// The values of a range of rows, in memory.
pub(super) struct Chunk {
    /// The rows of the pass that it is for.
    pub(super) rows: Range<usize>,
    /// Of each view: where its values are, and the values.
    pub(super) views: Vec<(RowSet, Vec<ValueBatch>)>,
    _reservation: MemoryReservation,
}

impl Chunk {
    /// Brings the values of a range into memory.
    pub(super) async fn load(
        buckets: Vec<Bucket>,
        rows: Range<usize>,
        reservation: MemoryReservation,
    ) -> Result<Self, OfflineError> {
        blocking(move || {
            let views = buckets.into_iter().map(Bucket::finish);
            let views: Vec<(RowSet, Vec<ValueBatch>)> = views.collect::<Result<_, _>>()?;
            let segments = views.iter().flat_map(|(_, segments)| segments);
            reservation.grow(segments.map(ValueBatch::memory).sum());
            Ok(Self {
                rows,
                views,
                _reservation: reservation,
            })
        })
        .await
    }
}

impl Output {
    /// The rows of a chunk with their features, in the spine's order.
    pub(super) fn batches(
        self: Arc<Self>,
        chunk: Chunk,
    ) -> Result<BoxStream<'static, Result<RecordBatch, OfflineError>>, OfflineError> {
        let columns: Vec<usize> = (0..self.spine.schema.fields().len()).collect();
        let rows = self.first_row + chunk.rows.start as u64..self.first_row + chunk.rows.end as u64;
        let spine = self.spine.read(&columns, rows, self.batch_rows)?;
        let threads = self.threads;
        let spine = try_unfold((spine, chunk.rows.start), |(mut spine, first)| async move {
            let read = blocking(move || Ok((spine.next().transpose()?, spine))).await?;
            Ok(match read {
                (Some(batch), spine) => {
                    let next = first + batch.num_rows();
                    Some(((first, batch), (spine, next)))
                }
                (None, _) => None,
            })
        });
        let chunk = Arc::new(chunk);
        let batches = spine
            .map_ok(move |(first, batch)| {
                let (output, chunk) = (Arc::clone(&self), Arc::clone(&chunk));
                blocking(move || output.gather(&chunk, first, &batch)).boxed()
            })
            .try_buffered(threads);
        Ok(batches.boxed())
    }

    /// Some rows of the spine with their features. `first`: the first one's number in the pass.
    fn gather(&self, chunk: &Chunk, first: usize, spine: &RecordBatch) -> Result<RecordBatch, OfflineError> {
        let mut columns = spine.columns().to_vec();
        for lookup in &self.lookups {
            let winners = &lookup.winners[first..first + spine.num_rows()];
            columns.extend(columns_of(&chunk.views[lookup.view], winners, &lookup.outputs)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(spine.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &options,
        )?)
    }
}

/// The values of the rows with the ids `winners`, in their order; null for [`NO_ROW`].
pub(super) fn columns_of(
    (rows, segments): &(RowSet, Vec<ValueBatch>),
    winners: &[u64],
    outputs: &[(usize, Field)],
) -> Result<Vec<ArrayRef>, OfflineError> {
    // The first source of values is a null.
    let places: Vec<(usize, usize)> = winners
        .iter()
        .map(|winner| match *winner {
            NO_ROW => (0, 0),
            winner => {
                let (segment, row) = rows.find(RowId::from_bits(winner));
                (segment as usize + 1, row as usize)
            }
        })
        .collect();
    let columns = outputs.iter().map(|(at, field)| column(segments, *at, field, &places));
    columns.collect()
}

fn column(
    segments: &[ValueBatch],
    at: usize,
    field: &Field,
    places: &[(usize, usize)],
) -> Result<ArrayRef, OfflineError> {
    let null = new_null_array(field.data_type(), 1);
    if places.is_empty() {
        return Ok(null.slice(0, 0));
    }
    let mut sources: Vec<&dyn Array> = Vec::with_capacity(segments.len() + 1);
    sources.push(null.as_ref());
    sources.extend(segments.iter().map(|segment| segment.columns[at].as_ref()));
    Ok(interleave(&sources, places)?)
}
