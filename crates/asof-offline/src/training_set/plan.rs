//! From a retrieval plan to the operator that joins, and what is done with each batch that comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, SchemaRef, TimestampMicrosecondType};
use asof_model::conform::conform;
use asof_model::retrieval::{Lookup, RetrievalPlan, ValueRef};
use asof_model::{ScalarType, SourceName, Timestamp, ValueType, ViewName};
use asof_transform::OnDemandProgram;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::ExecutionPlan;
use xxhash_rust::xxh3::Xxh3;

use super::report::{Recorder, SourceReport, SpineReport};
use crate::asof_join::{AsofJoinExec, JoinInput, JoinLookup};
use crate::source::{SourceTable, TimeBounds};
use crate::spine::LoadedSpine;
use crate::{OfflineEngine, OfflineError};

/// Everything that is known before rows are read.
pub(super) struct Prepared {
    pub(super) join: AsofJoinExec,
    pub(super) finish: Finish,
    pub(super) inputs_hash: String,
    pub(super) recorder: Recorder,
}

/// What is done with a batch of the join: on-demand features, then the outputs in the order asked.
pub(super) struct Finish {
    spine_columns: usize,
    as_of: usize,
    /// The first column of each lookup of the plan.
    lookups: Vec<usize>,
    steps: Vec<Step>,
    outputs: Vec<ValueRef>,
}

struct Step {
    view: ViewName,
    program: OnDemandProgram,
    inputs: Vec<ValueRef>,
    /// The spine's columns that hold the request fields.
    request: Vec<(usize, ValueType)>,
}

impl Prepared {
    pub(super) async fn new(
        engine: &OfflineEngine,
        plan: &RetrievalPlan,
        spine: LoadedSpine,
    ) -> Result<Self, OfflineError> {
        let mut steps = Vec::new();
        for step in &plan.on_demand {
            let refused = |error| OfflineError::expression(&step.view.name, error);
            let request = step.view.request.iter().map(|field| {
                let column = spine.schema.index_of(field.name.as_str())?;
                Ok((column, field.value_type))
            });
            steps.push(Step {
                view: step.view.name.clone(),
                program: OnDemandProgram::compile(step).map_err(refused)?,
                inputs: step.inputs.iter().map(|input| input.from).collect(),
                request: request.collect::<Result<_, OfflineError>>()?,
            });
        }
        let mut tables: BTreeMap<&SourceName, Arc<SourceTable>> = BTreeMap::new();
        for lookup in &plan.lookups {
            if !tables.contains_key(&lookup.source.name) {
                tables.insert(&lookup.source.name, Arc::new(engine.open(&lookup.source).await?));
            }
        }
        let spine_columns = spine.schema.fields().len();
        let mut inputs = Vec::new();
        let mut lookups = vec![0; plan.lookups.len()];
        let mut next_column = spine_columns;
        for (view, members) in by_view(&plan.lookups) {
            let table = Arc::clone(&tables[&members[0].1.source.name]);
            let input = join_input(engine, table, &spine, &members)?;
            for ((at, _), lookup) in members.iter().zip(&input.lookups) {
                lookups[*at] = next_column;
                next_column += lookup.outputs.len();
            }
            debug_assert_eq!(members[0].1.view.name, view);
            inputs.push(input);
        }
        let inputs_hash = inputs_hash(spine.hash, tables.values().map(Arc::as_ref));
        let recorder = Recorder::default();
        recorder.note(|report| {
            report.spine = SpineReport {
                rows: spine.batches.iter().map(|batch| batch.num_rows() as u64).sum(),
                first: spine.times.map(|(first, _)| Timestamp::from_micros(first)),
                last: spine.times.map(|(_, last)| Timestamp::from_micros(last)),
                hash: format!("{:032x}", spine.hash),
            };
            report.sources = (tables.iter())
                .map(|(name, table)| SourceReport {
                    source: (*name).clone(),
                    files: table.source_files(),
                })
                .collect();
        });
        let as_of = spine.as_of;
        let source = MemorySourceConfig::try_new_exec(&[spine.batches], spine.schema, None)?;
        Ok(Self {
            join: AsofJoinExec::new(source, as_of, inputs),
            finish: Finish {
                spine_columns,
                as_of,
                lookups,
                steps,
                outputs: plan.outputs.iter().map(|output| output.from).collect(),
            },
            inputs_hash,
            recorder,
        })
    }
}

/// Lookups of one view, with their positions in the plan.
type Members<'a> = Vec<(usize, &'a Lookup)>;

