//! One pass of the join over a range of the spine: keys, values, output.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use asof_model::conform::{conform, conform_key};
use asof_model::key::KeyCodec;
use asof_model::{ScalarType, ViewName};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::ExecutionPlan;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::collect::{Answers, Question, collect};
use super::contest::Contest;
use super::exec::{JoinInput, JoinLookup};
use super::fetch::{Fetched, Wanted};
use super::index::{Index, Slots, SlotsBuilder};
use super::lookup_keys::LookupKeys;
use super::output::{Chunk, Output, OutputLookup};
use super::sizes::{chunk_rows, output_rows, pass_rows};
use super::values::ValueSource;
use crate::OfflineError;
use crate::source::{FeatureScanExec, KeyProbe};
use crate::spine::OpenSpine;
use crate::training_set::{IndexReport, LookupReport, PartReport, Recorder};

/// With at most so many keys it is looked up in the source's files where they can be.
const PROBED_KEYS: usize = 1 << 14;

/// Rows of the spine read at once to be indexed.
const INDEXED_ROWS: usize = 1 << 15;

/// One execution of the operator.
pub(super) struct Join {
    pub(super) spine: OpenSpine,
    pub(super) inputs: Vec<JoinInput>,
    pub(super) schema: SchemaRef,
    pub(super) recorder: Recorder,
    pub(super) context: Arc<TaskContext>,
}

/// Cuts the spine into ranges whose index fits the memory.
pub(super) fn plan_passes(spine: &OpenSpine, inputs: &[JoinInput], context: &TaskContext) -> Vec<Range<u64>> {
    let rows = pass_rows(inputs, context);
    let mut passes: Vec<Range<u64>> = Vec::new();
    let mut start = 0;
    while start < spine.rows {
        let end = start.saturating_add(rows).min(spine.rows);
        passes.push(start..end);
        start = end;
    }
    // Without rows there are still columns, and errors.
    if passes.is_empty() {
        passes.push(0..0);
    }
    passes
}

/// An index, and the columns that it is of.
struct Indexed {
    key_columns: Vec<usize>,
    keys: KeyCodec,
    slots: Arc<Slots>,
    /// What it takes of the memory, as long as it stands.
    _reservation: MemoryReservation,
}

/// What one lookup found, row by row.
struct Found {
    /// The position of its input.
    input: usize,
    lookup: JoinLookup,
    winners: Arc<Vec<u64>>,
    values: Arc<dyn ValueSource>,
}

