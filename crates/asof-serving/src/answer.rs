//! From a compiled plan and the columns of a request to an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, TimestampMicrosecondArray};
use asof_model::conform::{conform, conform_key};
use asof_model::definition::{JoinKey, RequestField};
use asof_model::key::EncodedKeys;
use asof_model::retrieval::{Lookup, ValueRef};
use asof_model::row::stored_order;
use asof_model::{FeatureStatus, Timestamp};
use asof_online::{OnlineStore, ReadRequest};
use bytes::Bytes;

use crate::plan::{CompiledLookup, CompiledPlan};
use crate::{FeatureColumn, Response, ServingError};

/// Answers `columns` of `rows` rows as of `now`.
pub(crate) async fn answer(
    compiled: &CompiledPlan,
    store: &dyn OnlineStore,
    registry_version: u64,
    now: Timestamp,
    columns: &BTreeMap<String, ArrayRef>,
    rows: usize,
) -> Result<Response, ServingError> {
    let inputs = conform_inputs(compiled, columns, rows)?;
    let keys = encode_keys(compiled, &inputs, rows)?;
    let requests: Vec<ReadRequest<'_>> = compiled
        .lookups
        .iter()
        .zip(&keys)
        .map(|(lookup, keys)| ReadRequest {
            keyspace: &lookup.keyspace,
            keys,
        })
        .collect();
    let stored = if requests.is_empty() {
        Vec::new()
    } else {
        store.read(&requests).await?
    };
    let mut found = Vec::with_capacity(stored.len());
    for ((lookup, compiled), stored) in compiled.plan.lookups.iter().zip(&compiled.lookups).zip(&stored) {
        found.push(Found::decode(lookup, compiled, stored, rows, now)?);
    }
    let computed = compute(compiled, &inputs, &found, rows, now)?;
    let features = compiled
        .plan
        .outputs
        .iter()
        .map(|output| {
            let (values, statuses, event_times) = match output.from {
                ValueRef::Lookup { lookup, feature } => {
                    let values = found[lookup].columns[feature].clone();
                    let statuses = found[lookup].statuses(&values);
                    (values, statuses, found[lookup].event_times.clone())
                }
                ValueRef::OnDemand { step, feature } => {
                    let values = computed[step][feature].clone();
                    let statuses = (0..rows).map(|row| value_status(&values, row)).collect();
                    (values, statuses, vec![None; rows])
                }
            };
            FeatureColumn {
                output: output.clone(),
                values,
                statuses,
                event_times,
            }
        })
        .collect();
    let join_keys = compiled.plan.join_keys.iter();
    Ok(Response {
        registry_version,
        rows,
        keys: join_keys
            .zip(inputs)
            .map(|(key, values)| (key.name.clone(), values))
            .collect(),
        features,
    })
}

/// The input columns of the plan, in its order (join keys first), each of its one Arrow type.
fn conform_inputs(
    compiled: &CompiledPlan,
    columns: &BTreeMap<String, ArrayRef>,
    rows: usize,
) -> Result<Vec<ArrayRef>, ServingError> {
    for (name, column) in columns {
        compiled.input(name)?;
        if column.len() != rows {
            return Err(ServingError::ColumnLength {
                column: name.clone(),
                found: column.len(),
                expected: rows,
            });
        }
    }
    let join_keys = &compiled.plan.join_keys;
    compiled
        .inputs
        .iter()
        .enumerate()
        .map(|(at, input)| conform_input(input, join_keys.get(at), columns.get(input.name.as_str())))
        .collect()
}

fn conform_input(
    input: &RequestField,
    key: Option<&JoinKey>,
    column: Option<&ArrayRef>,
) -> Result<ArrayRef, ServingError> {
    let Some(column) = column else {
        return Err(ServingError::MissingColumn {
            role: if key.is_some() { "join key" } else { "request field" },
            column: input.name.clone(),
            value_type: input.value_type,
        });
    };
    match key {
        Some(key) => conform_key(column, key.key_type),
        None => conform(column, input.value_type),
    }
    .map_err(|source| ServingError::ColumnType {
        column: input.name.clone(),
        source,
    })
}

