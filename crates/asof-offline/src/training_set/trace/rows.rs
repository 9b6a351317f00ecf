//! The rows of one entity, streamed past.

use asof_model::key::KeyCodec;
use asof_model::{RowOrder, ScalarType, Timestamp};
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt;

use super::TracedRow;
use crate::engine::OpenView;
use crate::source::{Scanned, TimeBounds};
use crate::{OfflineEngine, OfflineError};

/// All times.
pub(super) const ALWAYS: TimeBounds = TimeBounds {
    first: i64::MIN,
    last: i64::MAX,
};

/// The rows of one entity in a view's source.
pub(super) struct History<'a> {
    pub(super) engine: &'a OfflineEngine,
    pub(super) open: &'a OpenView,
    /// The types of the join keys.
    pub(super) keys: Vec<ScalarType>,
    /// The entity's encoded key.
    pub(super) key: &'a [u8],
}

impl History<'_> {
    /// Shows every row with an event time within the bounds to `visit`, in any order.
    pub(super) async fn visit(&self, bounds: TimeBounds, mut visit: impl FnMut(RowOrder)) -> Result<(), OfflineError> {
        let scan = self.open.scan(self.engine, bounds, None);
        let codec = KeyCodec::new(&self.keys);
        let context = self.engine.context()?;
        for partition in 0..scan.properties().partitioning.partition_count() {
            let mut batches = scan.execute(partition, context.clone())?;
            while let Some(batch) = batches.try_next().await? {
                let batch = Scanned::new(&batch, codec.fields().len());
                let keys = codec.encode(&batch.keys, batch.len())?;
                for (row, key) in keys.iter().enumerate() {
                    if key == Some(self.key) {
                        let id = batch.id(row);
                        let part = &self.open.table.parts[id.part() as usize];
                        visit(RowOrder {
                            event_time: Timestamp::from_micros(batch.event_times.value(row)),
                            created_time: batch.created_time(row).map(Timestamp::from_micros),
                            file: part.file as u32,
                            row: part.first_row + u64::from(id.row()),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Where a row is.
    pub(super) fn locate(&self, event: RowOrder) -> TracedRow {
        let table = &self.open.table;
        let file = event.file as usize;
        let mut parts = table.parts.iter().filter(|part| part.file == file);
        let part = parts.rfind(|part| part.first_row <= event.row);
        let part = part.expect("a row lies in a row group of its file");
        TracedRow {
            file: table.files[file].listed.path.clone(),
            row: event.row,
            row_group: part.row_group,
            row_in_group: event.row - part.first_row,
            event_time: event.event_time,
            created_time: event.created_time,
        }
    }
}

/// Keeps the lesser of two, if there are two.
pub(super) fn keep_first(kept: &mut Option<RowOrder>, event: RowOrder) {
    if kept.is_none_or(|kept| event < kept) {
        *kept = Some(event);
    }
}

/// Keeps the greater of two, if there are two.
pub(super) fn keep_last(kept: &mut Option<RowOrder>, event: RowOrder) {
    if kept.is_none_or(|kept| event > kept) {
        *kept = Some(event);
    }
}
