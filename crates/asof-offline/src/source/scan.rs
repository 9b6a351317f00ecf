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

use super::part::{PartBatches, Runs, open_part};
use super::program::PlaceProgram;
use super::prune::{KeyProbe, PartRows, Pruner, TimeBounds, Verdict, Wanted};
use super::report::ScanReport;
use super::table::SourceTable;
use crate::OfflineError;
use crate::progress::{Progress, ProgressSink};
use crate::training_set::PartReport;

/// Parts whose bytes are asked for while another is decoded, per partition.
pub(crate) const PARTS_AHEAD: usize = 2;

/// What a scan reads, beside its program.
#[derive(Debug, Clone)]
pub(crate) struct ScanRequest {
    /// The event times that are worth reading.
    pub(crate) bounds: TimeBounds,
    /// The last created time that is worth reading; see [`Wanted`].
    pub(crate) created_until: Option<i64>,
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
/// Parts and pages that have nothing to offer, by what their files tell of them (see [`Pruner`]), are not read. The
/// other parts are dealt out to the partitions; which partition reads what has no effect on any value.
pub(crate) struct FeatureScanExec {
    table: Arc<SourceTable>,
    program: Arc<PlaceProgram>,
    request: ScanRequest,
    pruner: Arc<Pruner>,
    /// The parts of each partition.
    parts: Vec<Vec<u32>>,
    report: Arc<ScanReport>,
    properties: Arc<PlanProperties>,
}

impl FeatureScanExec {
    /// A scan of `table`.
    pub(crate) fn new(table: Arc<SourceTable>, program: Arc<PlaceProgram>, request: ScanRequest) -> Self {
        Self::of_keys(table, program, request, Vec::new())
    }

    /// The source's columns that hold the join keys.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = &str> {
        self.program.key_columns()
    }

    /// The same scan, of rows with some keys only; its report starts anew.
    pub(crate) fn for_keys(&self, keys: Vec<KeyProbe>) -> Self {
        Self::of_keys(
            Arc::clone(&self.table),
            Arc::clone(&self.program),
            self.request.clone(),
            keys,
        )
    }

    fn of_keys(table: Arc<SourceTable>, program: Arc<PlaceProgram>, request: ScanRequest, keys: Vec<KeyProbe>) -> Self {
        let report = ScanReport::new(&table);
        let wanted = Wanted {
            bounds: request.bounds,
            created_until: request.created_until,
            keys,
        };
        let pruner = Pruner::new(&table, program.event_column(), program.created_column(), wanted);
        let mut parts = vec![Vec::new(); request.partitions.max(1)];
        let mut dealt = 0;
        // The newest rows are the likeliest winners: the fewer are beaten later, the less is written down.
        for (at, file) in table.files.iter().enumerate().rev() {
            let counts = request
                .files
                .as_ref()
                .is_none_or(|files| files.contains(&file.listed.path));
            if !counts {
                continue;
            }
            for part in table.parts_of(at).rev() {
                match pruner.verdict(part) {
                    Verdict::Read => {}
                    Verdict::NotItsTime => {
                        report.pruned_by_time();
                        continue;
                    }
                    Verdict::NotItsKeys => {
                        report.pruned_by_key();
                        continue;
                    }
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
            pruner: Arc::new(pruner),
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
        if partition == 0
            && let Some(progress) = &self.request.progress
        {
            let parts = self.parts.iter().flatten();
            progress.report(Progress::Opened {
                view: self.request.views.clone(),
                files: self.table.files.len() as u64,
                rows: parts.map(|part| u64::from(self.table.parts[*part as usize].rows)).sum(),
            });
        }
        let reading = Arc::new(Reading {
            table: Arc::clone(&self.table),
            program: Arc::clone(&self.program),
            bounds: self.request.bounds,
            pruner: Arc::clone(&self.pruner),
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
    pruner: Arc<Pruner>,
    batch_size: usize,
    views: String,
    progress: Option<ProgressSink>,
    report: Arc<ScanReport>,
}

impl Reading {
    /// Fetches a part; its batches are decoded as they are asked for.
    async fn read(self: Arc<Self>, part: u32) -> Result<PartRead, OfflineError> {
        let narrowed = self.pruner.narrow(part).await?;
        self.report.narrowed(&narrowed);
        let selection = match narrowed.rows {
            PartRows::None | PartRows::Filtered => {
                self.report_progress(u64::from(self.table.parts[part as usize].rows), 0);
                return Ok(PartRead {
                    reading: self,
                    part,
                    batches: None,
                });
            }
            PartRows::All => None,
            PartRows::Some(selection) => Some(selection),
        };
        let rows = self.table.parts[part as usize].rows;
        let runs = Runs::new(selection.as_ref(), rows);
        self.report.read(part, runs.rows());
        self.report_progress(u64::from(rows).saturating_sub(runs.rows()), 0);
        let batches = open_part(&self.table, self.program.columns(), part, selection, self.batch_size).await?;
        Ok(PartRead {
            reading: self,
            part,
            batches: Some((batches, runs)),
        })
    }

    fn report_progress(&self, rows: u64, bytes: u64) {
        if let Some(progress) = &self.progress {
            progress.report(Progress::Read {
                view: self.views.clone(),
                rows,
                bytes,
            });
        }
    }
}

/// A part that is being read.
struct PartRead {
    reading: Arc<Reading>,
    part: u32,
    /// What is still to be decoded, and which rows it is.
    batches: Option<(PartBatches, Runs)>,
}

impl Iterator for PartRead {
    type Item = Result<RecordBatch, OfflineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reading = &self.reading;
        loop {
            let (batches, runs) = self.batches.as_mut()?;
            if let Some((first_row, rows)) = runs.next_piece() {
                return Some(reading.program.apply(rows, self.part, first_row, reading.bounds));
            }
            match batches.next() {
                Some(Ok(batch)) => {
                    reading.report_progress(batch.num_rows() as u64, 0);
                    runs.push(batch);
                }
                Some(Err(error)) => {
                    self.batches = None;
                    return Some(Err(error));
                }
                None => {
                    reading.report.bytes(batches.bytes());
                    reading.report_progress(0, batches.bytes());
                    self.batches = None;
                }
            }
        }
    }
}