fn encode_keys(compiled: &CompiledPlan, inputs: &[ArrayRef], rows: usize) -> Result<Vec<EncodedKeys>, ServingError> {
    let encode = |(lookup, compiled): (&Lookup, &CompiledLookup)| {
        let columns: Vec<ArrayRef> = compiled.columns.iter().map(|at| inputs[*at].clone()).collect();
        compiled
            .keys
            .encode(&columns, rows)
            .map_err(|source| ServingError::Key {
                view: lookup.view.name.clone(),
                source,
            })
    };
    compiled
        .plan
        .lookups
        .iter()
        .zip(&compiled.lookups)
        .map(encode)
        .collect()
}

/// What became of looking one row up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    /// It is there and may answer.
    Found,
    /// It is there, too old to answer.
    Expired,
    /// It is not there, or not yet visible.
    Missing,
}

/// The rows that one lookup found.
struct Found {
    states: Vec<RowState>,
    /// `None` where no row was found.
    event_times: Vec<Option<Timestamp>>,
    /// The features needed; null where the row may not answer.
    columns: Vec<ArrayRef>,
}

impl Found {
    fn decode(
        lookup: &Lookup,
        compiled: &CompiledLookup,
        stored: &[Option<Bytes>],
        rows: usize,
        now: Timestamp,
    ) -> Result<Self, ServingError> {
        if stored.len() != rows {
            return Err(ServingError::StoreShape {
                view: lookup.view.name.clone(),
                found: stored.len(),
                expected: rows,
            });
        }
        let broken = |source| ServingError::Row {
            view: lookup.view.name.clone(),
            source,
        };
        let admission = &lookup.view.admission;
        let mut decoder = compiled.rows.decoder(&lookup.features);
        let mut states = Vec::with_capacity(rows);
        let mut event_times = Vec::with_capacity(rows);
        for bytes in stored {
            let order = bytes.as_deref().map(stored_order).transpose().map_err(broken)?;
            let visible = order.filter(|order| admission.is_visible(order.event_time, order.created_time, now));
            let state = match visible {
                None => RowState::Missing,
                Some(order) if admission.is_fresh(order.event_time, now) => RowState::Found,
                Some(_) => RowState::Expired,
            };
            // A value that may not answer is not even decoded, so that it cannot slip into an on-demand feature.
            let admitted = bytes.as_deref().filter(|_| state == RowState::Found);
            decoder.push(admitted).map_err(broken)?;
            states.push(state);
            event_times.push(visible.map(|order| order.event_time));
        }
        Ok(Self {
            states,
            event_times,
            columns: decoder.finish().map_err(broken)?.columns,
        })
    }

    fn statuses(&self, values: &ArrayRef) -> Vec<FeatureStatus> {
        let status = |(row, state): (usize, &RowState)| match state {
            RowState::Found => value_status(values, row),
            RowState::Expired => FeatureStatus::OutsideMaxAge,
            RowState::Missing => FeatureStatus::NotFound,
        };
        self.states.iter().enumerate().map(status).collect()
    }
}

fn value_status(values: &ArrayRef, row: usize) -> FeatureStatus {
    if values.is_null(row) {
        FeatureStatus::NullValue
    } else {
        FeatureStatus::Present
    }
}

/// The features of every on-demand step, for the whole batch; the time of the request is the as-of time of each row.
fn compute(
    compiled: &CompiledPlan,
    inputs: &[ArrayRef],
    found: &[Found],
    rows: usize,
    now: Timestamp,
) -> Result<Vec<Vec<ArrayRef>>, ServingError> {
    let mut computed: Vec<Vec<ArrayRef>> = Vec::with_capacity(compiled.steps.len());
    if compiled.steps.is_empty() {
        return Ok(computed);
    }
    let as_of = TimestampMicrosecondArray::from(vec![now.micros(); rows]).with_timezone(Arc::from("UTC"));
    for (step, compiled) in compiled.plan.on_demand.iter().zip(&compiled.steps) {
        let features: Vec<ArrayRef> = step
            .inputs
            .iter()
            .map(|input| match input.from {
                ValueRef::Lookup { lookup, feature } => found[lookup].columns[feature].clone(),
                ValueRef::OnDemand { step, feature } => computed[step][feature].clone(),
            })
            .collect();
        let request: Vec<ArrayRef> = compiled.request.iter().map(|at| inputs[*at].clone()).collect();
        let columns = compiled
            .program
            .evaluate(&features, &request, &as_of)
            .map_err(|source| ServingError::OnDemand {
                view: step.view.name.clone(),
                source,
            })?;
        computed.push(columns);
    }
    Ok(computed)
}
