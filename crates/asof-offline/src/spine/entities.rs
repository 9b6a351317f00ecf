//! Spines of what a view's source knows: every entity at its own event times, or at the times of a grid.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema, SchemaRef};
use asof_model::definition::{FeatureView, Source};
use asof_model::{ScalarType, TimeSpan, Timestamp};
use datafusion::prelude::{Expr, col, ident};

use super::blocking;
use super::query::{keep, session};
use super::rows::Rows;
use super::scan::SourceScan;
use super::spool::Spool;
use crate::source::{PlaceProgram, TimeBounds};
use crate::{OfflineEngine, OfflineError};

/// The entities of a view, as a spine. Rows come in the order of time, then of the join keys.
#[derive(Debug, Clone)]
pub struct EntitySpine {
    /// The view.
    pub view: Arc<FeatureView>,
    /// Its source.
    pub source: Arc<Source>,
    /// The spine's columns for the view's join keys, in its order.
    pub columns: Vec<String>,
    /// The first time.
    pub from: Timestamp,
    /// The end, itself outside.
    pub to: Timestamp,
    /// `None`: each entity at each of its event times, once. With a span: every entity that has an event before the
    /// end, at `from`, `from + every` and so on.
    pub every: Option<TimeSpan>,
}

/// Rows of a batch of a grid.
const GRID_ROWS: usize = 8192;

/// Reads the entities and makes their rows, with the times in the column `as_of`.
pub(super) async fn make(
    spine: &EntitySpine,
    as_of: &str,
    engine: &OfflineEngine,
) -> Result<(SchemaRef, Rows, u128), OfflineError> {
    let table = Arc::new(engine.open(&spine.source).await?);
    let program = Arc::new(PlaceProgram::compile(&table.schema, &spine.view, &spine.source, None)?);
    let keys = spine.view.join_keys.iter().map(|key| key.name.as_str());
    let needed: Vec<&str> = keys.chain(program.event_column()).collect();
    table.check_columns(&program.columns().positions, &needed)?;
    let last = spine.to.micros().saturating_sub(1);
    let bounds = TimeBounds {
        first: if spine.every.is_some() {
            i64::MIN
        } else {
            spine.from.micros()
        },
        last,
    };
    let threads = engine.options.partitions;
    let context = session(engine, threads)?;
    let frame = context.read_table(Arc::new(SourceScan::places(table, program, bounds, threads)))?;
    let keys = spine.view.join_keys.iter().zip(&spine.columns);
    let keys: Vec<Expr> = keys
        .map(|(key, column)| ident(key.name.as_str()).alias(column))
        .collect();
    let by_key = || {
        spine
            .columns
            .iter()
            .map(|column| ident(column.as_str()).sort(true, false))
    };
    let Some(every) = spine.every else {
        let mut columns = keys;
        columns.push(col("event_time").alias(as_of));
        let mut order = vec![ident(as_of).sort(true, false)];
        order.extend(by_key());
        return keep(frame.select(columns)?.distinct()?.sort(order)?).await;
    };
    let entities = if keys.is_empty() {
        // One row describes everything.
        let one = RecordBatchOptions::new().with_row_count(Some(1));
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &one)?
    } else {
        let frame = frame.select(keys)?.distinct()?.sort(by_key().collect())?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        concat_batches(&schema, &frame.collect().await?)?
    };
    let (from, as_of) = (spine.from.micros(), as_of.to_owned());
    blocking(move || grid(&entities, &as_of, from..=last, every)).await
}

/// Every entity at every time.
fn grid(
    entities: &RecordBatch,
    as_of: &str,
    times: std::ops::RangeInclusive<i64>,
    every: TimeSpan,
) -> Result<(SchemaRef, Rows, u128), OfflineError> {
    let (from, last) = times.into_inner();
    let count = if from > last {
        0
    } else {
        last.abs_diff(from) / every.micros() as u64 + 1
    };
    let rows = count.saturating_mul(entities.num_rows() as u64);
    if rows >= u64::from(u32::MAX) {
        return Err(OfflineError::SpineTooLong { rows });
    }
    let mut fields: Vec<Field> = entities
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    fields.push(Field::new(as_of, ScalarType::Timestamp.arrow(), false));
    let schema = Arc::new(Schema::new(fields));
    let mut spool = Spool::new(Arc::clone(&schema));
    for step in 0..count {
        let time = from + (step as i64) * every.micros();
        for start in (0..entities.num_rows()).step_by(GRID_ROWS) {
            let part = entities.slice(start, GRID_ROWS.min(entities.num_rows() - start));
            let times = TimestampMicrosecondArray::from_value(time, part.num_rows()).with_timezone("UTC");
            let mut columns: Vec<ArrayRef> = part.columns().to_vec();
            columns.push(Arc::new(times));
            spool.push(RecordBatch::try_new(Arc::clone(&schema), columns)?)?;
        }
    }
    let (rows, hash) = spool.finish()?;
    Ok((schema, rows, hash))
}
