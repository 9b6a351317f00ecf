//! Entities whose row new files alone do not tell.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::compute::filter;
use asof_model::Timestamp;
use asof_model::row::stored_order;
use asof_offline::{FeatureBatch, KeyFilter, KeySet};
use asof_online::{OnlineStore, ReadRequest};

use crate::encode::ViewCodecs;
use crate::{MaterializeError, ViewTask};

/// The entities in doubt, and the earliest of their rows. Memory follows their number.
pub(super) struct Doubt<'a> {
    task: &'a ViewTask,
    codecs: ViewCodecs,
    keys: KeySet,
    earliest: Option<Timestamp>,
}

impl<'a> Doubt<'a> {
    pub(super) fn new(task: &'a ViewTask) -> Self {
        Self {
            task,
            codecs: ViewCodecs::of(&task.view),
            keys: KeySet::default(),
            earliest: None,
        }
    }

    /// Puts the entities of all rows in doubt.
    pub(super) fn add_all(&mut self, batch: &FeatureBatch) -> Result<(), MaterializeError> {
        let keys = self.codecs.encode_keys(batch)?;
        for (row, key) in keys.iter().enumerate() {
            self.add(key, batch.event_times.value(row));
        }
        Ok(())
    }

    /// Puts those entities in doubt whose online row has the times of the new one and another content, and returns the
    /// rows of the others.
    pub(super) async fn add_ties(
        &mut self,
        store: &dyn OnlineStore,
        batch: &FeatureBatch,
    ) -> Result<FeatureBatch, MaterializeError> {
        let (keys, rows) = self.codecs.encode(batch)?;
        let request = ReadRequest {
            keyspace: &self.task.keyspace,
            keys: &keys,
        };
        let mut answers = store
            .read(&[request])
            .await
            .map_err(|source| MaterializeError::Online {
                view: self.task.view.name.clone(),
                source,
            })?;
        let stored = answers.pop().unwrap_or_default();
        let mut tied = KeySet::default();
        for (row, stored) in stored.iter().enumerate() {
            let new = rows.get(row);
            let Some(stored) = stored.as_deref().filter(|stored| *stored != new) else {
                continue;
            };
            // What cannot be read is no row of ours; the write decides what happens to it.
            if let (Ok(stored), Ok(order), Some(key)) = (stored_order(stored), stored_order(new), keys.get(row))
                && stored == order
            {
                tied.insert(key);
                self.add(Some(key), order.event_time.micros());
            }
        }
        if tied.is_empty() {
            return Ok(batch.clone());
        }
        let keys = self.codecs.encode_keys(batch)?;
        Ok(filter_rows(
            batch,
            keys.iter().map(|key| key.is_some_and(|key| !tied.contains(key))),
        ))
    }

    /// The entities in doubt, and the event time that every row which decides them comes after (`None`: any time).
    /// `None`: nothing is in doubt.
    pub(super) fn open(self) -> Option<(KeyFilter, Option<Timestamp>)> {
        let earliest = self.earliest?.micros();
        let after = earliest.checked_sub(1).map(Timestamp::from_micros);
        Some((KeyFilter::Only(Arc::new(self.keys)), after))
    }

    fn add(&mut self, key: Option<&[u8]>, event_micros: i64) {
        if let Some(key) = key {
            self.keys.insert(key);
            let event_time = Timestamp::from_micros(event_micros);
            self.earliest = Some(self.earliest.map_or(event_time, |earliest| earliest.min(event_time)));
        }
    }
}

/// The rows of `batch` that `wanted` says yes to, one answer per row.
fn filter_rows(batch: &FeatureBatch, wanted: impl Iterator<Item = bool>) -> FeatureBatch {
    let mask: BooleanArray = wanted.map(Some).collect();
    let chosen = |array: &ArrayRef| filter(array, &mask).expect("the mask has one answer per row");
    let times = |array| chosen(&(Arc::new(array) as ArrayRef)).as_primitive().clone();
    FeatureBatch {
        keys: batch.keys.iter().map(chosen).collect(),
        event_times: times(batch.event_times.clone()),
        created_times: times(batch.created_times.clone()),
        columns: batch.columns.iter().map(chosen).collect(),
    }
}
