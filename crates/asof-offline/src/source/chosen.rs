//! Rows of a source in full, for when it is known already which rows are wanted: join keys, times and features.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::datatypes::{Schema, TimestampMicrosecondType};
use asof_model::ScalarType;
use asof_model::definition::{FeatureView, Source};
use asof_transform::RowProgram;

use super::part::Columns;
use super::program::{FeatureProgram, PlaceTexts};
use crate::{FeatureBatch, OfflineError};

/// What a view computes from its source's rows, but for its filters: the rows are chosen already.
#[derive(Debug)]
pub(crate) struct ChosenProgram {
    columns: Columns,
    /// Event time, join keys, then created time if the source has one.
    places: RowProgram,
    keys: usize,
    features: FeatureProgram,
}

impl ChosenProgram {
    /// Compiles a view that has no aggregation.
    ///
    /// # Errors
    /// When an expression does not fit the source's columns.
    pub(crate) fn compile(schema: &Schema, view: &FeatureView, source: &Source) -> Result<Self, OfflineError> {
        let all: Vec<usize> = (0..view.features().len()).collect();
        let features = FeatureProgram::compile(schema, view, &all)?;
        let places = RowProgram::compile(schema, PlaceTexts::of(view, source).places());
        let places = places.map_err(|error| OfflineError::expression(&view.name, error))?;
        let read = features.columns().schema.fields().iter().map(|field| field.name());
        let read = read.chain(places.columns()).collect();
        Ok(Self {
            columns: Columns::named(schema, &read)?,
            places,
            keys: view.join_keys.len(),
            features,
        })
    }

    /// What is read.
    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The view, for people.
    pub(crate) fn view(&self) -> String {
        self.features.view().to_string()
    }

    /// The rows of a batch of the columns read, each of an entity. Nothing if there is one without a key or an event
    /// time, which no row that counts has.
    pub(crate) fn apply(&self, batch: &RecordBatch) -> Result<Option<FeatureBatch>, OfflineError> {
        let places = self.places.evaluate(batch);
        let places = places.map_err(|error| OfflineError::evaluation(self.features.view(), error))?;
        let (needed, created) = places.split_at(1 + self.keys);
        if needed.iter().any(|column| column.null_count() > 0) {
            return Ok(None);
        }
        let created: ArrayRef = match created.first() {
            Some(created) => Arc::clone(created),
            None => new_null_array(&ScalarType::Timestamp.arrow(), batch.num_rows()),
        };
        Ok(Some(FeatureBatch {
            keys: needed[1..].to_vec(),
            event_times: needed[0].as_primitive::<TimestampMicrosecondType>().clone(),
            created_times: created.as_primitive::<TimestampMicrosecondType>().clone(),
            columns: self.features.apply(batch)?,
        }))
    }
}