/// The lookups by view, so that each view is read once, in the order in which views are first asked for.
fn by_view(lookups: &[Lookup]) -> Vec<(ViewName, Members<'_>)> {
    let mut views: Vec<(ViewName, Members<'_>)> = Vec::new();
    for (at, lookup) in lookups.iter().enumerate() {
        match views.iter_mut().find(|(name, _)| *name == lookup.view.name) {
            Some((_, members)) => members.push((at, lookup)),
            None => views.push((lookup.view.name.clone(), vec![(at, lookup)])),
        }
    }
    views
}

/// The scan of one view for all lookups on it.
fn join_input(
    engine: &OfflineEngine,
    table: Arc<SourceTable>,
    spine: &LoadedSpine,
    members: &Members<'_>,
) -> Result<JoinInput, OfflineError> {
    let first = members[0].1;
    let (view, source) = (&first.view, &first.source);
    let mut features: Vec<usize> = members.iter().flat_map(|(_, lookup)| lookup.features.clone()).collect();
    features.sort_unstable();
    features.dedup();
    let open = engine.open_view(table, view, source, &features, None)?;
    let bounds = spine.times.map_or(TimeBounds::EMPTY, |(first, last)| {
        open.bounds(Timestamp::from_micros(first), Timestamp::from_micros(last))
    });
    let scan: Arc<dyn ExecutionPlan> = Arc::new(open.scan(engine, bounds, None));
    let named = view.features();
    let lookup = |(_, lookup): &(usize, &Lookup)| {
        let keys = lookup.keys.iter().map(|key| spine.schema.index_of(key.column.as_str()));
        let outputs = lookup.features.iter().map(|feature| {
            let at = features.partition_point(|known| known < feature);
            let feature = &named[*feature];
            let name = format!("{}:{}", view.name, feature.name);
            (at, Field::new(name, feature.value_type.arrow(), true))
        });
        Ok(JoinLookup {
            key_columns: keys.collect::<Result<_, _>>()?,
            rule: open.rule.clone(),
            outputs: outputs.collect(),
        })
    };
    Ok(JoinInput {
        scan,
        keys: view.join_keys.iter().map(|key| key.key_type).collect(),
        lookups: members.iter().map(lookup).collect::<Result<_, OfflineError>>()?,
    })
}

fn inputs_hash<'a>(spine: u128, tables: impl Iterator<Item = &'a SourceTable>) -> String {
    let mut hash = Xxh3::new();
    hash.update(b"asof inputs 1");
    hash.update(&spine.to_le_bytes());
    for table in tables {
        let files = table.source_files();
        hash.update(&(files.len() as u64).to_le_bytes());
        for file in files {
            hash.update(&(file.path.len() as u64).to_le_bytes());
            hash.update(file.path.as_bytes());
            hash.update(&file.size.to_le_bytes());
            hash.update(&file.modified.micros().to_le_bytes());
            let tag = file.e_tag.unwrap_or_default();
            hash.update(&(tag.len() as u64).to_le_bytes());
            hash.update(tag.as_bytes());
        }
    }
    format!("{:032x}", hash.digest128())
}

impl Finish {
    /// The output for one batch of the join.
    pub(super) fn apply(&self, joined: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, OfflineError> {
        let spine = |at: usize, value_type: ValueType| {
            conform(joined.column(at), value_type)
                .map_err(|error| OfflineError::spine_column(joined.schema_ref().field(at).name(), error))
        };
        let mut computed: Vec<Vec<ArrayRef>> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let inputs = step.inputs.iter().map(|from| self.value(*from, joined, &computed));
            let inputs: Vec<ArrayRef> = inputs.collect();
            let request = step.request.iter().map(|(at, value_type)| spine(*at, *value_type));
            let request = request.collect::<Result<Vec<_>, _>>()?;
            let as_of = spine(self.as_of, ScalarType::Timestamp.into())?;
            let as_of = as_of.as_primitive::<TimestampMicrosecondType>();
            let values = step.program.evaluate(&inputs, &request, as_of);
            computed.push(values.map_err(|error| OfflineError::evaluation(&step.view, error))?);
        }
        let mut columns = joined.columns()[..self.spine_columns].to_vec();
        columns.extend(self.outputs.iter().map(|from| self.value(*from, joined, &computed)));
        let options = RecordBatchOptions::new().with_row_count(Some(joined.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(schema),
            columns,
            &options,
        )?)
    }

    fn value(&self, from: ValueRef, joined: &RecordBatch, computed: &[Vec<ArrayRef>]) -> ArrayRef {
        match from {
            ValueRef::Lookup { lookup, feature } => Arc::clone(joined.column(self.lookups[lookup] + feature)),
            ValueRef::OnDemand { step, feature } => Arc::clone(&computed[step][feature]),
        }
    }
}
