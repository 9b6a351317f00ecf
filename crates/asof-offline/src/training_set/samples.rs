//! A look at the keys of a source, for hints about why nothing matches.

use arrow::array::ArrayRef;
use arrow::compute::concat;
use asof_model::retrieval::Lookup;
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt;

use crate::source::{Scanned, TimeBounds};
use crate::{OfflineEngine, OfflineError};

impl OfflineEngine {
    /// The join keys of the first rows of a view's source, about `most` of them: one column per join key.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub async fn sample_keys(&self, lookup: &Lookup, most: usize) -> Result<Vec<ArrayRef>, OfflineError> {
        let table = std::sync::Arc::new(self.open(&lookup.source).await?);
        let open = self.open_view(table, &lookup.view, &lookup.source, &lookup.features, None)?;
        let always = TimeBounds {
            first: i64::MIN,
            last: i64::MAX,
        };
        let scan = open.scan(self, always, None);
        let keys = lookup.view.join_keys.len();
        let mut rows = 0;
        let mut columns: Vec<Vec<ArrayRef>> = vec![Vec::new(); keys];
        for partition in 0..scan.properties().partitioning.partition_count() {
            let mut batches = scan.execute(partition, self.context()?)?;
            while rows < most
                && let Some(batch) = batches.try_next().await?
            {
                let batch = Scanned::new(&batch, keys);
                rows += batch.len();
                for (column, part) in columns.iter_mut().zip(batch.keys) {
                    column.push(part);
                }
            }
        }
        let join = |parts: Vec<ArrayRef>| -> Result<ArrayRef, OfflineError> {
            let parts: Vec<&dyn arrow::array::Array> = parts.iter().map(AsRef::as_ref).collect();
            Ok(concat(&parts)?)
        };
        columns
            .into_iter()
            .filter(|parts| !parts.is_empty())
            .map(join)
            .collect()
    }
}
