//! A repository in a temporary folder, asked for training sets and feature rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use asof_model::Timestamp;
use asof_model::definition::Definitions;
use asof_model::retrieval::{FeatureNames, FeatureReference, RetrievalPlan};
use asof_offline::{FeatureBatch, FeatureStream, OfflineEngine, OfflineError, OfflineOptions, RowsRequest, Spine};
use asof_repo::{Repository, SourceFile};
use asof_testkit::{Table, TempRepository, write_parquet_in_row_groups};
use futures::TryStreamExt;

/// Definitions and data.
pub(crate) struct Fixture {
    pub(crate) folder: TempRepository,
    definitions: Definitions,
}

/// An entity `e` with the key `k` (int64), and a source `s` of `data` with the columns `at` and `written`.
pub(crate) const SIMPLE: &str = "
entities:
  - {name: e, join_keys: [{name: k, type: int64}]}
sources:
  - {name: s, parquet: {path: data}, event_time: at, created_time: written}
feature_views:
";

impl Fixture {
    pub(crate) fn new(yaml: &str) -> Result<Self> {
        let files = [
            SourceFile {
                path: "feature_store.yaml".to_owned(),
                bytes: b"project: test\nregistry: r\nonline_store: {type: embedded, path: o}\n".to_vec(),
            },
            SourceFile {
                path: "all.yaml".to_owned(),
                bytes: yaml.as_bytes().to_vec(),
            },
        ];
        let repository = Repository::parse(&files, &BTreeMap::new(), None);
        let definitions = repository
            .definitions
            .with_context(|| format!("{:#?}", repository.diagnostics))?;
        Ok(Self {
            folder: TempRepository::new(&[])?,
            definitions,
        })
    }

    /// One view `v` of the entity `e` of [`SIMPLE`]; `rest` are its keys beside name, entity and source.
    pub(crate) fn simple(rest: &str) -> Result<Self> {
        Self::new(&format!("{SIMPLE}  - {{name: v, entities: [e], source: s, {rest}}}\n"))
    }

    /// Adds a Parquet file, in small row groups so that there is something to spread over partitions.
    pub(crate) fn file(self, path: &str, rows: RecordBatch) -> Result<Self> {
        write_parquet_in_row_groups(self.folder.file(path), &[rows], 3)?;
        Ok(self)
    }

    pub(crate) fn engine(&self, partitions: usize, batch_size: usize) -> OfflineEngine {
        OfflineEngine::new(OfflineOptions {
            partitions,
            batch_size,
            ..OfflineOptions::new(self.folder.path())
        })
    }

    /// All sources.
    pub(crate) fn sources(&self) -> Vec<Arc<asof_model::definition::Source>> {
        self.definitions.sources.values().cloned().map(Arc::new).collect()
    }

    pub(crate) fn plan(&self, features: &[&str]) -> Result<RetrievalPlan> {
        let references = features.iter().map(|text| text.parse::<FeatureReference>());
        let references = references.collect::<Result<Vec<_>, _>>()?;
        Ok(RetrievalPlan::for_features(
            &self.definitions,
            &references,
            FeatureNames::Short,
        )?)
    }

    pub(crate) fn service(&self, service: &str) -> Result<RetrievalPlan> {
        Ok(RetrievalPlan::for_service(
            &self.definitions,
            service,
            FeatureNames::Short,
        )?)
    }

    /// The training set of a plan, as one batch, from an engine with awkward settings.
    pub(crate) async fn join(&self, plan: &RetrievalPlan, spine: RecordBatch) -> Result<RecordBatch> {
        let engine = self.engine(3, 2);
        let training_set = engine.training_set(plan, batches(spine), "t").await?;
        let schema = Arc::clone(training_set.schema());
        let out = training_set.collect().await?;
        ensure!(out.iter().all(|batch| batch.num_rows() <= 2), "the batch size holds");
        Ok(concat_batches(&schema, &out)?)
    }

    /// All features of the view `v`, joined to a spine.
    pub(crate) async fn join_v(&self, spine: RecordBatch) -> Result<RecordBatch> {
        self.join(&self.plan(&["v"])?, spine).await
    }

    /// Why the training set of all features of `v` cannot be made.
    pub(crate) async fn refusal(&self, spine: Spine) -> Result<OfflineError> {
        let engine = self.engine(3, 2);
        let refused = match engine.training_set(&self.plan(&["v"])?, spine, "t").await {
            Err(error) => Some(error),
            Ok(training_set) => training_set.collect().await.err(),
        };
        refused.context("a refusal was expected")
    }

    pub(crate) fn request(&self, view: &str, at: i64, after: Option<i64>) -> RowsRequest {
        let view = &self.definitions.feature_views[view];
        RowsRequest {
            view: Arc::new(view.clone()),
            source: Arc::new(self.definitions.sources[&view.source].clone()),
            at: Timestamp::from_micros(at),
            after: after.map(Timestamp::from_micros),
            files: None,
            keys: None,
        }
    }

    /// The rows asked for, as texts `keys @event/created: features`.
    pub(crate) async fn latest(&self, request: &RowsRequest) -> Result<Vec<String>> {
        show_rows(self.engine(3, 2).latest_rows(request).await?).await
    }
}

/// All rows of a stream, as texts `keys @event/created: features`.
pub(crate) async fn show_rows(rows: FeatureStream) -> Result<Vec<String>> {
    let batches: Vec<FeatureBatch> = rows.try_collect().await?;
    let mut rows = Vec::new();
    for batch in &batches {
        for row in 0..batch.rows() {
            let cells = |columns: &[ArrayRef]| {
                let cells = columns.iter().map(|column| cell(column.as_ref(), row));
                cells.collect::<Vec<_>>().join(",")
            };
            let created = batch
                .created_times
                .is_valid(row)
                .then(|| batch.created_times.value(row));
            let created = created.map_or("null".to_owned(), |created| created.to_string());
            let (keys, event) = (cells(&batch.keys), batch.event_times.value(row));
            rows.push(format!("{keys} @{event}/{created}: {}", cells(&batch.columns)));
        }
    }
    Ok(rows)
}

/// Rows `(k, at, written, x)` of the source of [`SIMPLE`].
pub(crate) fn rows(rows: &[(i64, i64, Option<i64>, i64)]) -> RecordBatch {
    Table::new()
        .int64s("k", rows.iter().map(|row| row.0))
        .times("at", rows.iter().map(|row| row.1))
        .times("written", rows.iter().map(|row| row.2))
        .int64s("x", rows.iter().map(|row| row.3))
        .batch()
}

/// A spine of the keys `k` at the times `t`.
pub(crate) fn spine(keys: &[i64], times: &[i64]) -> RecordBatch {
    Table::new()
        .int64s("k", keys.iter().copied())
        .times("t", times.iter().copied())
        .batch()
}

pub(crate) fn batches(spine: RecordBatch) -> Spine {
    Spine::Batches {
        schema: spine.schema(),
        batches: vec![spine],
    }
}

/// A column as text, one word per row.
pub(crate) fn show(batch: &RecordBatch, column: &str) -> String {
    let column = batch
        .column_by_name(column)
        .expect("the test names a column that is there");
    let cells = (0..batch.num_rows()).map(|row| cell(column.as_ref(), row));
    cells.collect::<Vec<_>>().join(" ")
}

fn cell(column: &dyn Array, row: usize) -> String {
    let options = FormatOptions::new().with_null("null");
    let formatter = ArrayFormatter::try_new(column, &options).expect("every type of ours has a text");
    formatter.value(row).to_string()
}
