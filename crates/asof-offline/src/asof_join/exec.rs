//! The operator: a spine, the scans of the views, and the lookups on them.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use asof_model::ViewName;
use asof_model::key::KeyCodec;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, Partitioning,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt};

use super::collect::Rule;
use super::pass::{Join, plan_passes};
use super::values::ValueSource;
use crate::spine::{OpenSpine, SpineExec};
use crate::training_set::Recorder;

/// One lookup on the rows of a scan.
#[derive(Debug, Clone)]
pub(crate) struct JoinLookup {
    pub(crate) view: ViewName,
    /// The spine's columns that hold the view's join keys.
    pub(crate) key_columns: Vec<usize>,
    /// How the answer is found.
    pub(crate) rule: Rule,
    /// Where the view's values are; `None` when the answer brings them along. Lookups on one view share it.
    pub(crate) values: Option<Arc<dyn ValueSource>>,
    /// Output columns: positions in the answer's values, and the fields that they become.
    pub(crate) outputs: Vec<(usize, Field)>,
}

/// A scan and every lookup on it, of one or several views: keys and times are read once.
#[derive(Debug, Clone)]
pub(crate) struct JoinInput {
    pub(crate) scan: Arc<dyn ExecutionPlan>,
    /// The codec of the views' join keys.
    pub(crate) keys: KeyCodec,
    pub(crate) lookups: Vec<JoinLookup>,
}

/// The point-in-time join; see [the contract](super).
///
/// Children: the spine, then the scans, each a [`FeatureScanExec`](crate::source::FeatureScanExec) in any number of
/// partitions. Output: one partition with the spine's columns and rows in their order, then the outputs of all
/// lookups, input by input.
pub(crate) struct AsofJoinExec {
    spine: Arc<dyn ExecutionPlan>,
    open: OpenSpine,
    inputs: Vec<JoinInput>,
    recorder: Recorder,
    properties: Arc<PlanProperties>,
}

impl AsofJoinExec {
    pub(crate) fn new(spine: OpenSpine, inputs: Vec<JoinInput>, recorder: Recorder) -> Self {
        let mut fields: Vec<Field> = spine
            .schema
            .fields()
            .iter()
            .map(|field| field.as_ref().clone())
            .collect();
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
            spine: Arc::new(SpineExec::new(spine.clone())),
            open: spine,
            inputs,
            recorder,
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
            spine.field(self.open.as_of).name()
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
        // The spine is read more than once, by the operator itself: its child stands there to be seen.
        let inputs = self.inputs.iter().zip(children.into_iter().skip(1));
        let inputs = inputs.map(|(input, scan)| JoinInput { scan, ..input.clone() });
        Ok(Arc::new(Self::new(
            self.open.clone(),
            inputs.collect(),
            self.recorder.clone(),
        )))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let passes = plan_passes(&self.open, &self.inputs, &context);
        self.recorder.note(|report| report.passes = passes.len() as u64);
        let join = Arc::new(Join {
            spine: self.open.clone(),
            inputs: self.inputs.clone(),
            schema: self.schema(),
            recorder: self.recorder.clone(),
            context,
        });
        let batches = futures::stream::iter(passes)
            .then(move |rows| Arc::clone(&join).pass(rows))
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches.boxed())))
    }
}
