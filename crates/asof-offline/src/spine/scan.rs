//! The rows of a source, as a table for DataFusion.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, TryStreamExt};

use crate::OfflineError;
use crate::source::{Columns, PlaceProgram, SourceTable, TimeBounds, open_part};

/// What of a source's rows is wanted.
#[derive(Debug, Clone)]
enum Wanted {
    /// The columns.
    Columns,
    /// The join keys and event times of a view's rows within bounds.
    Places(Arc<PlaceProgram>, TimeBounds),
}

/// Rows of a source in their order, all in one partition. Only the columns that a query needs are read.
#[derive(Debug, Clone)]
pub(super) struct SourceScan {
    table: Arc<SourceTable>,
    wanted: Wanted,
    schema: SchemaRef,
    /// How many row groups are decoded at once.
    threads: usize,
}

impl SourceScan {
    /// The source's rows, in the columns that expressions see.
    pub(super) fn columns(table: Arc<SourceTable>, threads: usize) -> Self {
        Self {
            schema: Arc::clone(&table.schema),
            wanted: Wanted::Columns,
            table,
            threads,
        }
    }

    /// The join keys and event times of a view's rows: those that pass the filters and have no null there.
    pub(super) fn places(
        table: Arc<SourceTable>,
        program: Arc<PlaceProgram>,
        bounds: TimeBounds,
        threads: usize,
    ) -> Self {
        let fields = program.output().fields()[..=program.keys().len()].to_vec();
        Self {
            schema: Arc::new(Schema::new(fields)),
            wanted: Wanted::Places(program, bounds),
            table,
            threads,
        }
    }
}

#[async_trait]
impl TableProvider for SourceScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let every = || (0..self.schema.fields().len()).collect();
        let projection = projection.cloned().unwrap_or_else(every);
        let schema = Arc::new(self.schema.project(&projection)?);
        let rows = Arc::new(ScanStream {
            scan: self.clone(),
            projection,
            schema: Arc::clone(&schema),
        });
        let exec = StreamingTableExec::try_new(schema, vec![rows], None, None, false, limit)?;
        Ok(Arc::new(exec))
    }
}

/// Some columns of a scan.
struct ScanStream {
    scan: SourceScan,
    projection: Vec<usize>,
    schema: SchemaRef,
}

impl fmt::Debug for ScanStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceScan of {} files", self.scan.table.files.len())
    }
}

impl PartitionStream for ScanStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batch_rows = context.session_config().batch_size();
        let parts = 0..self.scan.table.parts.len() as u32;
        let part = {
            let (scan, projection) = (self.scan.clone(), self.projection.clone());
            move |part| read_part(scan.clone(), projection.clone(), part, batch_rows)
        };
        let batches = futures::stream::iter(parts)
            .map(move |number| tokio::spawn(part(number)))
            .buffered(self.scan.threads.max(1))
            .map(|read| {
                read.map_err(|error| DataFusionError::External(Box::new(error)))?
                    .map_err(DataFusionError::from)
            })
            .map_ok(|batches| futures::stream::iter(batches).map(Ok))
            .try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// The rows of a row group.
async fn read_part(
    scan: SourceScan,
    projection: Vec<usize>,
    part: u32,
    batch_rows: usize,
) -> std::result::Result<Vec<RecordBatch>, OfflineError> {
    match &scan.wanted {
        Wanted::Columns => {
            let mut positions = projection.clone();
            positions.sort_unstable();
            positions.dedup();
            let columns = Columns {
                schema: Arc::new(scan.schema.project(&positions)?),
                positions,
            };
            let order: Vec<usize> = (projection.iter())
                .map(|at| columns.positions.partition_point(|known| known < at))
                .collect();
            let batches = open_part(&scan.table, &columns, part, None, batch_rows).await?;
            batches.map(|batch| Ok(batch?.project(&order)?)).collect()
        }
        Wanted::Places(program, bounds) => {
            let batches = open_part(&scan.table, program.columns(), part, None, batch_rows).await?;
            let mut first_row = 0;
            let places = batches.map(|batch| {
                let batch = batch?;
                let rows = batch.num_rows() as u32;
                let placed = program.apply(batch, part, first_row, *bounds)?;
                first_row += rows;
                Ok(placed.project(&projection)?)
            });
            places.collect()
        }
    }
}
