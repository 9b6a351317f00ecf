//! Training sets: a spine with the features of a retrieval plan, each as it was known at the row's time.

mod manifest;
mod output;
mod plan;
mod report;
mod samples;
mod trace;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use asof_model::retrieval::RetrievalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

pub use manifest::{
    ContentRecord, DefinitionRecord, FileRecord, LookupRecord, MANIFEST_FORMAT_VERSION, Manifest, ManifestLabels,
    OutputFile, OutputRecord, SourceRecord, SpineRecord, ViewRecord, hash_file, manifest_path,
};
pub use output::{
    ParquetCompression, ParquetOptions, TensorOptions, TrainingSetLabels, TrainingSetOutput, TrainingSetSelection,
    TrainingSetSummary, UnknownCompression,
};
pub(crate) use report::Recorder;
pub use report::{IndexReport, JoinReport, LookupReport, PartReport, SourceReport, SpineReport, ViewReport};
pub use trace::{
    LookupTrace, RejectedRow, Rejection, RowTrace, StepTrace, TracedAnswer, TracedRow, TracedValue, WindowTrace,
};

use crate::progress::Progress;
use crate::spine::OpenSpine;
use crate::{OfflineEngine, OfflineError, Spine};
use plan::Prepared;

/// A training set that is about to be made.
pub struct TrainingSet {
    schema: SchemaRef,
    spine_columns: usize,
    inputs_hash: String,
    recorder: Recorder,
    plan: Arc<dyn ExecutionPlan>,
    batches: BoxStream<'static, Result<RecordBatch, OfflineError>>,
}

impl TrainingSet {
    /// The spine's columns as they are, then the features in the order asked, each nullable and of its own type.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A hash of the spine and of the files of all sources (path and content, see [`ContentRecord`]), in hex.
    pub fn inputs_hash(&self) -> &str {
        &self.inputs_hash
    }

    /// How the join is made, as an indented tree of operators.
    pub fn explain(&self) -> String {
        displayable(self.plan.as_ref()).indent(false).to_string()
    }

    /// Exactly the spine's rows, in its order.
    pub fn into_batches(self) -> BoxStream<'static, Result<RecordBatch, OfflineError>> {
        self.batches
    }

    /// All rows at once.
    ///
    /// # Errors
    /// When a source cannot be read, or an expression cannot be computed.
    pub async fn collect(self) -> Result<Vec<RecordBatch>, OfflineError> {
        self.batches.try_collect().await
    }
}

impl std::fmt::Debug for TrainingSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainingSet")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl OfflineEngine {
    /// Joins the features of `plan` to a spine as of the times in its column `as_of`.
    ///
    /// What can be known beforehand is checked before any feature row is read: the spine, the sources' columns, and
    /// every expression.
    ///
    /// # Errors
    /// When the spine does not have what the plan needs, or a source or an expression does not fit.
    pub async fn training_set(
        &self,
        plan: &RetrievalPlan,
        spine: Spine,
        as_of: &str,
    ) -> Result<TrainingSet, OfflineError> {
        let spine = spine.open(plan, as_of, self).await?;
        if let Some(progress) = &self.options.progress {
            progress.report(Progress::Asked { rows: spine.rows });
        }
        let schema = output_schema(&spine, plan);
        let spine_columns = spine.schema.fields().len();
        let prepared = Prepared::new(self, plan, spine).await?;
        let exec: Arc<dyn ExecutionPlan> = Arc::new(prepared.join);
        let joined = exec.execute(0, self.context()?)?;
        let (finish, out) = (prepared.finish, Arc::clone(&schema));
        let batches = joined.map(move |batch| finish.apply(&batch?, &out)).boxed();
        Ok(TrainingSet {
            schema,
            spine_columns,
            inputs_hash: prepared.inputs_hash,
            recorder: prepared.recorder,
            plan: exec,
            batches,
        })
    }

    /// Makes a training set and writes it as Parquet to a file or folder, whole or not at all: it is written beside its
    /// place and renamed. An existing file is replaced, an existing folder only if it is empty or a training set.
    ///
    /// Each file's metadata has `asof.format`, `asof.project`, `asof.registry_version`, `asof.service` or
    /// `asof.features`, and `asof.inputs_hash`. Its bytes follow from the inputs alone.
    ///
    /// # Errors
    /// As [`Self::training_set`], and when the file cannot be written.
    pub async fn write_training_set(
        &self,
        plan: &RetrievalPlan,
        spine: Spine,
        as_of: &str,
        output: impl Into<TrainingSetOutput>,
        labels: &TrainingSetLabels,
    ) -> Result<TrainingSetSummary, OfflineError> {
        let training_set = self.training_set(plan, spine, as_of).await?;
        output::write(training_set, as_of, &output.into(), labels, &self.options).await
    }
}

fn output_schema(spine: &OpenSpine, plan: &RetrievalPlan) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = spine.schema.fields().iter().cloned().collect();
    let outputs = plan
        .outputs
        .iter()
        .map(|output| Field::new(&output.name, output.value_type.arrow(), true));
    fields.extend(outputs.map(Arc::new));
    Arc::new(Schema::new(fields))
}
