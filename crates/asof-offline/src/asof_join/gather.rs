//! The values of given rows, in a given order, in batches.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::fetch::{Fetched, Wanted};
use super::output::{Chunk, columns_of};
use super::sizes::chunk_rows;
use super::values::{ValueBatch, ValueSource};
use crate::OfflineError;

/// The values of the rows with the ids `winners`, in their order: batches, each with its first row's position. All
/// values are read, if need be to temporary files, before the first batch comes.
///
/// # Errors
/// When the source cannot be read, a value cannot be computed, or there is no room for a temporary file.
pub(crate) async fn gather(
    source: Arc<dyn ValueSource>,
    winners: Vec<u64>,
    types: Vec<DataType>,
    context: &Arc<TaskContext>,
) -> Result<BoxStream<'static, Result<(usize, ValueBatch), OfflineError>>, OfflineError> {
    let count = winners.len();
    let wanted = Wanted {
        source,
        lookups: vec![Arc::new(winners)],
    };
    let chunk_rows = chunk_rows(count, std::iter::once(&wanted), context);
    let mut fetched = Arc::new(Fetched::new(count.div_ceil(chunk_rows), context));
    let threads = context.session_config().target_partitions();
    fetched.add(&wanted, chunk_rows, threads).await?;
    let batch_rows = context.session_config().batch_size().max(1);
    let outputs: Vec<(usize, Field)> = types
        .into_iter()
        .enumerate()
        .map(|(at, data_type)| (at, Field::new(at.to_string(), data_type, true)))
        .collect();
    let outputs = Arc::new(outputs);
    let winners = Arc::clone(&wanted.lookups[0]);
    let reservation = MemoryConsumer::new("AsofJoinExec values").register(context.memory_pool());
    let chunks = (0..count.div_ceil(chunk_rows)).map(move |chunk| (chunk, chunk * chunk_rows));
    let batches = futures::stream::iter(chunks)
        .then(move |(chunk, start)| {
            let rows = start..count.min(start + chunk_rows);
            Chunk::load(fetched.take(chunk), rows, reservation.new_empty())
        })
        .map_ok(move |chunk| {
            let (winners, outputs) = (Arc::clone(&winners), Arc::clone(&outputs));
            let firsts = chunk.rows.clone().step_by(batch_rows);
            let batches = firsts.map(move |first| {
                let rows = batch_rows.min(chunk.rows.end - first);
                let columns = columns_of(&chunk.views[0], &winners[first..first + rows], &outputs)?;
                Ok((first, ValueBatch { rows, columns }))
            });
            futures::stream::iter(batches)
        })
        .try_flatten();
    Ok(batches.boxed())
}
