//! What a view reads of its source: filters, times, keys and values, bound to the columns they need.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, TimestampMicrosecondArray, UInt64Array, new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{and, filter, filter_record_batch, is_not_null};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use asof_model::definition::{FeatureView, Source, TimeColumn, ViewBody};
use asof_model::{ScalarType, ValueType, ViewName};
use asof_transform::{AggregateProgram, Condition, RowProgram, column_expression};

use super::RowId;
use super::batch::batch_of;
use super::part::Columns;
use super::prune::TimeBounds;
use crate::OfflineError;

/// What a scan computes from every row: filters, event time, join keys, created time, and for an aggregated view the
/// arguments of its aggregate functions.
///
/// Views of one source that say the same about these are read in one scan.
#[derive(Debug)]
pub(crate) struct PlaceProgram {
    texts: PlaceTexts,
    columns: Columns,
    output: SchemaRef,
    /// The column of event times, when it is one.
    event_column: Option<String>,
    /// The column of created times, when it is one.
    created_column: Option<String>,
    conditions: Vec<Condition>,
    /// Event time, join keys, then created time if the source has one.
    places: RowProgram,
    keys: Vec<ScalarType>,
    inputs: Option<Arc<AggregateProgram>>,
    /// The view that it was made for, for errors.
    view: ViewName,
}

/// The expressions of a scan, as texts with the types they must have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PlaceTexts {
    conditions: Vec<String>,
    places: Vec<(String, String, ValueType)>,
}

impl PlaceProgram {
    /// Compiles what tells the rows of `view` apart. `aggregate`: what its aggregate functions read.
    ///
    /// # Errors
    /// When an expression does not fit the source's columns.
    pub(crate) fn compile(
        schema: &Schema,
        view: &FeatureView,
        source: &Source,
        aggregate: Option<Arc<AggregateProgram>>,
    ) -> Result<Self, OfflineError> {
        let texts = PlaceTexts::of(view, source);
        let refused = |error| OfflineError::expression(&view.name, error);
        let conditions = texts.conditions.iter().map(|sql| Condition::compile(schema, sql));
        let conditions: Vec<Condition> = conditions.collect::<Result<_, _>>().map_err(refused)?;
        let places = RowProgram::compile(schema, &texts.places).map_err(refused)?;
        let mut read: BTreeSet<&String> = conditions.iter().flat_map(Condition::columns).collect();
        read.extend(places.columns());
        read.extend(aggregate.iter().flat_map(|aggregate| aggregate.columns()));
        let columns = Columns::named(schema, &read)?;
        let mut fields: Vec<Field> = Vec::new();
        for key in &view.join_keys {
            fields.push(Field::new(key.name.as_str(), key.key_type.arrow(), false));
        }
        fields.push(Field::new("event_time", ScalarType::Timestamp.arrow(), false));
        fields.push(Field::new("created_time", ScalarType::Timestamp.arrow(), true));
        fields.push(Field::new("row", DataType::UInt64, false));
        if let Some(aggregate) = &aggregate {
            let inputs = aggregate.input_schema().fields().iter();
            fields.extend(inputs.map(|field| field.as_ref().clone()));
        }
        Ok(Self {
            texts,
            columns,
            output: Arc::new(Schema::new(fields)),
            event_column: match &source.event_time {
                TimeColumn::Column(name) => Some(name.clone()),
                TimeColumn::Expression(_) => None,
            },
            created_column: match &source.created_time {
                Some(TimeColumn::Column(name)) => Some(name.clone()),
                _ => None,
            },
            conditions,
            places,
            keys: view.join_keys.iter().map(|key| key.key_type).collect(),
            inputs: aggregate,
            view: view.name.clone(),
        })
    }

