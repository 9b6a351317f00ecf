//! A case brought to life: files on disk, definitions read from YAML, and the engines over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use asof_materialize::{Ledger, LocalRunner, Materializer, NoProgress, Runs};
use asof_model::definition::Definitions;
use asof_model::retrieval::{FeatureNames, RetrievalPlan};
use asof_model::{FixedClock, Timestamp};
use asof_offline::{OfflineEngine, OfflineOptions, Spine, TrainingSetLabels, TrainingSetSelection};
use asof_online::{EmbeddedStore, OnlineStore};
use asof_registry::Registry;
use asof_repo::{Repository, Severity, SourceFile};
use asof_serving::{FeatureServer, Request, Response, Selection};
use asof_testkit::{TempRepository, read_parquet, write_parquet_in_row_groups};
use asof_tests::case::Case;
use asof_tests::repository::{definitions, source_batch, spine_batch};
use asof_transform::SqlChecker;
use tokio::runtime::Runtime;

const SETTINGS: &str = "project: law\nregistry: registry\nonline_store: {type: embedded, path: online}\n";

/// The settings of an engine, none of which may change a result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) batch_size: usize,
    pub(crate) partitions: usize,
    /// Bytes.
    pub(crate) memory: u64,
}

impl Settings {
    /// Nothing is cut anywhere.
    pub(crate) const PLAIN: Self = Self {
        batch_size: 8192,
        partitions: 1,
        memory: 1 << 32,
    };
}

/// A repository with its sources.
pub(crate) struct Subject {
    folder: TempRepository,
    definitions: Arc<Definitions>,
    runtime: Runtime,
}

impl Subject {
    /// Writes the case's files and reads its definitions.
    pub(crate) fn new(case: &Case) -> Self {
        let folder = TempRepository::new(&[]).unwrap();
        for view in &case.views {
            for (at, file) in view.files.iter().enumerate() {
                let path = folder.file(&format!("data/{}/{at:02}.parquet", view.name));
                write_parquet_in_row_groups(path, &[source_batch(file)], file.row_group).unwrap();
            }
        }
        Self::of(folder, &definitions(case))
    }

    /// Reads the definitions in `text`; the sources lie in `folder`.
    pub(crate) fn of(folder: TempRepository, text: &str) -> Self {
        let files = [("feature_store.yaml", SETTINGS), ("all.yaml", text)].map(|(path, text)| SourceFile {
            path: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        });
        let repository = Repository::parse(&files, &BTreeMap::new(), Some(&SqlChecker));
        let errors: Vec<_> = repository
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
        Self {
            folder,
            definitions: Arc::new(repository.definitions.expect("definitions without problems")),
            runtime: Runtime::new().unwrap(),
        }
    }

    fn engine(&self, settings: Settings) -> OfflineEngine {
        OfflineEngine::new(OfflineOptions {
            batch_size: settings.batch_size,
            partitions: settings.partitions,
            memory: settings.memory,
            ..OfflineOptions::new(self.folder.path())
        })
    }

    /// A spine in a file with so many rows per row group.
    pub(crate) fn spine_file(&self, spine: &RecordBatch, row_group: usize) -> Spine {
        let path = self.folder.file("spine.parquet");
        write_parquet_in_row_groups(&path, std::slice::from_ref(spine), row_group).unwrap();
        Spine::file(path)
    }

    /// The training set of the service `all`, with full feature names: its rows, and the bytes of its file.
    pub(crate) fn training_set(&self, spine: Spine, settings: Settings) -> (RecordBatch, Vec<u8>) {
        let plan = RetrievalPlan::for_service(&self.definitions, "all", FeatureNames::Full).unwrap();
        let engine = self.engine(settings);
        let labels = TrainingSetLabels {
            project: "law".to_owned(),
            registry_version: Some(1),
            selection: TrainingSetSelection::Service("all".to_owned()),
            manifest: None,
        };
        let file = self.folder.file("train.parquet");
        self.runtime.block_on(async {
            let training_set = engine
                .training_set(&plan, spine.clone(), "event_timestamp")
                .await
                .unwrap();
            let schema = training_set.schema().clone();
            let rows = concat_batches(&schema, &training_set.collect().await.unwrap()).unwrap();
            engine
                .write_training_set(&plan, spine, "event_timestamp", &file, &labels)
                .await
                .unwrap();
            let written = read_parquet(&file).unwrap();
            assert_eq!(
                concat_batches(&schema, &written).unwrap(),
                rows,
                "the file holds the rows"
            );
            (rows, fs_err::read(&file).unwrap())
        })
    }

    /// The answer of the online store, brought up to `now` and asked at `now` for the case's spine rows.
    pub(crate) fn online(&self, case: &Case, settings: Settings) -> Response {
        self.answer(&spine_batch(&case.spine), Timestamp::from_micros(case.now), settings)
    }

    /// The answer of the online store, brought up to `now` and asked at `now`, for the rows of any spine.
    pub(crate) fn answer(&self, spine: &RecordBatch, now: Timestamp, settings: Settings) -> Response {
        self.runtime.block_on(async {
            let store: Arc<dyn OnlineStore> = Arc::new(EmbeddedStore::open(&self.folder.file("online")).unwrap());
            let registry = Registry::open("registry", self.folder.path(), &BTreeMap::new()).unwrap();
            let materializer = Materializer::new(
                self.definitions.clone(),
                1,
                Ledger::beside(&registry),
                Arc::new(LocalRunner::new(
                    Arc::new(self.engine(settings)),
                    store.clone(),
                    Runs::beside(&registry),
                    Arc::new(FixedClock(now)),
                )),
                Arc::new(FixedClock(now)),
            );
            materializer
                .materialize_incremental(&[], now, &NoProgress)
                .await
                .unwrap();
            let server = FeatureServer::new(store, Arc::new(FixedClock(now)));
            server.load(1, self.definitions.clone()).unwrap();
            let selection = Selection::Service("all".to_owned());
            let wanted = server.prepare(&selection, FeatureNames::Full).unwrap();
            let columns: BTreeMap<String, ArrayRef> = wanted
                .inputs()
                .iter()
                .map(|input| {
                    (
                        input.name.to_string(),
                        spine.column_by_name(input.name.as_str()).unwrap().clone(),
                    )
                })
                .collect();
            let request = Request {
                selection,
                names: FeatureNames::Full,
                columns,
                rows: spine.num_rows(),
            };
            server.get_online_features(request).await.unwrap()
        })
    }
}

/// A spine in memory.
pub(crate) fn in_memory(spine: RecordBatch) -> Spine {
    Spine::Batches {
        schema: spine.schema(),
        batches: vec![spine],
    }
}
