//! The scan of one view's source: row groups in, batches of keys, times, places and values out.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
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
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;

use super::batch::batch_of;
use super::program::ViewProgram;
use super::prune::{self, TimeBounds};
use super::reader::ObjectReader;
use super::table::{SourceTable, adapt};
use crate::OfflineError;
use crate::progress::{Progress, ProgressSink};

/// One row group of one file.
#[derive(Debug, Clone, Copy)]
struct Unit {
    file: usize,
    row_group: usize,
    /// The number of its first row in the file.
    first_row: u64,
}

/// Reads the rows of a view's source.
///
/// Each row of the output is a source row that passed the filters, has an event time within the bounds, and has no
/// null in its keys. Its columns, by position (see [`Scanned`](super::Scanned)): the join keys, event time, created
/// time, the file's rank, the row's number in its file before any filter, then what the view computes from the row.
///
/// Row groups whose statistics say that they have no event time within the bounds are not read. The others are dealt
/// out to the partitions; which partition reads what has no effect on any value.
pub(crate) struct FeatureScanExec {
    table: Arc<SourceTable>,
    program: Arc<ViewProgram>,
    bounds: TimeBounds,
    units: Vec<Vec<Unit>>,
    progress: Option<ProgressSink>,
    properties: Arc<PlanProperties>,
}

impl FeatureScanExec {
    /// A scan of `table` in `partitions` parts; of the files whose paths are in `only`, if that is given.
    pub(crate) fn new(
        table: Arc<SourceTable>,
        program: Arc<ViewProgram>,
        bounds: TimeBounds,
        only: Option<&BTreeSet<String>>,
        partitions: usize,
        progress: Option<ProgressSink>,
    ) -> Self {
        let mut units = vec![Vec::new(); partitions.max(1)];
        let mut dealt = 0;
        for (rank, file) in table.files.iter().enumerate() {
            if bounds.first > bounds.last || only.is_some_and(|only| !only.contains(&file.listed.path)) {
                continue;
            }
            let may_have = program
                .event_column()
                .map(|column| prune::may_have(file, column, bounds));
            let mut first_row = 0;
            for (row_group, metadata) in file.metadata.metadata().row_groups().iter().enumerate() {
                if may_have.as_ref().is_none_or(|may_have| may_have[row_group]) {
                    let at = dealt % units.len();
                    units[at].push(Unit {
                        file: rank,
                        row_group,
                        first_row,
                    });
                    dealt += 1;
                }
                first_row += u64::try_from(metadata.num_rows()).unwrap_or_default();
            }
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(program.output())),
            Partitioning::UnknownPartitioning(units.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            table,
            program,
            bounds,
            units,
            progress,
            properties: Arc::new(properties),
        }
    }
}

impl fmt::Debug for FeatureScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as(DisplayFormatType::Default, f)
    }
}

impl DisplayAs for FeatureScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self
            .program
            .input()
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        write!(
            f,
            "FeatureScanExec: view={}, files={}, columns=[{}]",
            self.program.view(),
            self.table.files.len(),
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
        let reading = Reading {
            table: Arc::clone(&self.table),
            program: Arc::clone(&self.program),
            bounds: self.bounds,
            batch_size: context.session_config().batch_size(),
            progress: self.progress.clone(),
        };
        let units = self.units[partition].clone();
        let batches = futures::stream::iter(units)
            .then(move |unit| futures::future::ready(reading.read(unit)))
            .try_flatten()
            .map_err(DataFusionError::from);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// What reading a row group needs.
struct Reading {
    table: Arc<SourceTable>,
    program: Arc<ViewProgram>,
    bounds: TimeBounds,
    batch_size: usize,
    progress: Option<ProgressSink>,
}

impl Reading {
    fn read(&self, unit: Unit) -> Result<BoxStream<'static, Result<RecordBatch, OfflineError>>, OfflineError> {
        let file = &self.table.files[unit.file];
        let path = file.listed.path.clone();
        let unreadable = move |error| OfflineError::Parquet {
            file: path.clone(),
            error,
        };
        let wanted = self
            .program
            .columns()
            .iter()
            .filter(|at| **at < self.table.file_columns());
        let roots = wanted.filter_map(|at| file.column(self.table.schema.field(*at).name()));
        let reader = ObjectReader {
            store: Arc::clone(&self.table.store),
            meta: file.listed.meta.clone(),
        };
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, file.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let batches = builder
            .with_row_groups(vec![unit.row_group])
            .with_projection(mask)
            .with_batch_size(self.batch_size)
            .build()
            .map_err(&unreadable)?;
        let (table, program) = (Arc::clone(&self.table), Arc::clone(&self.program));
        let (bounds, progress) = (self.bounds, self.progress.clone());
        let rank = u32::try_from(unit.file).expect("a source has fewer than 2^32 files, or listing it would not end");
        let mut next_row = unit.first_row;
        let rows = batches.map_err(unreadable).map(move |batch| {
            let batch = input_batch(&table, &program, unit.file, &batch?)?;
            let first_row = next_row;
            next_row += batch.num_rows() as u64;
            if let Some(progress) = &progress {
                progress.report(Progress::Read {
                    view: program.view().to_string(),
                    rows: batch.num_rows() as u64,
                });
            }
            program.apply(batch, rank, first_row, bounds)
        });
        Ok(rows.boxed())
    }
}

/// Brings a batch of a file to the columns and types that the program reads.
fn input_batch(
    table: &SourceTable,
    program: &ViewProgram,
    file: usize,
    batch: &RecordBatch,
) -> Result<RecordBatch, OfflineError> {
    let open = &table.files[file].listed;
    let rows = batch.num_rows();
    let column = |at: &usize| {
        let field = table.schema.field(*at);
        if let Some(partition) = at.checked_sub(table.file_columns()) {
            let value = open.partitions[partition].1.as_deref();
            return Ok(table.partition_columns[partition].array(value, rows));
        }
        let Some(column) = batch.column_by_name(field.name()) else {
            return Ok(new_null_array(field.data_type(), rows));
        };
        adapt(column, field.data_type()).map_err(|error| OfflineError::Value {
            file: open.path.clone(),
            column: field.name().clone(),
            error: Box::new(error),
        })
    };
    let columns = program.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    batch_of(program.input(), columns, rows)
}