    /// Whether a scan with one program gives what a scan with the other gives, for views without aggregations.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.inputs.is_none() && other.inputs.is_none() && self.texts == other.texts
    }

    /// The view that it was made for.
    pub(crate) fn view(&self) -> &ViewName {
        &self.view
    }

    /// What is read.
    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The types of the join keys.
    pub(crate) fn keys(&self) -> &[ScalarType] {
        &self.keys
    }

    /// The column of event times, when it is one and not an expression.
    pub(crate) fn event_column(&self) -> Option<&str> {
        self.event_column.as_deref()
    }

    /// The column of created times, when it is one and not an expression.
    pub(crate) fn created_column(&self) -> Option<&str> {
        self.created_column.as_deref()
    }

    /// The names of the join keys: the source's columns that hold them.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = &str> {
        let fields = self.output.fields().iter().take(self.keys.len());
        fields.map(|field| field.name().as_str())
    }

    /// The schema of what [`Self::apply`] returns.
    pub(crate) fn output(&self) -> &SchemaRef {
        &self.output
    }

    /// Filters a batch of the columns read, and computes what a [`Scanned`](super::Scanned) has. The batch's rows are
    /// consecutive rows of the part `part`, from `first_row` on.
    ///
    /// Values are computed only for rows that pass: a row that is filtered out cannot make an expression fail.
    pub(crate) fn apply(
        &self,
        batch: RecordBatch,
        part: u32,
        first_row: u32,
        bounds: TimeBounds,
    ) -> Result<RecordBatch, OfflineError> {
        let failed = |error| OfflineError::evaluation(&self.view, error);
        let first = RowId::new(part, first_row).bits();
        let mut rows: ArrayRef = Arc::new(UInt64Array::from_iter_values(first..first + batch.num_rows() as u64));
        let mut batch = batch;
        for condition in &self.conditions {
            let mask = condition.evaluate(&batch).map_err(failed)?;
            rows = filter(&rows, &mask)?;
            batch = filter_record_batch(&batch, &mask)?;
        }
        let mut places = self.places.evaluate(&batch).map_err(failed)?;
        if let Some(mask) = self.admitted(&places, bounds)? {
            rows = filter(&rows, &mask)?;
            batch = filter_record_batch(&batch, &mask)?;
            for column in &mut places {
                *column = filter(column, &mask)?;
            }
        }
        let count = rows.len();
        let keys = self.keys.len();
        let created = match places.get(1 + keys) {
            Some(created) => Arc::clone(created),
            None => new_null_array(&ScalarType::Timestamp.arrow(), count),
        };
        let mut columns = places[1..=keys].to_vec();
        columns.push(Arc::clone(&places[0]));
        columns.push(created);
        columns.push(rows);
        if let Some(inputs) = &self.inputs {
            columns.extend_from_slice(inputs.inputs(&batch).map_err(failed)?.columns());
        }
        batch_of(&self.output, columns, count)
    }

    /// Which rows have an event time within the bounds, and no null in a key; `None`: all.
    fn admitted(&self, places: &[ArrayRef], bounds: TimeBounds) -> Result<Option<BooleanArray>, OfflineError> {
        let times: &TimestampMicrosecondArray = places[0].as_primitive::<TimestampMicrosecondType>();
        let within = |time: i64| bounds.first <= time && time <= bounds.last;
        let keys = &places[1..=self.keys.len()];
        let has_nulls = times.null_count() > 0 || keys.iter().any(|key| key.null_count() > 0);
        if !has_nulls && times.values().iter().all(|time| within(*time)) {
            return Ok(None);
        }
        let within = BooleanBuffer::collect_bool(times.len(), |row| within(times.value(row)));
        let mut mask = BooleanArray::new(within, None);
        for column in std::iter::once(&places[0]).chain(keys) {
            if column.null_count() > 0 {
                mask = and(&mask, &is_not_null(column)?)?;
            }
        }
        Ok(Some(mask))
    }
}

/// The row features of a view, computed for the rows that are wanted.
#[derive(Debug)]
pub(crate) struct FeatureProgram {
    columns: Columns,
    program: RowProgram,
    view: ViewName,
}

impl FeatureProgram {
    /// Compiles the features at the given positions of a view that has no aggregation.
    ///
    /// # Errors
    /// When an expression does not fit the source's columns.
    pub(crate) fn compile(schema: &Schema, view: &FeatureView, features: &[usize]) -> Result<Self, OfflineError> {
        let ViewBody::Rows(rows) = &view.body else {
            unreachable!("an aggregated view has no row features");
        };
        let texts: Vec<_> = selected(rows, features)
            .into_iter()
            .map(|feature| {
                let name = feature.name.to_string();
                let sql = feature.expr.unwrap_or_else(|| column_expression(&name));
                (name, sql, feature.value_type)
            })
            .collect();
        let program =
            RowProgram::compile(schema, &texts).map_err(|error| OfflineError::expression(&view.name, error))?;
        Ok(Self {
            columns: Columns::named(schema, &program.columns().iter().collect())?,
            program,
            view: view.name.clone(),
        })
    }

    /// The view.
    pub(crate) fn view(&self) -> &ViewName {
        &self.view
    }

    /// What is read.
    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// One array per feature.
    pub(crate) fn apply(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, OfflineError> {
        let values = self.program.evaluate(batch);
        values.map_err(|error| OfflineError::evaluation(&self.view, error))
    }
}

impl Columns {
    /// The columns with these names.
    pub(super) fn named(schema: &Schema, names: &BTreeSet<&String>) -> Result<Self, OfflineError> {
        let positions: Vec<usize> = (0..schema.fields().len())
            .filter(|at| names.contains(schema.field(*at).name()))
            .collect();
        Ok(Self {
            schema: Arc::new(schema.project(&positions)?),
            positions,
        })
    }
}

/// The items at the given positions.
pub(crate) fn selected<T: Clone>(items: &[T], positions: &[usize]) -> Vec<T> {
    positions.iter().map(|at| items[*at].clone()).collect()
}

impl PlaceTexts {
    pub(super) fn of(view: &FeatureView, source: &Source) -> Self {
        let timestamp = ValueType::Scalar(ScalarType::Timestamp);
        let mut places = vec![("event time".to_owned(), time_sql(&source.event_time), timestamp)];
        for key in &view.join_keys {
            let name = key.name.as_str();
            places.push((
                name.to_owned(),
                column_expression(name),
                ValueType::Scalar(key.key_type),
            ));
        }
        if let Some(created) = &source.created_time {
            places.push(("created time".to_owned(), time_sql(created), timestamp));
        }
        Self {
            conditions: source.filter.iter().chain(&view.filter).cloned().collect(),
            places,
        }
    }

    /// Event time, join keys, then created time if the source has one.
    pub(super) fn places(&self) -> &[(String, String, ValueType)] {
        &self.places
    }
}

fn time_sql(time: &TimeColumn) -> String {
    match time {
        TimeColumn::Column(name) => column_expression(name),
        TimeColumn::Expression(sql) => sql.clone(),
    }
}
