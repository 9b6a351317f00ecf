//! The rows to materialize: the last one of every entity at one time.
//!
//! There are two ways to them. [`OfflineEngine::latest_rows`] finds them by the same kernel as the training set and
//! holds the last row of every entity. For views whose rows are rows of their source there is one whose memory is
//! bounded, in two passes:
//!
//! ```text
//! find      keys and times of all rows  ->  which rows are the last of their entity
//!   entrant       a batch               ->  the rows that count, one per key that comes often
//!   partitions    rows by key           ->  the last row of every key; what does not fit goes to files
//!   last_rows     a partition           ->  its keys and rows in memory
//!   runs          a partition           ->  its keys and rows in a file, merged at the end
//!   winners       rows that are left    ->  bitmaps
//! row_set   bitmaps                     ->  something to keep, to cut into shards, and to read from
//! read      rows by file and number     ->  their keys, times and features, in the order of the source
//! ```

mod entrant;
mod find;
mod last_rows;
mod partitions;
mod read;
mod row_set;
mod runs;
mod winners;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use asof_model::definition::{FeatureView, Source};
use asof_model::key::{EncodedKeys, KeyCodec};
use asof_model::{Admission, StoredOrder, Timestamp};
use datafusion::physical_plan::ExecutionPlan;
use futures::{Stream, StreamExt};

pub use find::{LatestFound, LatestReport};
pub use read::RowReader;
pub use row_set::{RowSet, RowSetError};

use crate::asof_join::{Entities, Index, NO_ROW, Question, Rule, ValueBatch, collect, gather};
use crate::engine::OpenView;
use crate::source::TimeBounds;
use crate::{KeyFilter, OfflineEngine, OfflineError};

/// Which rows of a view are asked for.
#[derive(Debug, Clone)]
pub struct RowsRequest {
    /// The view. Its `ttl` is not applied: online, it is applied when a row is read.
    pub view: Arc<FeatureView>,
    /// The view's source.
    pub source: Arc<Source>,
    /// The time at which rows must be visible, and the last event time that counts.
    pub at: Timestamp,
    /// The event time after which rows count, itself left out. `None`: all.
    pub after: Option<Timestamp>,
    /// The paths of the files that count, as in [`SourceFile`](crate::SourceFile). `None`: all.
    pub files: Option<BTreeSet<String>>,
    /// The entities that count. `None`: all.
    pub keys: Option<KeyFilter>,
}

/// Feature rows, each of another entity.
#[derive(Debug, Clone)]
pub struct FeatureBatch {
    /// One column per join key of the view, in its order.
    pub keys: Vec<ArrayRef>,
    /// When each fact became true. No nulls. For an aggregated view, the cutoff.
    pub event_times: TimestampMicrosecondArray,
    /// When each row was written; null where that is not known, and for aggregated views.
    pub created_times: TimestampMicrosecondArray,
    /// One column per feature of the view, in its order and of its type.
    pub columns: Vec<ArrayRef>,
}

impl FeatureBatch {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.event_times.len()
    }
}

/// Batches of feature rows.
pub type FeatureStream = Pin<Box<dyn Stream<Item = Result<FeatureBatch, OfflineError>> + Send>>;

impl OfflineEngine {
    /// The last row of every entity among the rows with `after < event_time <= at` that are visible at `at`; for an
    /// aggregated view, the last cutoff's row among those, with all source rows visible at `at` in its windows. Entities
    /// come in the order of their keys' bytes.
    ///
    /// Memory is the last row of every entity that counts (for an aggregated view, per partition about twice the rows
    /// within one longest window of its last): it does not follow the history. Bound it by [`KeyFilter::Shard`].
    ///
    /// # Errors
    /// When the source cannot be read, or an expression cannot be computed.
    pub async fn latest_rows(&self, request: &RowsRequest) -> Result<FeatureStream, OfflineError> {
        let open = self.open_request(request).await?;
        let scan: Arc<dyn ExecutionPlan> = Arc::new(open.scan(self, request.bounds(&open), request.files.as_ref()));
        let codec = KeyCodec::new(open.program.keys());
        let index = Index::Discovered {
            entities: Entities::default(),
            at: request.at.micros(),
            only: request.keys.clone(),
        };
        let context = self.context()?;
        let question = Question::new(index, &open.rule, &context);
        let mut questions = collect(&scan, &context, &codec, vec![question]).await?;
        let question = questions.pop().expect("one question was asked");
        let (index, answers) = question.finish()?;
        let Index::Discovered { entities, .. } = index else {
            unreachable!("the index that was asked with comes back");
        };
        let mut found: Vec<u32> = (0..entities.len() as u32)
            .filter(|entity| answers.winners[*entity as usize] != NO_ROW)
            .collect();
        found.sort_unstable_by(|a, b| entities.key(*a).cmp(entities.key(*b)));
        let winners: Vec<u64> = found.iter().map(|entity| answers.winners[*entity as usize]).collect();
        let values = open.values.or(answers.values);
        let values = values.expect("a view's values are the source's or come with the answers");
        let features = request.view.features();
        let types = features.iter().map(|feature| feature.value_type.arrow()).collect();
        let gathered = gather(values, winners, types, &context).await?;
        let rows = Rows {
            codec,
            entities,
            orders: answers.orders,
            found,
        };
        let batches = gathered.map(move |gathered| {
            let (first, columns) = gathered?;
            rows.batch(first, columns)
        });
        Ok(batches.boxed())
    }

    async fn open_request(&self, request: &RowsRequest) -> Result<OpenView, OfflineError> {
        let table = Arc::new(self.open(&request.source).await?);
        let mut view = request.view.as_ref().clone();
        view.admission = Admission {
            ttl: None,
            ..view.admission
        };
        let features: Vec<usize> = (0..view.features().len()).collect();
        self.open_view(table, &view, &request.source, &features, request.after)
    }
}

impl RowsRequest {
    fn first(&self) -> i64 {
        self.after.map_or(i64::MIN, |after| after.micros().saturating_add(1))
    }

    /// The event times of source rows that are read.
    fn bounds(&self, open: &OpenView) -> TimeBounds {
        if self.after.is_some_and(|after| after >= self.at) {
            return TimeBounds::EMPTY;
        }
        let bounds = open.bounds(self.at, self.at);
        match &open.rule {
            Rule::Rows(_) => TimeBounds {
                first: bounds.first.max(self.first()),
                ..bounds
            },
            Rule::Windows(_) => bounds,
        }
    }
}

/// What was found, in the order of the keys.
struct Rows {
    codec: KeyCodec,
    entities: Entities,
    orders: Vec<StoredOrder>,
    found: Vec<u32>,
}

impl Rows {
    /// The rows from the `first` on, as many as there are values of.
    fn batch(&self, first: usize, columns: ValueBatch) -> Result<FeatureBatch, OfflineError> {
        let found = &self.found[first..first + columns.rows];
        let keys: EncodedKeys = found.iter().map(|entity| Some(self.entities.key(*entity))).collect();
        let orders = || found.iter().map(|entity| self.orders[*entity as usize]);
        let event_times = orders().map(|order| order.event_time.micros());
        let created_times = orders().map(|order| order.created_time.map(Timestamp::micros));
        Ok(FeatureBatch {
            keys: self.codec.decode_columns(&keys)?,
            event_times: TimestampMicrosecondArray::from_iter_values(event_times).with_timezone("UTC"),
            created_times: created_times
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
            columns: columns.columns,
        })
    }
}

#[cfg(test)]
mod tests;
