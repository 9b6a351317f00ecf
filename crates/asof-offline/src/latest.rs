//! The rows to materialize: the last one of every entity at one time, by the same kernel as the training set.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray, new_null_array};
use asof_model::definition::{FeatureView, Source};
use asof_model::key::{EncodedKeys, KeyCodec};
use asof_model::{Admission, ScalarType, Timestamp};
use datafusion::physical_plan::ExecutionPlan;
use futures::{Stream, StreamExt};

use crate::asof_join::{Answers, Entities, Found, Index, Question, RowRef, Rule, collect};
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

/// Batches of feature rows. Entities come in the order of their keys' bytes.
pub type FeatureStream = Pin<Box<dyn Stream<Item = Result<FeatureBatch, OfflineError>> + Send>>;

impl OfflineEngine {
    /// The last row of every entity among the rows with `after < event_time <= at` that are visible at `at`; for an
    /// aggregated view, the last cutoff's row among those, with all source rows visible at `at` in its windows.
    ///
    /// Memory is the last row of every entity that counts (for an aggregated view, per partition about twice the rows
    /// within one longest window of its last): it does not follow the history. Bound it by [`KeyFilter::Shard`].
    ///
    /// # Errors
    /// When the source cannot be read, or an expression cannot be computed.
    pub async fn latest_rows(&self, request: &RowsRequest) -> Result<FeatureStream, OfflineError> {
        let features = request.view.features();
        let open = self.open_request(request).await?;
        let scan: Arc<dyn ExecutionPlan> = Arc::new(open.scan(self, request.bounds(&open), request.files.as_ref()));
        let key_types: Vec<ScalarType> = request.view.join_keys.iter().map(|key| key.key_type).collect();
        let index = Index::Discovered {
            entities: Entities::default(),
            at: request.at.micros(),
            only: request.keys.clone(),
        };
        let ask = || vec![Question::new(index.clone(), &open.rule)];
        let mut questions = collect(&scan, &self.context(), &key_types, ask).await?;
        let question = questions.pop().expect("one question was asked");
        let (index, answers) = question.finish()?;
        let Index::Discovered { entities, .. } = index else {
            unreachable!("the index that was asked with comes back");
        };
        let mut found: Vec<(u32, Found)> = (answers.found.iter().zip(0..))
            .filter_map(|(found, entity)| found.map(|found| (entity, found)))
            .collect();
        found.sort_unstable_by(|a, b| entities.key(a.0).cmp(entities.key(b.0)));
        let batch_size = self.options.batch_size.max(1);
        let batches: Vec<Vec<(u32, Found)>> = found.chunks(batch_size).map(<[_]>::to_vec).collect();
        let rows = Rows {
            codec: KeyCodec::new(&key_types),
            empty: features
                .iter()
                .map(|feature| new_null_array(&feature.value_type.arrow(), 1))
                .collect(),
            entities,
            answers,
        };
        Ok(futures::stream::iter(batches)
            .map(move |batch| rows.gather(&batch))
            .boxed())
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

/// What was found, to be gathered batch by batch.
struct Rows {
    codec: KeyCodec,
    empty: Vec<ArrayRef>,
    entities: Entities,
    answers: Answers,
}

impl Rows {
    fn gather(&self, batch: &[(u32, Found)]) -> Result<FeatureBatch, OfflineError> {
        let keys: EncodedKeys = batch
            .iter()
            .map(|(entity, _)| Some(self.entities.key(*entity)))
            .collect();
        let refs: Vec<Option<RowRef>> = batch.iter().map(|(_, found)| Some(found.row)).collect();
        let columns = self.empty.iter().enumerate();
        let columns = columns.map(|(at, empty)| self.answers.values.column(at, empty.as_ref(), &refs));
        let event_times = batch.iter().map(|(_, found)| found.order.event_time.micros());
        let created_times = batch
            .iter()
            .map(|(_, found)| found.order.created_time.map(Timestamp::micros));
        Ok(FeatureBatch {
            keys: self.codec.decode_columns(&keys)?,
            event_times: TimestampMicrosecondArray::from_iter_values(event_times).with_timezone("UTC"),
            created_times: created_times
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
            columns: columns.collect::<Result<_, _>>()?,
        })
    }
}
