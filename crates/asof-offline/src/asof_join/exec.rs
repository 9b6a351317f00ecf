//! The operator: a spine, the scans of the views, and the lookups on them.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::datatypes::{Field, Schema, SchemaRef, TimestampMicrosecondType};
use asof_model::ScalarType;
use asof_model::conform::{conform, conform_key};
use asof_model::key::KeyCodec;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, Partitioning,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt};

use super::answers::{Answers, RowRef};
use super::collect::{Question, Rule, collect};
use super::index::{Index, NO_SLOT, Slots};
use crate::OfflineError;

/// One lookup on the rows of a scan.
#[derive(Debug, Clone)]
pub(crate) struct JoinLookup {
    /// The spine's columns that hold the view's join keys.
    pub(crate) key_columns: Vec<usize>,
    /// How the answer is found.
    pub(crate) rule: Rule,
    /// Output columns: positions in the answer's values, and the fields that they become.
    pub(crate) outputs: Vec<(usize, Field)>,
}

/// A view's scan and every lookup on it: the view is read once.
#[derive(Debug, Clone)]
pub(crate) struct JoinInput {
    pub(crate) scan: Arc<dyn ExecutionPlan>,
    /// The types of the view's join keys, in the view's order.
    pub(crate) keys: Vec<ScalarType>,
    pub(crate) lookups: Vec<JoinLookup>,
}

/// The point-in-time join; see [the contract](super).
///
/// Children: the spine in one partition, then one scan per view, each a
/// [`FeatureScanExec`](crate::source::FeatureScanExec) in any number of partitions. Output: one partition with the
/// spine's columns and rows in their order, then the outputs of all lookups, input by input.
pub(crate) struct AsofJoinExec {
    spine: Arc<dyn ExecutionPlan>,
    /// The spine's column of as-of times, without nulls.
    as_of: usize,
    inputs: Vec<JoinInput>,
    properties: Arc<PlanProperties>,
}

impl AsofJoinExec {
    pub(crate) fn new(spine: Arc<dyn ExecutionPlan>, as_of: usize, inputs: Vec<JoinInput>) -> Self {
        let schema = spine.schema();
        let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        for lookup in inputs.iter().flat_map(|input| &input.lookups) {
            fields.extend(lookup.outputs.iter().map(|(_, field)| field.clone()));
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(Schema::new(fields))),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            spine,
            as_of,
            inputs,
            properties: Arc::new(properties),
        }
    }
}

impl fmt::Debug for AsofJoinExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as(DisplayFormatType::Default, f)
    }
}

impl DisplayAs for AsofJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spine = self.spine.schema();
        let lookups = self.inputs.iter().flat_map(|input| &input.lookups).map(|lookup| {
            let keys = lookup.key_columns.iter().map(|at| spine.field(*at).name().as_str());
            format!("({})", keys.collect::<Vec<_>>().join(", "))
        });
        let lookups = lookups.collect::<Vec<_>>().join(", ");
        write!(
            f,
            "AsofJoinExec: as_of={}, on=[{lookups}]",
            spine.field(self.as_of).name()
        )
    }
}

