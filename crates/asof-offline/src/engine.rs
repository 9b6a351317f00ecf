//! The engine: where sources are, and how much is done at once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use asof_model::Timestamp;
use asof_model::definition::{FeatureView, Source, ViewBody};
use asof_storage::StorageOptions;
use asof_transform::AggregateProgram;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::SessionConfig;

use crate::asof_join::{Rule, ValueSource};
use crate::progress::ProgressSink;
use crate::source::{
    FeatureProgram, FeatureScanExec, PlaceProgram, ScanRequest, SourceFile, SourceRows, SourceTable, TimeBounds,
    selected,
};
use crate::windows::WindowProgram;
use crate::{OfflineError, memory};

/// The settings of an engine. None of them changes any result.
#[derive(Debug, Clone)]
pub struct OfflineOptions {
    /// The folder that relative paths of sources start at.
    pub base: PathBuf,
    /// Object-store options by location prefix.
    pub storage: StorageOptions,
    /// How many parts of a source are read at once; at least 1.
    pub partitions: usize,
    /// Rows per batch; at least 1.
    pub batch_size: usize,
    /// About how much memory may be used, in bytes. What does not fit goes to temporary files, or in several passes.
    pub memory: u64,
    /// Where progress goes.
    pub progress: Option<ProgressSink>,
}

impl OfflineOptions {
    /// The usual settings for a repository in the folder `base`: as many partitions as there are processors, and half of
    /// the machine's memory.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self {
            base: base.into(),
            storage: StorageOptions::new(),
            partitions: std::thread::available_parallelism().map_or(1, usize::from),
            batch_size: 8192,
            memory: memory::half(),
            progress: None,
        }
    }
}

/// Reads sources, makes training sets, and finds the rows to materialize. Needs a tokio runtime with threads.
#[derive(Debug, Clone)]
pub struct OfflineEngine {
    pub(crate) options: OfflineOptions,
}

/// A view ready to be read.
#[derive(Debug, Clone)]
pub(crate) struct OpenView {
    pub(crate) table: Arc<SourceTable>,
    /// What its scan computes.
    pub(crate) program: Arc<PlaceProgram>,
    /// The rule by which its rows answer.
    pub(crate) rule: Rule,
    /// Where its features are; `None` for an aggregated view, whose answers bring them along.
    pub(crate) values: Option<Arc<dyn ValueSource>>,
}

impl OfflineEngine {
    /// An engine with these settings.
    pub fn new(options: OfflineOptions) -> Self {
        Self { options }
    }

    /// The columns of a source as expressions see them: texts as `Utf8`, bytes as `Binary`, times as
    /// `Timestamp(us, "UTC")`, partition columns last. Reads the footers of all files.
    ///
    /// # Errors
    /// When there are no files, or their columns differ.
    pub async fn source_schema(&self, source: &Source) -> Result<SchemaRef, OfflineError> {
        Ok(Arc::clone(&self.open(source).await?.schema))
    }

    /// The files of a source, sorted by path. Reads the footers of all files.
    ///
    /// # Errors
    /// As [`Self::source_schema`].
    pub async fn source_files(&self, source: &Source) -> Result<Vec<SourceFile>, OfflineError> {
        Ok(self.open(source).await?.source_files())
    }

    pub(crate) async fn open(&self, source: &Source) -> Result<SourceTable, OfflineError> {
        let progress = self.options.progress.as_ref();
        SourceTable::open(source, &self.options.base, &self.options.storage, progress).await
    }

    /// Prepares to read the features at `features` of a view. `after` bounds the rows that answer from below.
    pub(crate) fn open_view(
        &self,
        table: Arc<SourceTable>,
        view: &FeatureView,
        source: &Source,
        features: &[usize],
        after: Option<Timestamp>,
    ) -> Result<OpenView, OfflineError> {
        let (aggregate, values): (_, Option<Arc<dyn ValueSource>>) = match &view.body {
            ViewBody::Windows(aggregation) => {
                let program = AggregateProgram::compile(&table.schema, &selected(&aggregation.features, features));
                let program = program.map_err(|error| OfflineError::expression(&view.name, error))?;
                (Some(Arc::new(program)), None)
            }
            ViewBody::Rows(_) => {
                let program = FeatureProgram::compile(&table.schema, view, features)?;
                table.check_columns(&program.columns().positions, &[])?;
                (
                    None,
                    Some(Arc::new(SourceRows::new(
                        Arc::clone(&table),
                        program,
                        self.options.progress.clone(),
                    ))),
                )
            }
        };
        let program = Arc::new(PlaceProgram::compile(&table.schema, view, source, aggregate.clone())?);
        let keys = view.join_keys.iter().map(|key| key.name.as_str());
        let needed: Vec<&str> = keys.chain(program.event_column()).collect();
        table.check_columns(&program.columns().positions, &needed)?;
        let rule = match (&view.body, aggregate) {
            (ViewBody::Windows(aggregation), Some(aggregate)) => {
                let threads = self.options.partitions.max(1);
                let windows = WindowProgram::new(&view.name, aggregation, &view.admission, aggregate, after, threads);
                Rule::Windows(Arc::new(windows))
            }
            _ => Rule::Rows(view.admission),
        };
        Ok(OpenView {
            table,
            program,
            rule,
            values,
        })
    }

    /// The settings of an execution.
    ///
    /// # Errors
    /// When there is no place for temporary files.
    pub(crate) fn context(&self) -> Result<Arc<TaskContext>, OfflineError> {
        let config = SessionConfig::new()
            .with_batch_size(self.options.batch_size.max(1))
            .with_target_partitions(self.options.partitions.max(1));
        let memory = usize::try_from(self.options.memory).unwrap_or(usize::MAX);
        // The pool counts what is kept; what is decoded, gathered and encoded at the moment comes on top, and the
        // allocator's own needs.
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory / 8 * 3)))
            .build_arc()?;
        Ok(Arc::new(
            TaskContext::default().with_session_config(config).with_runtime(runtime),
        ))
    }
}

impl OpenView {
    /// The event times of source rows that can matter to answers at times from `first` to `last`, both included.
    pub(crate) fn bounds(&self, first: Timestamp, last: Timestamp) -> TimeBounds {
        let (first, last) = match &self.rule {
            Rule::Rows(admission) => {
                let first = admission.ttl.map_or(i64::MIN, |ttl| first.saturating_sub(ttl).micros());
                match admission.last_visible(last) {
                    Some(last) => (first, last.micros()),
                    None => return TimeBounds::EMPTY,
                }
            }
            Rule::Windows(program) => program.reach(first.micros(), last.micros()),
        };
        TimeBounds { first, last }
    }

    /// The last created time of source rows that can matter to answers until `last`; `None`: all can.
    pub(crate) fn created_until(&self, last: Timestamp) -> Option<i64> {
        match &self.rule {
            Rule::Rows(admission) => admission.visible_from_created.then(|| last.micros()),
            Rule::Windows(_) => None,
        }
    }

    /// A scan of the view alone.
    pub(crate) fn scan(
        &self,
        engine: &OfflineEngine,
        bounds: TimeBounds,
        only: Option<&BTreeSet<String>>,
    ) -> FeatureScanExec {
        let request = ScanRequest {
            bounds,
            created_until: None,
            files: only.cloned(),
            partitions: engine.options.partitions,
            views: self.program.view().to_string(),
            progress: engine.options.progress.clone(),
        };
        FeatureScanExec::new(Arc::clone(&self.table), Arc::clone(&self.program), request)
    }
}
