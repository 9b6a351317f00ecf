//! What a view reads of its source: filters, times, keys and values, bound to the columns they need.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, TimestampMicrosecondArray, UInt32Array, UInt64Array,
    new_null_array,
};
use arrow::compute::{and, filter, filter_record_batch, is_not_null};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use asof_model::definition::{FeatureView, Source, TimeColumn, ViewBody};
use asof_model::{ScalarType, ValueType, ViewName};
use asof_transform::{AggregateProgram, Condition, RowProgram, column_expression};

use super::batch::batch_of;
use super::prune::TimeBounds;
use crate::OfflineError;

/// What is computed from each row, beside its keys and times.
#[derive(Debug)]
enum Payload {
    /// The view's row features.
    Features(RowProgram),
    /// The arguments and filters of the window features' aggregate functions.
    Inputs(Arc<AggregateProgram>),
}

impl Payload {
    fn columns(&self) -> &BTreeSet<String> {
        match self {
            Self::Features(program) => program.columns(),
            Self::Inputs(program) => program.columns(),
        }
    }
}

/// The program of one view over the rows of its source.
#[derive(Debug)]
pub(crate) struct ViewProgram {
    view: ViewName,
    /// Positions in the source's schema, ascending: what must be read.
    columns: Vec<usize>,
    /// The schema of just these; programs find their columns in it by name.
    input: SchemaRef,
    output: SchemaRef,
    /// The column of event times, when it is one.
    event_column: Option<String>,
    conditions: Vec<Condition>,
    /// Event time, join keys, then created time if the source has one.
    places: RowProgram,
    keys: usize,
    payload: Payload,
}

/// The expressions of a view, as texts with the types they must have.
struct Texts {
    conditions: Vec<String>,
    places: Vec<(String, String, ValueType)>,
    features: Vec<(String, String, ValueType)>,
}

impl ViewProgram {
    /// Compiles what `view` reads to compute the features at the given positions.
    ///
    /// # Errors
    /// When an expression does not fit the source's columns.
    pub(crate) fn compile(
        schema: &Schema,
        view: &FeatureView,
        source: &Source,
        features: &[usize],
    ) -> Result<Self, OfflineError> {
        let texts = Texts::of(view, source, features);
        let refused = |error| OfflineError::expression(&view.name, error);
        let conditions = texts.conditions.iter().map(|sql| Condition::compile(schema, sql));
        let conditions: Vec<Condition> = conditions.collect::<Result<_, _>>().map_err(refused)?;
        let places = RowProgram::compile(schema, &texts.places).map_err(refused)?;
        let payload = match &view.body {
            ViewBody::Rows(_) => Payload::Features(RowProgram::compile(schema, &texts.features).map_err(refused)?),
            ViewBody::Windows(aggregation) => {
                let program = AggregateProgram::compile(schema, &selected(&aggregation.features, features));
                Payload::Inputs(Arc::new(program.map_err(refused)?))
            }
        };
        let is_read = |at: &usize| {
            let name = schema.field(*at).name();
            let mut programs = conditions.iter().map(Condition::columns);
            programs.any(|columns| columns.contains(name))
                || places.columns().contains(name)
                || payload.columns().contains(name)
        };
        let columns: Vec<usize> = (0..schema.fields().len()).filter(is_read).collect();
        let input = Arc::new(schema.project(&columns)?);
        let mut fields: Vec<Field> = Vec::new();
        for key in &view.join_keys {
            fields.push(Field::new(key.name.as_str(), key.key_type.arrow(), false));
        }
        fields.push(Field::new("event_time", ScalarType::Timestamp.arrow(), false));
        fields.push(Field::new("created_time", ScalarType::Timestamp.arrow(), true));
        fields.push(Field::new("file", DataType::UInt32, false));
        fields.push(Field::new("row", DataType::UInt64, false));
        match &payload {
            Payload::Features(_) => fields.extend(
                (texts.features.iter()).map(|(name, _, value_type)| Field::new(name, value_type.arrow(), true)),
            ),
            Payload::Inputs(program) => {
                fields.extend(
                    program
                        .input_schema()
                        .fields()
                        .iter()
                        .map(|field| field.as_ref().clone()),
                );
            }
        }
        Ok(Self {
            view: view.name.clone(),
            columns,
            input,
            output: Arc::new(Schema::new(fields)),
            event_column: match &source.event_time {
                TimeColumn::Column(name) => Some(name.clone()),
                TimeColumn::Expression(_) => None,
            },
            conditions,
            places,
            keys: view.join_keys.len(),
            payload,
        })
    }

