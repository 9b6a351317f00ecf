//! Where the values of one row of a training set come from, and which rows came close.
//!
//! For the rows that answer, the trace does not ask the join: it reads the rows of one entity, one after the other, and
//! judges each by the rules of the semantics. Values are those of a training set of the one row.

mod judge;
mod rows;
mod windows;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use asof_model::conform::{conform, conform_key};
use asof_model::definition::ViewBody;
use asof_model::key::KeyCodec;
use asof_model::retrieval::{Lookup, OutputColumn, RetrievalPlan, ValueRef};
use asof_model::{FeatureName, ScalarType, SourceName, TimeSpan, Timestamp, ViewName};
use futures::TryStreamExt;
use rows::History;

use crate::source::SourceTable;
use crate::{OfflineEngine, OfflineError, Spine};

/// A row of a source, and where it is. Files, row groups and rows are counted from zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedRow {
    /// The path of its file, as in [`SourceFile`](crate::SourceFile).
    pub file: String,
    /// Its number in the file.
    pub row: u64,
    /// Its row group in the file.
    pub row_group: usize,
    /// Its number in the row group.
    pub row_in_group: u64,
    /// When the fact became true.
    pub event_time: Timestamp,
    /// When the row was written, if the source says so.
    pub created_time: Option<Timestamp>,
}

/// Why a row with the right key does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Its event time lies after the as-of time.
    Future,
    /// It had happened, but was not known yet: by the view's lag, its created time, or because its cutoff is to come.
    NotYetVisible,
    /// It is older than the view's `ttl`, or than the longest window.
    Expired,
    /// Another row that answers comes after it in the order of rows.
    Superseded,
}

/// A row that does not answer, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// The row.
    pub row: TracedRow,
    /// Why.
    pub reason: Rejection,
}

/// The rows of one window of an aggregated view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowTrace {
    /// How far back it reaches from the cutoff.
    pub window: TimeSpan,
    /// How many rows it holds.
    pub rows: u64,
    /// The first of them, in the order of rows.
    pub first: Option<TracedRow>,
    /// The last of them.
    pub last: Option<TracedRow>,
}

/// What answers a row of a training set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TracedAnswer {
    /// Nothing is asked: a join key is null.
    NullKey,
    /// A row of the source; `None`: none answers.
    Row(Option<TracedRow>),
    /// A cutoff; `None`: none answers.
    Cutoff {
        /// The cutoff.
        cutoff: Option<Timestamp>,
        /// The view's windows, the shortest first. None without a cutoff.
        windows: Vec<WindowTrace>,
    },
}

/// A feature and its value.
#[derive(Debug, Clone)]
pub struct TracedValue {
    /// The feature.
    pub feature: FeatureName,
    /// Its value, as an array of one row.
    pub value: ArrayRef,
}

/// Where the values of one lookup of one row come from.
#[derive(Debug, Clone)]
pub struct LookupTrace {
    /// The view.
    pub view: ViewName,
    /// Its source.
    pub source: SourceName,
    /// The columns of the row that hold the join keys, each with its value as an array of one row.
    pub keys: Vec<(String, ArrayRef)>,
    /// How many rows of the source have this key.
    pub rows_of_key: u64,
    /// What answers.
    pub answer: TracedAnswer,
    /// Rows that came close: the first one after the answer in the order of rows, and the last one before it.
    pub rejected: Vec<RejectedRow>,
    /// The features that are needed of it.
    pub values: Vec<TracedValue>,
}

/// Where the values of an on-demand view in one row come from.
#[derive(Debug, Clone)]
pub struct StepTrace {
    /// The view.
    pub view: ViewName,
    /// What its expressions read: the step's inputs as `table.feature`, then the request's fields, each as an array of
    /// one row.
    pub inputs: Vec<(String, ArrayRef)>,
    /// The features that are needed of it.
    pub values: Vec<TracedValue>,
}

/// Where the values of one row of a training set come from.
#[derive(Debug, Clone)]
pub struct RowTrace {
    /// The row's as-of time.
    pub as_of: Timestamp,
    /// One per lookup of the plan.
    pub lookups: Vec<LookupTrace>,
    /// One per on-demand step of the plan.
    pub steps: Vec<StepTrace>,
}

