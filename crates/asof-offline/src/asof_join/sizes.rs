//! How much is done at once, so that it fits the memory.

use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryLimit;

use super::contest::Contest;
use super::exec::JoinInput;
use super::fetch::Wanted;

/// Rows whose features are gathered at once, at most: enough that looking for them in the order of the source pays,
/// and few enough that their values fit a small memory.
const CHUNK_ROWS: usize = 1 << 20;

/// Rows per output batch, unless the settings ask for few.
const OUTPUT_ROWS: usize = 1 << 16;

/// A batch size below this says something about memory; above, larger batches only cost less.
const FEW_ROWS: usize = 1 << 12;

/// Rows per output batch.
pub(super) fn output_rows(context: &TaskContext) -> usize {
    let asked = context.session_config().batch_size().max(1);
    if asked < FEW_ROWS { asked } else { OUTPUT_ROWS }
}

/// The memory that the pool has in all.
fn memory(context: &TaskContext) -> usize {
    match context.memory_pool().memory_limit() {
        MemoryLimit::Finite(bytes) => bytes,
        _ => usize::MAX,
    }
}

/// Rows of the spine per pass: so many that their index fits the memory. It may take more than the pool has, because
/// while it stands nothing is gathered or encoded, for which the pool leaves room.
pub(super) fn pass_rows(inputs: &[JoinInput], context: &TaskContext) -> u64 {
    let lookups: usize = inputs.iter().map(|input| input.lookups.len()).sum();
    let most = inputs.iter().map(|input| input.lookups.len()).max().unwrap_or_default();
    // A key in a table, an entity, a time, an order, a slot; places while a scan goes on; a winner for good.
    let row = 64 + most * Contest::memory(1) + lookups * size_of::<u64>();
    let memory = memory(context);
    let fitting = memory.saturating_add(memory / 3 * 2) / row;
    // A pass of fewer rows than a batch would only read the sources more often.
    fitting.max(output_rows(context)) as u64
}

/// Rows per chunk, of `rows` in all: so many that their values take a third of the memory, and that to know of all
/// chunks which rows they want takes not more than another. A whole number of output batches.
pub(super) fn chunk_rows<'a>(rows: usize, wanted: impl Iterator<Item = &'a Wanted>, context: &TaskContext) -> usize {
    let (mut per_row, mut per_chunk) = (1, 1);
    for wanted in wanted {
        per_row += wanted.row_bytes();
        per_chunk += wanted.memory_per_chunk();
    }
    let fitting = (memory(context) / 3 / per_row).min(CHUNK_ROWS);
    let most_chunks = (memory(context) / 3 / per_chunk).max(1);
    let chunk = fitting.max(rows.div_ceil(most_chunks)).max(1);
    chunk.next_multiple_of(output_rows(context))
}