    /// The view's name.
    pub(crate) fn view(&self) -> &ViewName {
        &self.view
    }

    /// Positions in the source's schema of the columns that are read, ascending.
    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The column of event times, when it is one and not an expression.
    pub(crate) fn event_column(&self) -> Option<&str> {
        self.event_column.as_deref()
    }

    /// The schema of just these.
    pub(crate) fn input(&self) -> &SchemaRef {
        &self.input
    }

    /// The schema of what [`Self::apply`] returns.
    pub(crate) fn output(&self) -> &SchemaRef {
        &self.output
    }

    /// The program of the window features, when the view has those.
    pub(crate) fn aggregate(&self) -> Option<&Arc<AggregateProgram>> {
        match &self.payload {
            Payload::Features(_) => None,
            Payload::Inputs(program) => Some(program),
        }
    }

    /// Filters and computes a batch of the file of rank `file` that starts at the row `first_row`.
    ///
    /// Values are computed only for rows that pass: a row that is filtered out cannot make an expression fail.
    pub(crate) fn apply(
        &self,
        batch: RecordBatch,
        file: u32,
        first_row: u64,
        bounds: TimeBounds,
    ) -> Result<RecordBatch, OfflineError> {
        let failed = |error| OfflineError::evaluation(&self.view, error);
        let end = first_row + batch.num_rows() as u64;
        let mut rows: ArrayRef = Arc::new(UInt64Array::from_iter_values(first_row..end));
        let mut batch = batch;
        for condition in &self.conditions {
            let mask = condition.evaluate(&batch).map_err(failed)?;
            rows = filter(&rows, &mask)?;
            batch = filter_record_batch(&batch, &mask)?;
        }
        let mut places = self.places.evaluate(&batch).map_err(failed)?;
        let mask = self.admitted(&places, bounds)?;
        if mask.true_count() < mask.len() {
            rows = filter(&rows, &mask)?;
            batch = filter_record_batch(&batch, &mask)?;
            for column in &mut places {
                *column = filter(column, &mask)?;
            }
        }
        let count = batch.num_rows();
        let created = match places.get(1 + self.keys) {
            Some(created) => Arc::clone(created),
            None => new_null_array(&ScalarType::Timestamp.arrow(), count),
        };
        let mut columns = places[1..=self.keys].to_vec();
        columns.push(Arc::clone(&places[0]));
        columns.push(created);
        columns.push(Arc::new(UInt32Array::from_value(file, count)));
        columns.push(rows);
        match &self.payload {
            Payload::Features(program) => columns.extend(program.evaluate(&batch).map_err(failed)?),
            Payload::Inputs(program) => columns.extend_from_slice(program.inputs(&batch).map_err(failed)?.columns()),
        }
        batch_of(&self.output, columns, count)
    }

    /// Which rows have an event time within the bounds, and no null in a key.
    fn admitted(&self, places: &[ArrayRef], bounds: TimeBounds) -> Result<BooleanArray, OfflineError> {
        let event_times: &TimestampMicrosecondArray = places[0].as_primitive::<TimestampMicrosecondType>();
        let within = |time: Option<i64>| time.is_some_and(|time| bounds.first <= time && time <= bounds.last);
        let mut mask: BooleanArray = event_times.iter().map(|time| Some(within(time))).collect();
        for key in &places[1..=self.keys] {
            if key.null_count() > 0 {
                mask = and(&mask, &is_not_null(key)?)?;
            }
        }
        Ok(mask)
    }
}

/// The items at the given positions.
pub(crate) fn selected<T: Clone>(items: &[T], positions: &[usize]) -> Vec<T> {
    positions.iter().map(|at| items[*at].clone()).collect()
}

impl Texts {
    fn of(view: &FeatureView, source: &Source, features: &[usize]) -> Self {
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
        let features = match &view.body {
            ViewBody::Windows(_) => Vec::new(),
            ViewBody::Rows(rows) => {
                let wanted = selected(rows, features).into_iter();
                wanted
                    .map(|feature| {
                        let name = feature.name.to_string();
                        let sql = feature.expr.unwrap_or_else(|| column_expression(&name));
                        (name, sql, feature.value_type)
                    })
                    .collect()
            }
        };
        Self {
            conditions: source.filter.iter().chain(&view.filter).cloned().collect(),
            places,
            features,
        }
    }
}

fn time_sql(time: &TimeColumn) -> String {
    match time {
        TimeColumn::Column(name) => column_expression(name),
        TimeColumn::Expression(sql) => sql.clone(),
    }
}
