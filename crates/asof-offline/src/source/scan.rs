//! The scan of a source: parts in, batches of keys, times and ids out.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt};

use super::part::open_part;
use super::program::PlaceProgram;
use super::prune::{self, TimeBounds};
use super::report::ScanReport;
use super::table::SourceTable;
use crate::OfflineError;
use crate::progress::{Progress, ProgressSink};
use crate::training_set::PartReport;

/// Parts whose bytes are asked for while another is decoded, per partition.
const PARTS_AHEAD: usize = 2;

/// What a scan reads, beside its program.
#[derive(Debug, Clone)]
pub(crate) struct ScanRequest {
    /// The event times that are worth reading.
    pub(crate) bounds: TimeBounds,
    /// The files that count, by their paths. `None`: all.
    pub(crate) files: Option<BTreeSet<String>>,
    /// How many parts are read at once.
    pub(crate) partitions: usize,
    /// The views that are read, for people.
    pub(crate) views: String,
    pub(crate) progress: Option<ProgressSink>,
}

/// Reads what tells the rows of a source apart: join keys, times, and where each row stands.
///
/// Each row of the output is a source row that passed the filters, has an event time within the bounds, and has no
/// null in its keys. Its columns, by position (see [`Scanned`](super::Scanned)): the join keys, event time, created
/// time, the row's id, then what an aggregated view computes from the row. Features are not read here but by
/// [`SourceRows`](super::SourceRows), when it is known which rows win.
///
/// Parts whose statistics say that they have no event time within the bounds are not read. The others are dealt out to
/// the partitions; which partition reads what has no effect on any value.
pub(crate) struct FeatureScanExec {
    table: Arc<SourceTable>,
    program: Arc<PlaceProgram>,
    request: ScanRequest,
    /// The parts of each partition.
    parts: Vec<Vec<u32>>,
    report: Arc<ScanReport>,
    properties: Arc<PlanProperties>,
}

impl FeatureScanExec {
    /// A scan of `table`.
    pub(crate) fn new(table: Arc<SourceTable>, program: Arc<PlaceProgram>, request: ScanRequest) -> Self {
        let report = ScanReport::new(&table);
        let mut parts = vec![Vec::new(); request.partitions.max(1)];
        let mut dealt = 0;
        // The newest rows are the likeliest winners: the fewer are beaten later, the less is written down.
        for (at, file) in table.files.iter().enumerate().rev() {
            let counts = request
                .files
                .as_ref()
                .is_none_or(|files| files.contains(&file.listed.path));
            if !counts || request.bounds.first > request.bounds.last {
                continue;
            }
            let may_have = program
                .event_column()
                .map(|column| prune::may_have(file, column, request.bounds));
            for part in table.parts_of(at).rev() {
                let row_group = table.parts[part as usize].row_group;
                if may_have.as_ref().is_some_and(|may_have| !may_have[row_group]) {
                    report.pruned_by_time();
                    continue;
                }
                let partition = dealt % parts.len();
                parts[partition].push(part);
                dealt += 1;
            }
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(program.output())),
            Partitioning::UnknownPartitioning(parts.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            table,
            program,
            request,
            parts,
            report: Arc::new(report),
            properties: Arc::new(properties),
        }
    }

    /// Where a part is, for reports.
    pub(crate) fn part(&self, part: u32) -> PartReport {
        let part = &self.table.parts[part as usize];
        PartReport {
            file: part.file as u32,
            row_group: part.row_group as u32,
            has_values: false,
        }
    }

    /// What is read, counted while it is.
    pub(crate) fn report(&self) -> &Arc<ScanReport> {
        &self.report
    }
}

impl fmt::Debug for FeatureScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as(DisplayFormatType::Default, f)
    }
}

impl DisplayAs for FeatureScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.program.columns().schema.fields().iter();
        let columns: Vec<&str> = columns.map(|field| field.name().as_str()).collect();
        write!(
            f,
            "FeatureScanExec: views=[{}], files={}, row_groups={} of {}, columns=[{}]",
            self.request.views,
            self.table.files.len(),
            self.parts.iter().map(Vec::len).sum::<usize>(),
            self.table.parts.len(),
            columns.join(", ")
        )
    }
}

impl ExecutionPlan for FeatureScanExec {
    fn name(&self) -> &'static str {
        "FeatureScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let reading = Arc::new(Reading {
            table: Arc::clone(&self.table),
            program: Arc::clone(&self.program),
            bounds: self.request.bounds,
            batch_size: context.session_config().batch_size(),
            views: self.request.views.clone(),
            progress: self.request.progress.clone(),
            report: Arc::clone(&self.report),
        });
        let parts = self.parts[partition].clone();
        let batches = futures::stream::iter(parts)
            .map(move |part| Arc::clone(&reading).read(part))
            .buffered(PARTS_AHEAD)
            .map_ok(futures::stream::iter)
            .try_flatten()
            .map_err(DataFusionError::from);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// What reading a part needs.
struct Reading {
    table: Arc<SourceTable>,
    program: Arc<PlaceProgram>,
    bounds: TimeBounds,
    batch_size: usize,
    views: String,
    progress: Option<ProgressSink>,
    report: Arc<ScanReport>,
}

impl Reading {
    /// Fetches a part; its batches are decoded as they are asked for.
    async fn read(
        self: Arc<Self>,
        part: u32,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, OfflineError>>, OfflineError> {
        let batches = open_part(&self.table, self.program.columns(), part, None, self.batch_size).await?;
        self.report.read(part, batches.bytes());
        let mut next_row = 0;
        Ok(batches.map(move |batch| {
            let batch = batch?;
            let first_row = next_row;
            next_row += batch.num_rows() as u32;
            if let Some(progress) = &self.progress {
                progress.report(Progress::Read {
                    view: self.views.clone(),
                    rows: batch.num_rows() as u64,
                });
            }
            self.program.apply(batch, part, first_row, self.bounds)
        }))
    }
}