impl OfflineEngine {
    /// Says where the values of one row come from. `row` has one row, with the columns of the spine; `as_of` is its
    /// column of as-of times.
    ///
    /// Reads the keys and times of every view's source twice, whatever their number; keeps a few rows in memory.
    ///
    /// # Errors
    /// As [`Self::training_set`].
    pub async fn trace(&self, plan: &RetrievalPlan, row: &RecordBatch, as_of: &str) -> Result<RowTrace, OfflineError> {
        let everything = everything(plan);
        let spine = Spine::Batches {
            schema: row.schema(),
            batches: vec![row.clone()],
        };
        let computed = self.training_set(&everything, spine, as_of).await?;
        let computed: Vec<RecordBatch> = computed.into_batches().try_collect().await?;
        let computed = computed.first().ok_or_else(|| OfflineError::SpineColumnsMissing {
            columns: "its row".to_owned(),
            found: "no row".to_owned(),
        })?;
        let value = |from: ValueRef| Arc::clone(computed.column(row.num_columns() + position(plan, from)));
        let time = conform(row.column(row.schema().index_of(as_of)?), ScalarType::Timestamp.into())
            .map_err(|error| OfflineError::spine_column(as_of, error))?;
        let time = Timestamp::from_micros(time.as_primitive::<TimestampMicrosecondType>().value(0));
        let mut lookups = Vec::new();
        for (at, lookup) in plan.lookups.iter().enumerate() {
            let mut trace = self.trace_lookup(lookup, row, time).await?;
            let features = lookup.view.features();
            let values = lookup.features.iter().enumerate().map(|(nth, feature)| TracedValue {
                feature: features[*feature].name.clone(),
                value: value(ValueRef::Lookup {
                    lookup: at,
                    feature: nth,
                }),
            });
            trace.values = values.collect();
            lookups.push(trace);
        }
        let steps = plan.on_demand.iter().enumerate().map(|(at, step)| {
            let inputs = step.inputs.iter();
            let mut inputs: Vec<(String, ArrayRef)> = inputs
                .map(|input| (format!("{}.{}", input.table, input.feature), value(input.from)))
                .collect();
            for field in &step.view.request {
                let column = row.schema().index_of(field.name.as_str())?;
                let value = conform(row.column(column), field.value_type)
                    .map_err(|error| OfflineError::spine_column(field.name.as_str(), error))?;
                inputs.push((field.name.to_string(), value));
            }
            let values = step.features.iter().enumerate().map(|(nth, feature)| TracedValue {
                feature: step.view.features[*feature].name.clone(),
                value: value(ValueRef::OnDemand { step: at, feature: nth }),
            });
            Ok(StepTrace {
                view: step.view.name.clone(),
                inputs,
                values: values.collect(),
            })
        });
        let steps = steps.collect::<Result<_, OfflineError>>()?;
        Ok(RowTrace {
            as_of: time,
            lookups,
            steps,
        })
    }

    async fn trace_lookup(
        &self,
        lookup: &Lookup,
        row: &RecordBatch,
        time: Timestamp,
    ) -> Result<LookupTrace, OfflineError> {
        let (view, source) = (&lookup.view, &lookup.source);
        let mut keys = Vec::new();
        let mut conformed = Vec::new();
        for key in &lookup.keys {
            let column = row.column(row.schema().index_of(key.column.as_str())?);
            let as_key = conform_key(column, key.key.key_type);
            let as_key = as_key.map_err(|error| OfflineError::spine_column(key.column.as_str(), error))?;
            keys.push((key.column.to_string(), Arc::clone(&as_key)));
            conformed.push(as_key);
        }
        let types: Vec<ScalarType> = view.join_keys.iter().map(|key| key.key_type).collect();
        let encoded = KeyCodec::new(&types).encode(&conformed, 1)?;
        let mut trace = LookupTrace {
            view: view.name.clone(),
            source: source.name.clone(),
            keys,
            rows_of_key: 0,
            answer: TracedAnswer::NullKey,
            rejected: Vec::new(),
            values: Vec::new(),
        };
        let Some(key) = encoded.iter().next().flatten() else {
            return Ok(trace);
        };
        let table: Arc<SourceTable> = Arc::new(self.open(source).await?);
        let open = self.open_view(table, view, source, &lookup.features, None)?;
        let history = History {
            engine: self,
            open: &open,
            keys: types,
            key,
        };
        match &view.body {
            ViewBody::Rows(_) => judge::trace(&history, lookup, time, &mut trace).await?,
            ViewBody::Windows(aggregation) => windows::trace(&history, lookup, aggregation, time, &mut trace).await?,
        }
        Ok(trace)
    }
}

/// The plan with all that is looked up or computed put out: lookup by lookup, then step by step.
fn everything(plan: &RetrievalPlan) -> RetrievalPlan {
    let lookups = plan.lookups.iter().enumerate().flat_map(|(at, lookup)| {
        let features = lookup.view.features();
        let refs = lookup.features.iter().enumerate();
        refs.map(move |(nth, feature)| {
            let feature = &features[*feature];
            let from = ValueRef::Lookup {
                lookup: at,
                feature: nth,
            };
            (lookup.view.name.clone(), feature.name.clone(), feature.value_type, from)
        })
        .collect::<Vec<_>>()
    });
    let steps = plan.on_demand.iter().enumerate().flat_map(|(at, step)| {
        step.features.iter().enumerate().map(move |(nth, feature)| {
            let feature = &step.view.features[*feature];
            let from = ValueRef::OnDemand { step: at, feature: nth };
            (step.view.name.clone(), feature.name.clone(), feature.value_type, from)
        })
    });
    let outputs = lookups
        .chain(steps)
        .enumerate()
        .map(|(at, (view, feature, value_type, from))| OutputColumn {
            // No column of a spine or feature is called so.
            name: format!("\u{0}{at}"),
            view,
            feature,
            value_type,
            from,
        });
    RetrievalPlan {
        outputs: outputs.collect(),
        ..plan.clone()
    }
}

/// Where a value stands among the outputs of [`everything`].
fn position(plan: &RetrievalPlan, from: ValueRef) -> usize {
    let of_lookups = |lookups: &[Lookup]| lookups.iter().map(|lookup| lookup.features.len()).sum::<usize>();
    match from {
        ValueRef::Lookup { lookup, feature } => of_lookups(&plan.lookups[..lookup]) + feature,
        ValueRef::OnDemand { step, feature } => {
            let before = plan.on_demand[..step].iter().map(|step| step.features.len());
            of_lookups(&plan.lookups) + before.sum::<usize>() + feature
        }
    }
}