impl Join {
    /// Joins the rows of one range.
    pub(super) async fn pass(self: Arc<Self>, rows: Range<u64>) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let reservation = MemoryConsumer::new("AsofJoinExec winners").register(self.context.memory_pool());
        let found = self.key_passes(&rows, &reservation).await?;
        // Lookups on one view read its values once.
        let mut wanted: Vec<(usize, Wanted)> = Vec::new();
        let mut view_of: Vec<usize> = Vec::new();
        for (at, found) in found.iter().enumerate() {
            let known = wanted
                .iter()
                .position(|(_, wanted)| Arc::ptr_eq(&wanted.source, &found.values));
            view_of.push(known.unwrap_or(wanted.len()));
            match known {
                Some(view) => wanted[view].1.lookups.push(Arc::clone(&found.winners)),
                None => wanted.push((
                    at,
                    Wanted {
                        source: Arc::clone(&found.values),
                        lookups: vec![Arc::clone(&found.winners)],
                    },
                )),
            }
        }
        let count = (rows.end - rows.start) as usize;
        let chunk_rows = chunk_rows(count, wanted.iter().map(|(_, wanted)| wanted), &self.context);
        let chunks = count.div_ceil(chunk_rows);
        let mut fetched = Arc::new(Fetched::new(chunks, &self.context));
        let threads = self.context.session_config().target_partitions();
        for (at, wanted) in &wanted {
            let clock = Instant::now();
            let report = fetched.add(wanted, chunk_rows, threads).await?;
            let found = &found[*at];
            self.recorder.note_view(&found.lookup.view, |view| {
                view.winners += report.winners;
                view.bytes_read += wanted.source.take_bytes_read();
                view.value_pass += clock.elapsed();
                if let (Some(scan), true) = (found.scan(&self.inputs), found.lookup.values.is_some()) {
                    let with_values = report.parts.iter().map(|part| PartReport {
                        has_values: true,
                        ..scan.part(*part)
                    });
                    merge_parts(&mut view.parts, with_values);
                }
                view.row_groups_with_values = view.parts.iter().filter(|part| part.has_values).count() as u64;
            });
        }
        self.recorder.note(|report| {
            report.chunks += chunks as u64;
            report.spilled_bytes += fetched.spilled();
        });
        let output = Arc::new(Output {
            spine: self.spine.clone(),
            schema: Arc::clone(&self.schema),
            lookups: found
                .into_iter()
                .zip(view_of)
                .map(|(found, view)| OutputLookup {
                    view,
                    winners: found.winners,
                    outputs: found.lookup.outputs,
                })
                .collect(),
            batch_rows: output_rows(&self.context),
            threads,
            first_row: rows.start,
        });
        let batches = futures::stream::iter((0..chunks).map(move |chunk| {
            let start = chunk * chunk_rows;
            (chunk, start..count.min(start + chunk_rows))
        }))
        .then(move |(chunk, rows)| {
            let (output, fetched) = (Arc::clone(&output), Arc::clone(&fetched));
            let reservation = reservation.new_empty();
            async move {
                let chunk = Chunk::load(fetched.take(chunk), rows, reservation).await?;
                output.batches(chunk)
            }
        })
        .try_flatten()
        .map_err(DataFusionError::from);
        Ok(batches.boxed())
    }

    /// Reads keys and times of all sources. Returns what each lookup found, input by input.
    async fn key_passes(&self, rows: &Range<u64>, reservation: &MemoryReservation) -> Result<Vec<Found>> {
        let mut indexes: Vec<Indexed> = Vec::new();
        let mut all = Vec::new();
        for (at, input) in self.inputs.iter().enumerate() {
            let mut questions = Vec::new();
            let mut asked = Vec::new();
            let places = reservation.new_empty();
            for lookup in &input.lookups {
                let slots = self.index(&mut indexes, lookup, &input.keys, rows).await?;
                places.grow(Contest::memory(slots.len()));
                asked.push(slots.keys(&input.keys, PROBED_KEYS).map_err(OfflineError::from)?);
                questions.push(Question::new(Index::Spine(slots), &lookup.rule, &self.context));
            }
            let clock = Instant::now();
            let scan = of_keys(&input.scan, &input.keys, asked)?;
            let questions = collect(&scan, &self.context, &input.keys, questions).await?;
            drop(places);
            self.note_scan(input, &scan, clock);
            for (question, lookup) in questions.into_iter().zip(&input.lookups) {
                let (index, answers) = question.finish()?;
                reservation.grow((rows.end - rows.start) as usize * size_of::<u64>());
                all.push(self.found(at, lookup, &index, answers));
            }
            // An index stands as long as a later input needs it.
            let later = &self.inputs[at + 1..];
            indexes.retain(|index| later.iter().any(|input| index.is_for(input)));
        }
        Ok(all)
    }

    fn found(&self, input: usize, lookup: &JoinLookup, index: &Index, answers: Answers) -> Found {
        let Index::Spine(slots) = index else {
            unreachable!("the index that was asked with comes back");
        };
        let (winners, tally) = answers.of_rows(slots);
        let values = lookup.values.clone().or(answers.values);
        let keys: Vec<String> = lookup
            .key_columns
            .iter()
            .map(|at| self.spine.schema.field(*at).name().clone())
            .collect();
        self.recorder.note_view(&lookup.view, |view| {
            let known = view.lookups.iter().position(|lookup| lookup.keys == keys);
            let at = known.unwrap_or_else(|| {
                view.lookups.push(LookupReport {
                    keys,
                    ..LookupReport::default()
                });
                view.lookups.len() - 1
            });
            let report = &mut view.lookups[at];
            report.rows += winners.len() as u64;
            report.matched += tally.matched;
            report.expired += tally.expired;
            report.without_row += tally.without_row;
            report.null_key += tally.null_key;
            report.unknown_key += tally.unknown_key;
        });
        Found {
            input,
            lookup: lookup.clone(),
            winners: Arc::new(winners),
            values: values.expect("a view's values are the source's or come with the answers"),
        }
    }

    /// Notes what the scan of an input has read, for each of its views.
    fn note_scan(&self, input: &JoinInput, scan: &Arc<dyn ExecutionPlan>, clock: Instant) {
        let Some(scan) = scan.downcast_ref::<FeatureScanExec>() else {
            return;
        };
        let counts = scan.report().take();
        let parts: Vec<PartReport> = scan.report().parts_read().map(|part| scan.part(part)).collect();
        let mut noted: Vec<&ViewName> = Vec::new();
        for lookup in &input.lookups {
            if noted.contains(&&lookup.view) {
                continue;
            }
            noted.push(&lookup.view);
            self.recorder.note_view(&lookup.view, |view| {
                view.row_groups_pruned_by_time += counts.parts_pruned_by_time;
                view.row_groups_pruned_by_key += counts.parts_pruned_by_key;
                view.pages += counts.pages;
                view.pages_skipped += counts.pages_skipped;
                view.bytes_read += counts.bytes_read;
                view.rows_probed += counts.rows_read;
                view.rows_matched += counts.rows_matched;
                view.key_pass += clock.elapsed();
                merge_parts(&mut view.parts, parts.iter().copied());
                let mut files: Vec<u32> = view.parts.iter().map(|part| part.file).collect();
                files.dedup();
                view.files_read = files.len() as u64;
                view.row_groups_read = view.parts.len() as u64;
            });
        }
    }

    /// The index for a lookup, made if it is not there.
    async fn index(
        &self,
        indexes: &mut Vec<Indexed>,
        lookup: &JoinLookup,
        keys: &KeyCodec,
        rows: &Range<u64>,
    ) -> Result<Arc<Slots>, OfflineError> {
        let known = indexes
            .iter()
            .find(|index| index.key_columns == lookup.key_columns && index.keys == *keys);
        if let Some(known) = known {
            return Ok(Arc::clone(&known.slots));
        }
        let (spine, columns, codec, range) = (
            self.spine.clone(),
            lookup.key_columns.clone(),
            keys.clone(),
            rows.clone(),
        );
        let slots = crate::spine::blocking(move || index(&spine, &columns, &codec, range)).await?;
        let reservation = MemoryConsumer::new("AsofJoinExec index").register(self.context.memory_pool());
        reservation.grow(slots.memory());
        let names = lookup.key_columns.iter();
        let names: Vec<String> = names.map(|at| self.spine.schema.field(*at).name().clone()).collect();
        self.recorder.note(|report| {
            let known = report.indexes.iter().position(|index| index.keys == names);
            let at = known.unwrap_or_else(|| {
                report.indexes.push(IndexReport {
                    keys: names,
                    ..IndexReport::default()
                });
                report.indexes.len() - 1
            });
            report.indexes[at].entities += slots.entities() as u64;
            report.indexes[at].slots += slots.len() as u64;
        });
        let slots = Arc::new(slots);
        indexes.push(Indexed {
            key_columns: lookup.key_columns.clone(),
            keys: keys.clone(),
            slots: Arc::clone(&slots),
            _reservation: reservation,
        });
        Ok(slots)
    }
}

