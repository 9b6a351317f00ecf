//! From a retrieval plan to the operator that joins, and what is done with each batch that comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, SchemaRef, TimestampMicrosecondType};
use asof_model::conform::conform;
use asof_model::definition::TimeColumn;
use asof_model::key::KeyCodec;
use asof_model::retrieval::{Lookup, RetrievalPlan, ValueRef};
use asof_model::{ScalarType, SourceName, Timestamp, ValueType, ViewName};
use asof_transform::OnDemandProgram;
use xxhash_rust::xxh3::Xxh3;

use super::manifest;
use super::report::{Recorder, SourceReport, SpineReport, ViewReport};
use crate::asof_join::{AsofJoinExec, JoinInput, JoinLookup};
use crate::engine::OpenView;
use crate::source::{FeatureScanExec, ScanRequest, SourceTable, TimeBounds};
use crate::spine::OpenSpine;
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
        spine: OpenSpine,
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
        let recorder = Recorder::default();
        let mut tables: BTreeMap<&SourceName, Arc<SourceTable>> = BTreeMap::new();
        for lookup in &plan.lookups {
            if !tables.contains_key(&lookup.source.name) {
                let table = engine.open(&lookup.source).await?;
                let files = table.source_files();
                let contents = manifest::contents(&files, &engine.options).await?;
                recorder.note(|report| {
                    report.sources.push(SourceReport {
                        source: lookup.source.name.clone(),
                        files,
                        contents,
                    });
                });
                tables.insert(&lookup.source.name, Arc::new(table));
            }
        }
        note_spine(&recorder, &spine);
        let mut views = Vec::new();
        for (view, members) in by_view(&plan.lookups) {
            debug_assert_eq!(members[0].1.view.name, view);
            let table = Arc::clone(&tables[&members[0].1.source.name]);
            recorder.note(|report| report.views.push(view_report(&table, members[0].1)));
            views.push(AskedView::new(engine, table, &spine, &members)?);
        }
        let spine_columns = spine.schema.fields().len();
        let mut lookups = vec![0; plan.lookups.len()];
        let mut next_column = spine_columns;
        let mut inputs = Vec::new();
        for group in by_scan(views) {
            for (at, lookup) in group.iter().flat_map(|view| &view.lookups) {
                lookups[*at] = next_column;
                next_column += lookup.outputs.len();
            }
            inputs.push(join_input(engine, group));
        }
        let inputs_hash = inputs_hash(spine.hash, recorder.report().sources);
        let as_of = spine.as_of;
        Ok(Self {
            join: AsofJoinExec::new(spine, inputs, recorder.clone()),
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

/// The lookups by view, in the order in which views are first asked for.
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

/// A view with all lookups on it, each with its position in the plan.
struct AskedView {
    open: OpenView,
    bounds: TimeBounds,
    created_until: Option<i64>,
    lookups: Vec<(usize, JoinLookup)>,
}

impl AskedView {
    fn new(
        engine: &OfflineEngine,
        table: Arc<SourceTable>,
        spine: &OpenSpine,
        members: &Members<'_>,
    ) -> Result<Self, OfflineError> {
        let first = members[0].1;
        let (view, source) = (&first.view, &first.source);
        let mut features: Vec<usize> = members.iter().flat_map(|(_, lookup)| lookup.features.clone()).collect();
        features.sort_unstable();
        features.dedup();
        let open = engine.open_view(table, view, source, &features, None)?;
        let bounds = spine.times.map_or(TimeBounds::EMPTY, |(first, last)| {
            open.bounds(Timestamp::from_micros(first), Timestamp::from_micros(last))
        });
        let created_until = spine
            .times
            .and_then(|(_, last)| open.created_until(Timestamp::from_micros(last)));
        let named = view.features();
        let lookup = |(at, lookup): &(usize, &Lookup)| {
            let keys = lookup.keys.iter().map(|key| spine.schema.index_of(key.column.as_str()));
            let outputs = lookup.features.iter().map(|feature| {
                let at = features.partition_point(|known| known < feature);
                let feature = &named[*feature];
                let name = format!("{}:{}", view.name, feature.name);
                (at, Field::new(name, feature.value_type.arrow(), true))
            });
            let lookup = JoinLookup {
                view: view.name.clone(),
                key_columns: keys.collect::<Result<_, _>>()?,
                rule: open.rule.clone(),
                values: open.values.clone(),
                outputs: outputs.collect(),
            };
            Ok((*at, lookup))
        };
        Ok(Self {
            lookups: members.iter().map(lookup).collect::<Result<_, OfflineError>>()?,
            open,
            bounds,
            created_until,
        })
    }
}

/// The views by the scans that they share: those of one source that tell its rows apart in the same way.
fn by_scan(views: Vec<AskedView>) -> Vec<Vec<AskedView>> {
    let mut scans: Vec<Vec<AskedView>> = Vec::new();
    for view in views {
        let known = scans.iter_mut().find(|scan| {
            let open = &scan[0].open;
            Arc::ptr_eq(&open.table, &view.open.table) && open.program.is_same(&view.open.program)
        });
        match known {
            Some(scan) => scan.push(view),
            None => scans.push(vec![view]),
        }
    }
    scans
}

/// The scan for some views, and the lookups on it.
fn join_input(engine: &OfflineEngine, views: Vec<AskedView>) -> JoinInput {
    let open = &views[0].open;
    let names: Vec<&str> = views.iter().map(|view| view.lookups[0].1.view.as_str()).collect();
    let request = ScanRequest {
        bounds: TimeBounds {
            first: views.iter().map(|view| view.bounds.first).min().unwrap_or(i64::MAX),
            last: views.iter().map(|view| view.bounds.last).max().unwrap_or(i64::MIN),
        },
        created_until: views
            .iter()
            .map(|view| view.created_until)
            .max_by_key(|until| until.unwrap_or(i64::MAX))
            .flatten(),
        files: None,
        partitions: engine.options.partitions,
        views: names.join(", "),
        progress: engine.options.progress.clone(),
    };
    let scan = FeatureScanExec::new(Arc::clone(&open.table), Arc::clone(&open.program), request);
    JoinInput {
        keys: KeyCodec::new(open.program.keys()),
        scan: Arc::new(scan),
        lookups: views
            .into_iter()
            .flat_map(|view| view.lookups)
            .map(|(_, lookup)| lookup)
            .collect(),
    }
}

fn note_spine(recorder: &Recorder, spine: &OpenSpine) {
    recorder.note(|report| {
        report.spine = SpineReport {
            rows: spine.rows,
            first: spine.times.map(|(first, _)| Timestamp::from_micros(first)),
            last: spine.times.map(|(_, last)| Timestamp::from_micros(last)),
            hash: format!("{:032x}", spine.hash),
        };
    });
}

/// What is known of a view before anything of it is read.
fn view_report(table: &SourceTable, lookup: &Lookup) -> ViewReport {
    let files = table.source_files();
    let event_range = match &lookup.source.event_time {
        TimeColumn::Column(column) => table.time_range(column),
        TimeColumn::Expression(_) => None,
    };
    ViewReport {
        files: files.len() as u64,
        row_groups: table.parts.len() as u64,
        bytes: files.iter().map(|file| file.size).sum(),
        rows: files.iter().map(|file| file.rows).sum(),
        first_event: event_range.map(|(first, _)| Timestamp::from_micros(first)),
        last_event: event_range.map(|(_, last)| Timestamp::from_micros(last)),
        ..ViewReport::new(lookup.view.name.clone(), lookup.source.name.clone())
    }
}

/// A hash of what the values follow from: the spine, and the files of the sources by name of the source.
fn inputs_hash(spine: u128, mut sources: Vec<SourceReport>) -> String {
    sources.sort_by(|a, b| a.source.cmp(&b.source));
    let mut hash = Xxh3::new();
    hash.update(b"asof inputs 2");
    hash.update(&spine.to_le_bytes());
    let text = |hash: &mut Xxh3, text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    for source in &sources {
        hash.update(&(source.files.len() as u64).to_le_bytes());
        for (file, content) in source.files.iter().zip(&source.contents) {
            text(&mut hash, &file.path);
            hash.update(&content.size.to_le_bytes());
            text(&mut hash, content.e_tag.as_deref().unwrap_or_default());
            text(&mut hash, content.footer_hash.as_deref().unwrap_or_default());
            let modified = content.modified.map_or(0, Timestamp::micros);
            hash.update(&modified.to_le_bytes());
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
