//! The key pass: which rows are the last of their entity.

use std::sync::Arc;

use asof_model::definition::ViewBody;
use asof_model::key::KeyCodec;
use datafusion::common::runtime::JoinSet;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;

use super::entrant::{Entrant, Rules};
use super::partitions::Partitions;
use super::row_set::RowSet;
use super::winners::Winners;
use crate::asof_join::Rule;
use crate::source::{FeatureScanExec, Scanned};
use crate::spine::blocking;
use crate::{OfflineEngine, OfflineError, RowsRequest};

/// The rows that are the last of their entity.
#[derive(Debug, Clone)]
pub struct LatestFound {
    /// The rows, one per entity.
    pub rows: RowSet,
    /// What finding them cost.
    pub report: LatestReport,
}

/// What was read to find the last row of every entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatestReport {
    /// How many files the source has.
    pub files: u64,
    /// How many row groups were read: those that had something to offer by what their files tell of them.
    pub row_groups: u64,
    /// How many rows' keys and times were read.
    pub rows: u64,
    /// How many bytes were read for it.
    pub bytes_read: u64,
    /// How many entities there are, and so rows that were found.
    pub winners: u64,
    /// How many bytes went to temporary files.
    pub spilled_bytes: u64,
}

impl OfflineEngine {
    /// Which rows [`Self::latest_rows`] would give, for a view whose rows are rows of its source. Only keys and times
    /// are read, and what filters need; the rows are read in full by a [`RowReader`](crate::RowReader).
    ///
    /// Memory is bounded by the engine's settings, however many entities there are: what does not fit goes to
    /// temporary files. Beside, a row that is found takes at most about two bytes.
    ///
    /// # Errors
    /// When the view is aggregated, the source cannot be read, an expression cannot be computed, or there is no room
    /// for a temporary file.
    pub async fn find_latest(&self, request: &RowsRequest) -> Result<LatestFound, OfflineError> {
        if let ViewBody::Windows(_) = request.view.body {
            return Err(OfflineError::NotSourceRows {
                view: request.view.name.clone(),
            });
        }
        let open = self.open_request(request).await?;
        let Rule::Rows(admission) = open.rule else {
            unreachable!("a view without windows answers with its rows");
        };
        let rules = Rules {
            codec: KeyCodec::new(open.program.keys()),
            admission,
            at: request.at,
            only: request.keys.clone(),
        };
        let context = self.context()?;
        let scan = open.scan(self, request.bounds(&open), request.files.as_ref());
        let report = Arc::clone(scan.report());
        let partitions = compete(scan, rules, &context).await?;
        let (parts, threads) = (open.table.parts.len(), self.options.partitions);
        let (partitions, winners) = blocking(move || {
            let winners = Winners::new(parts);
            partitions.finish(threads, &winners)?;
            Ok((partitions, winners))
        })
        .await?;
        let rows = RowSet::of(&open.table, winners.into_parts());
        let row_groups = report.parts_read().count() as u64;
        let counts = report.take();
        Ok(LatestFound {
            report: LatestReport {
                files: open.table.files.len() as u64,
                row_groups,
                rows: counts.rows_read,
                bytes_read: counts.bytes_read,
                winners: rows.len(),
                spilled_bytes: partitions.spilled(),
            },
            rows,
        })
    }
}

/// Reads all partitions of `scan`, and lets their rows compete.
async fn compete(
    scan: FeatureScanExec,
    rules: Rules,
    context: &Arc<TaskContext>,
) -> Result<Arc<Partitions>, DataFusionError> {
    let partitions = Arc::new(Partitions::new(rules.is_int(), context));
    let keys = rules.codec.fields().len();
    let entrant = Entrant::new(Arc::clone(&partitions), Arc::new(rules));
    let mut tasks: JoinSet<Result<(), DataFusionError>> = JoinSet::new();
    for partition in 0..scan.properties().partitioning.partition_count() {
        let mut rows = scan.execute(partition, Arc::clone(context))?;
        let mut entrant = entrant.clone();
        tasks.spawn(async move {
            while let Some(batch) = rows.next().await {
                entrant.take(&Scanned::new(&batch?, keys))?;
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
    }
    Ok(partitions)
}