impl ExecutionPlan for AsofJoinExec {
    fn name(&self) -> &'static str {
        "AsofJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        std::iter::once(&self.spine)
            .chain(self.inputs.iter().map(|input| &input.scan))
            .collect()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let mut children = vec![Distribution::SinglePartition];
        children.extend(self.inputs.iter().map(|_| Distribution::UnspecifiedDistribution));
        InputDistributionRequirements::new(children)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        let mut children = vec![true];
        children.extend(self.inputs.iter().map(|_| false));
        children
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut children = children.into_iter();
        let spine = children.next().unwrap_or_else(|| Arc::clone(&self.spine));
        let inputs = self
            .inputs
            .iter()
            .zip(children)
            .map(|(input, scan)| JoinInput { scan, ..input.clone() });
        Ok(Arc::new(Self::new(spine, self.as_of, inputs.collect())))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let spine = self.spine.execute(0, Arc::clone(&context))?;
        let join = Join {
            as_of: self.as_of,
            inputs: self.inputs.clone(),
            schema: self.schema(),
            context,
        };
        let batches = futures::stream::once(join.run(spine)).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// One execution of the operator.
struct Join {
    as_of: usize,
    inputs: Vec<JoinInput>,
    schema: SchemaRef,
    context: Arc<TaskContext>,
}

/// A lookup that has its answers.
struct Answered {
    slots: Arc<Slots>,
    answers: Answers,
    /// As [`JoinLookup::outputs`], with one null row of the type to take nulls from.
    outputs: Vec<(usize, ArrayRef)>,
}

impl Join {
    async fn run(
        self,
        spine: SendableRecordBatchStream,
    ) -> Result<impl futures::Stream<Item = Result<RecordBatch>> + use<>> {
        let spine: Vec<RecordBatch> = spine.try_collect().await?;
        let times = self.as_of_times(&spine)?;
        let mut indexes: Vec<(Vec<usize>, Vec<ScalarType>, Arc<Slots>)> = Vec::new();
        let mut answered = Vec::new();
        for input in &self.inputs {
            let mut slots = Vec::new();
            for lookup in &input.lookups {
                let known = indexes
                    .iter()
                    .find(|(columns, keys, _)| *columns == lookup.key_columns && *keys == input.keys);
                slots.push(if let Some((_, _, slots)) = known {
                    Arc::clone(slots)
                } else {
                    let new = Arc::new(index(&spine, &times, &lookup.key_columns, &input.keys)?);
                    indexes.push((lookup.key_columns.clone(), input.keys.clone(), Arc::clone(&new)));
                    new
                });
            }
            let ask = || {
                let questions = input.lookups.iter().zip(&slots);
                questions
                    .map(|(lookup, slots)| Question::new(Index::Spine(Arc::clone(slots)), &lookup.rule))
                    .collect()
            };
            let questions = collect(&input.scan, &self.context, &input.keys, ask).await?;
            for ((question, lookup), slots) in questions.into_iter().zip(&input.lookups).zip(slots) {
                let (_, answers) = question.finish()?;
                let empty = |(at, field): &(usize, Field)| (*at, new_null_array(field.data_type(), 1));
                answered.push(Answered {
                    slots,
                    answers,
                    outputs: lookup.outputs.iter().map(empty).collect(),
                });
            }
        }
        let batch_size = self.context.session_config().batch_size().max(1);
        Ok(
            futures::stream::iter(pieces(spine, batch_size)).map(move |(first_row, piece)| {
                let mut columns = piece.columns().to_vec();
                for lookup in &answered {
                    lookup.gather(first_row, piece.num_rows(), &mut columns)?;
                }
                Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
            }),
        )
    }

    fn as_of_times(&self, spine: &[RecordBatch]) -> Result<Vec<ArrayRef>, OfflineError> {
        let as_of = |batch: &RecordBatch| conform(batch.column(self.as_of), ScalarType::Timestamp.into());
        let times = spine.iter().map(as_of).collect::<Result<Vec<_>, _>>();
        times.map_err(|error| OfflineError::spine_column(self.schema.field(self.as_of).name(), error))
    }
}

/// Indexes the spine by some of its columns.
fn index(
    spine: &[RecordBatch],
    times: &[ArrayRef],
    columns: &[usize],
    keys: &[ScalarType],
) -> Result<Slots, OfflineError> {
    let codec = KeyCodec::new(keys);
    let mut encoded = Vec::with_capacity(spine.len());
    for batch in spine {
        let conformed = columns.iter().zip(keys).map(|(at, key)| {
            conform_key(batch.column(*at), *key)
                .map_err(|error| OfflineError::spine_column(batch.schema_ref().field(*at).name(), error))
        });
        let conformed = conformed.collect::<Result<Vec<_>, _>>()?;
        encoded.push(codec.encode(&conformed, batch.num_rows())?);
    }
    let times: Vec<&[i64]> = times
        .iter()
        .map(|times| times.as_primitive::<TimestampMicrosecondType>().values().as_ref())
        .collect();
    Ok(Slots::of_spine(&encoded, &times))
}

/// Cuts the batches into pieces of at most `rows` rows, each with the number of its first row.
fn pieces(batches: Vec<RecordBatch>, rows: usize) -> impl Iterator<Item = (usize, RecordBatch)> {
    let mut first_row = 0;
    batches.into_iter().flat_map(move |batch| {
        let start = first_row;
        first_row += batch.num_rows();
        (0..batch.num_rows()).step_by(rows).map(move |at| {
            let length = rows.min(batch.num_rows() - at);
            (start + at, batch.slice(at, length))
        })
    })
}

impl Answered {
    /// Adds this lookup's outputs for some spine rows.
    fn gather(&self, first_row: usize, rows: usize, columns: &mut Vec<ArrayRef>) -> Result<(), DataFusionError> {
        let found = |slot: &u32| -> Option<RowRef> {
            let found = (*slot != NO_SLOT).then(|| self.answers.found[*slot as usize]);
            found.flatten().map(|found| found.row)
        };
        let slots = &self.slots.of_row()[first_row..first_row + rows];
        let refs: Vec<Option<RowRef>> = slots.iter().map(found).collect();
        for (at, empty) in &self.outputs {
            let empty: &dyn Array = empty.as_ref();
            columns.push(self.answers.values.column(*at, empty, &refs)?);
        }
        Ok(())
    }
}