/// The scan that leaves out what has none of the keys asked for, where it is worth looking: where none of the lookups
/// asks for many keys.
fn of_keys(
    scan: &Arc<dyn ExecutionPlan>,
    codec: &KeyCodec,
    asked: Vec<Option<Vec<ArrayRef>>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let (Some(asked), Some(source)) = (
        asked.into_iter().collect::<Option<Vec<_>>>(),
        scan.downcast_ref::<FeatureScanExec>(),
    ) else {
        return Ok(Arc::clone(scan));
    };
    if asked.is_empty() || codec.fields().is_empty() {
        return Ok(Arc::clone(scan));
    }
    let probe = |(at, (column, key)): (usize, (&str, &ScalarType))| {
        let values: Vec<&dyn Array> = asked.iter().map(|keys| keys[at].as_ref()).collect();
        KeyProbe::new(column, *key, &concat(&values)?)
    };
    let columns = source.key_columns().zip(codec.fields()).enumerate();
    let probes = columns.map(probe).collect::<Result<Vec<_>, ArrowError>>()?;
    Ok(Arc::new(source.for_keys(probes)))
}

impl Found {
    fn scan<'a>(&self, inputs: &'a [JoinInput]) -> Option<&'a FeatureScanExec> {
        inputs[self.input].scan.downcast_ref::<FeatureScanExec>()
    }
}

/// Adds parts to those known, each once.
fn merge_parts(known: &mut Vec<PartReport>, more: impl Iterator<Item = PartReport>) {
    known.extend(more);
    known.sort_unstable_by_key(|part| (part.file, part.row_group, !part.has_values));
    known.dedup_by_key(|part| (part.file, part.row_group));
}

impl Indexed {
    fn is_for(&self, input: &JoinInput) -> bool {
        let mut lookups = input.lookups.iter();
        self.keys == input.keys && lookups.any(|lookup| lookup.key_columns == self.key_columns)
    }
}

/// Indexes some rows of the spine by some of its columns. Blocks.
fn index(spine: &OpenSpine, key_columns: &[usize], keys: &KeyCodec, rows: Range<u64>) -> Result<Slots, OfflineError> {
    // Each column is read once, whatever it is for.
    let mut columns = key_columns.to_vec();
    columns.push(spine.as_of);
    columns.sort_unstable();
    columns.dedup();
    let position = |column: usize| columns.partition_point(|known| *known < column);
    let mut builder = SlotsBuilder::new(keys.fields(), (rows.end - rows.start) as usize);
    for batch in spine.read(&columns, rows, INDEXED_ROWS)? {
        let batch = batch?;
        let named = |column: usize| spine.schema.field(column).name();
        let conformed = key_columns.iter().zip(keys.fields()).map(|(column, key)| {
            conform_key(batch.column(position(*column)), *key)
                .map_err(|error| OfflineError::spine_column(named(*column), error))
        });
        let conformed: Vec<ArrayRef> = conformed.collect::<Result<_, _>>()?;
        let times = conform(batch.column(position(spine.as_of)), ScalarType::Timestamp.into())
            .map_err(|error| OfflineError::spine_column(named(spine.as_of), error))?;
        let keys = LookupKeys::new(keys, &conformed, batch.num_rows())?;
        builder.push(&keys, times.as_primitive::<TimestampMicrosecondType>().values());
    }
    Ok(builder.finish())
}
