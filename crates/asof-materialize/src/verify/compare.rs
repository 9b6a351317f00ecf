//! Offline rows beside those that the store has.

use asof_model::definition::FeatureView;
use asof_model::row::stored_order;
use asof_model::{Keyspace, Timestamp};
use asof_offline::FeatureBatch;
use asof_online::{OnlineStore, ReadRequest};

use super::explain::Explainer;
use crate::MaterializeError;
use crate::encode::ViewCodecs;

/// How many differences are told one by one.
const TOLD: usize = 10;

/// Entities by how their online row compares with the offline one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Byte for byte the same.
    pub equal: u64,
    /// The online row is later in the order: pushed, or materialized since.
    pub later: u64,
    /// There is no online row, but its age is past the view's `ttl`, so that the store may have let it go.
    pub expired: u64,
    /// There is no online row, and there should be.
    pub missing: u64,
    /// The online row is earlier, or has the same times and another content, or cannot be read.
    pub differing: u64,
}

impl Counts {
    /// All that were compared.
    pub fn compared(&self) -> u64 {
        self.found() + self.expired + self.missing
    }

    /// Those that have an online row.
    pub fn found(&self) -> u64 {
        self.equal + self.later + self.differing
    }
}

/// A row that is not online as it should be. All values are texts for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The entity, as `name=value, name=value`.
    pub entity: String,
    /// What differs: a feature, or `event time`, `created time` or `row`.
    pub what: String,
    /// What is online.
    pub online: String,
    /// What should be.
    pub offline: String,
}

/// How the rows of a view compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The time as of which the offline rows were computed.
    pub at: Timestamp,
    /// Whether the store lost what the last complete run had written. No row that is not there counts as expired then.
    pub is_emptied: bool,
    /// The entities that have an offline row.
    pub counts: Counts,
    /// Online rows of entities without an offline one, as of pushes; `None`: they were not counted.
    pub extra: Option<u64>,
    /// The first of the rows that are missing or differ, in the order of their keys in each part that was compared.
    pub differences: Vec<Difference>,
}

/// Compares the rows of one view, batch by batch.
pub(super) struct Comparer<'a> {
    keyspace: &'a Keyspace,
    view: &'a FeatureView,
    store: &'a dyn OnlineStore,
    codecs: ViewCodecs,
    explainer: Explainer,
    now: Timestamp,
    comparison: Comparison,
}

impl<'a> Comparer<'a> {
    pub(super) fn new(
        view: &'a FeatureView,
        keyspace: &'a Keyspace,
        store: &'a dyn OnlineStore,
        at: Timestamp,
        now: Timestamp,
        is_emptied: bool,
    ) -> Self {
        Self {
            keyspace,
            view,
            store,
            codecs: ViewCodecs::of(view),
            explainer: Explainer::of(view),
            now,
            comparison: Comparison {
                at,
                is_emptied,
                counts: Counts::default(),
                extra: None,
                differences: Vec::new(),
            },
        }
    }

    /// Compares offline rows with what the store has for their keys.
    pub(super) async fn take(&mut self, batch: &FeatureBatch) -> Result<(), MaterializeError> {
        let (keys, rows) = self.codecs.encode(batch)?;
        let request = ReadRequest {
            keyspace: self.keyspace,
            keys: &keys,
        };
        let answers = self.store.read(&[request]).await;
        let mut answers = answers.map_err(|source| MaterializeError::Online {
            view: self.view.name.clone(),
            source,
        })?;
        let stored = answers.pop().unwrap_or_default();
        for (row, stored) in stored.iter().enumerate() {
            let key = keys.get(row).unwrap_or_default();
            self.compare(key, stored.as_deref(), rows.get(row))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Comparison {
        self.comparison
    }

    fn compare(&mut self, key: &[u8], online: Option<&[u8]>, offline: &[u8]) -> Result<(), MaterializeError> {
        let order = stored_order(offline).map_err(|source| MaterializeError::Row {
            view: self.view.name.clone(),
            source,
        })?;
        let is_ended = !self.view.admission.is_fresh(order.event_time, self.now);
        let may_be_gone = is_ended && !self.comparison.is_emptied;
        let counts = &mut self.comparison.counts;
        match online {
            Some(online) if online == offline => counts.equal += 1,
            Some(online) if stored_order(online).is_ok_and(|online| online > order) => counts.later += 1,
            None if may_be_gone => counts.expired += 1,
            Some(_) => counts.differing += 1,
            None => counts.missing += 1,
        }
        let wrong = counts.differing + counts.missing;
        let differences = &mut self.comparison.differences;
        if wrong > differences.len() as u64 && differences.len() < TOLD {
            differences.push(self.explainer.explain(key, online, offline)?);
        }
        Ok(())
    }
}
