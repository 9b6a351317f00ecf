//! A project in a temporary folder: one source of rows, views over it, a ledger, an online store.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use arrow::array::RecordBatch;
use asof_materialize::{
    Ledger, LocalRunner, MaterializeError, MaterializeSummary, Materializer, NoProgress, Runs, StopFlag, ViewSummary,
};
use asof_model::definition::{
    Aggregation, Definitions, Entity, Expectation, ExpectationAction, Feature, FeatureView, JoinKey, Metadata,
    OnDemandFeature, OnDemandView, RowFeature, Source, TimeColumn, ViewBody, WindowFeature,
};
use asof_model::key::KeyCodec;
use asof_model::row::{RowCodec, stored_order};
use asof_model::{Admission, FixedClock, InvalidName, Keyspace, ScalarType, TimeSpan, Timestamp};
use asof_offline::{OfflineEngine, OfflineOptions, Progress, ProgressSink};
use asof_online::OnlineStore;
use asof_online::embedded::EmbeddedStore;
use asof_testkit::{Table, write_parquet};
use tempfile::TempDir;

/// The name of the one view.
pub(crate) const VIEW: &str = "readings";

/// A source row: key, event time, created time, value.
pub(crate) type Row = (Option<&'static str>, i64, Option<i64>, Option<i64>);

/// A stored row, decoded: key, event time, created time, value.
pub(crate) type Stored = (String, i64, Option<i64>, Option<i64>);

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) definitions: Definitions,
    pub(crate) store: Arc<dyn OnlineStore>,
    pub(crate) shards: u32,
    pub(crate) rows_per_shard: u64,
    pub(crate) stop: StopFlag,
    ledger: Ledger,
    /// Rows that the engine has read from files so far.
    rows_read: Arc<AtomicU64>,
}

/// Any kind of name.
fn name<N: FromStr<Err = InvalidName>>(text: &str) -> N {
    text.parse().expect("a name of the tests is one")
}

pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(crate) fn span(micros: i64) -> TimeSpan {
    TimeSpan::from_micros(micros).expect("a span of the tests is above zero")
}

/// A view of one int64 feature `x`, by the string key `k`.
pub(crate) fn row_view() -> FeatureView {
    FeatureView {
        name: name(VIEW),
        entities: vec![name("thing")],
        join_keys: vec![JoinKey {
            name: name("k"),
            key_type: ScalarType::String,
        }],
        source: name("rows"),
        admission: Admission {
            ttl: None,
            availability_lag: None,
            visible_from_created: false,
        },
        filter: None,
        body: ViewBody::Rows(vec![RowFeature {
            name: name("x"),
            value_type: ScalarType::Int64.into(),
            expr: None,
            metadata: Metadata::default(),
        }]),
        online: true,
        schedule: None,
        expectations: Vec::new(),
        metadata: Metadata::default(),
    }
}

/// A view of the same key, of `sum(x)` over a window, every so often.
pub(crate) fn window_view(every: i64, window: i64) -> FeatureView {
    FeatureView {
        body: ViewBody::Windows(Aggregation {
            every: span(every),
            features: vec![WindowFeature {
                name: name("x"),
                value_type: ScalarType::Int64.into(),
                expr: "sum(x)".to_owned(),
                window: span(window),
                metadata: Metadata::default(),
            }],
        }),
        ..row_view()
    }
}

pub(crate) fn expectation(name: &str, expr: &str, action: ExpectationAction) -> Expectation {
    Expectation {
        name: self::name(name),
        expr: expr.to_owned(),
        action,
        metadata: Metadata::default(),
    }
}

impl World {
    pub(crate) fn new(view: FeatureView) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = open_store(folder.path())?;
        Ok(Self {
            definitions: definitions(view),
            ledger: ledger(folder.path()),
            folder,
            store,
            shards: 1,
            rows_per_shard: 100,
            stop: StopFlag::default(),
            rows_read: Arc::default(),
        })
    }

    /// The same, with a ledger elsewhere.
    pub(crate) fn with_ledger(self, ledger: Ledger) -> Self {
        Self { ledger, ..self }
    }

    /// The same files and definitions, with an empty online store and ledger.
    pub(crate) fn untouched(&self) -> Result<Self> {
        let twin = Self::new(self.view().clone())?;
        let (from, to) = (self.folder.path().join("data"), twin.folder.path().join("data"));
        fs_err::create_dir_all(&to)?;
        for entry in fs_err::read_dir(from)? {
            let entry = entry?;
            fs_err::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(twin)
    }

    pub(crate) fn view(&self) -> &FeatureView {
        &self.definitions.feature_views[VIEW]
    }

    pub(crate) fn view_mut(&mut self) -> &mut FeatureView {
        self.definitions
            .feature_views
            .get_mut(VIEW)
            .expect("the view is defined")
    }

    pub(crate) fn keyspace(&self) -> Keyspace {
        let source = &self.definitions.sources["rows"];
        Keyspace::of(&self.definitions.project, self.view(), source)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    /// Writes, or replaces, a file of the source.
    pub(crate) fn write(&self, name: &str, rows: &[Row]) -> Result<()> {
        write_parquet(self.file(name), &[rows_batch(rows)])
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    pub(crate) fn materializer(&self) -> Materializer {
        let shards = NonZeroU32::new(self.shards).expect("there is a shard");
        let rows_read = Arc::clone(&self.rows_read);
        let count = ProgressSink::new(move |step| {
            if let Progress::Read { rows, .. } = step {
                rows_read.fetch_add(rows, Ordering::Relaxed);
            }
        });
        materializer(
            self.folder.path(),
            &self.definitions,
            Arc::clone(&self.store),
            self.ledger(),
            |runner| {
                runner
                    .with_shards(shards)
                    .with_rows_per_shard(self.rows_per_shard)
                    .stopped_by(self.stop.clone())
            },
            Some(count),
        )
    }

    pub(crate) async fn incremental(&self, to: i64) -> Result<ViewSummary, MaterializeError> {
        let summary = self
            .materializer()
            .materialize_incremental(&[], at(to), &NoProgress)
            .await?;
        Ok(only(summary))
    }

    /// How many rows the engine reads from files for an incremental run.
    pub(crate) async fn cost_of_incremental(&self, to: i64) -> Result<u64> {
        self.rows_read.store(0, Ordering::Relaxed);
        self.incremental(to).await?;
        Ok(self.rows_read.load(Ordering::Relaxed))
    }

    pub(crate) async fn interval(&self, from: i64, to: i64) -> Result<ViewSummary, MaterializeError> {
        Ok(only(
            self.materializer()
                .materialize(&[], at(from), at(to), &NoProgress)
                .await?,
        ))
    }

    /// All rows of the view's keyspace, as stored, in the order of their keys.
    pub(crate) async fn scan(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let rows = self.store.scan(&self.keyspace()).await?;
        let mut rows: Vec<_> = rows
            .into_iter()
            .map(|stored| (stored.key.to_vec(), stored.row.to_vec()))
            .collect();
        rows.sort_unstable();
        Ok(rows)
    }

    /// The same, decoded.
    pub(crate) async fn stored(&self) -> Result<Vec<Stored>> {
        let keys = KeyCodec::new(&[ScalarType::String]);
        let codec = RowCodec::new(&features(self.view()));
        let mut stored = Vec::new();
        for (key, row) in self.scan().await? {
            let order = stored_order(&row)?;
            let mut decoder = codec.decoder(&[0]);
            decoder.push(Some(&row))?;
            let x = int(&decoder.finish()?.columns[0]);
            let key = keys.decode(&key)?.iter().map(ToString::to_string).collect();
            stored.push((
                key,
                order.event_time.micros(),
                order.created_time.map(Timestamp::micros),
                x,
            ));
        }
        Ok(stored)
    }

    /// Checks that the online store is what a full materialization up to `to` makes of an empty one.
    pub(crate) async fn assert_equal_to_full(&self, to: i64) -> Result<()> {
        let full = self.untouched()?;
        full.incremental(to).await?;
        assert_eq!(self.stored().await?, full.stored().await?, "up to {to}");
        assert_eq!(self.scan().await?, full.scan().await?, "up to {to}");
        Ok(())
    }
}

pub(crate) fn ledger(folder: &Path) -> Ledger {
    let path =
        object_store::path::Path::from_absolute_path(folder.join("registry")).expect("a temporary folder is a path");
    Ledger::new(Arc::new(object_store::local::LocalFileSystem::new()), path)
}

pub(crate) fn runs(folder: &Path) -> Runs {
    let path =
        object_store::path::Path::from_absolute_path(folder.join("registry")).expect("a temporary folder is a path");
    Runs::new(Arc::new(object_store::local::LocalFileSystem::new()), path)
}

pub(crate) fn open_store(folder: &Path) -> Result<Arc<dyn OnlineStore>> {
    Ok(Arc::new(EmbeddedStore::open(&folder.join("online"))?))
}

pub(crate) fn materializer(
    folder: &Path,
    definitions: &Definitions,
    store: Arc<dyn OnlineStore>,
    ledger: Ledger,
    set_up: impl FnOnce(LocalRunner) -> LocalRunner,
    progress: Option<ProgressSink>,
) -> Materializer {
    let engine = OfflineEngine::new(OfflineOptions {
        partitions: 2,
        batch_size: 4,
        progress,
        ..OfflineOptions::new(folder)
    });
    let clock = Arc::new(FixedClock(at(1_000)));
    let runner = LocalRunner::new(Arc::new(engine), store, runs(folder), clock.clone());
    Materializer::new(
        Arc::new(definitions.clone()),
        7,
        ledger,
        Arc::new(set_up(runner)),
        clock,
    )
}

pub(crate) fn definitions(view: FeatureView) -> Definitions {
    let mut definitions = Definitions::empty(name("p"));
    let source = Source {
        name: name("rows"),
        path: "data/".to_owned(),
        event_time: TimeColumn::Column("event".to_owned()),
        created_time: Some(TimeColumn::Column("created".to_owned())),
        filter: None,
        metadata: Metadata::default(),
    };
    definitions.sources.insert(source.name.clone(), source);
    let entity = Entity {
        name: name("thing"),
        join_keys: view.join_keys.clone(),
        key_metadata: BTreeMap::new(),
        metadata: Metadata::default(),
    };
    definitions.entities.insert(entity.name.clone(), entity);
    let on_demand = OnDemandView {
        name: name("on_demand"),
        request: Vec::new(),
        request_metadata: BTreeMap::new(),
        inputs: Vec::new(),
        features: vec![OnDemandFeature {
            name: name("y"),
            value_type: ScalarType::Bool.into(),
            expr: "true".to_owned(),
            metadata: Metadata::default(),
        }],
        metadata: Metadata::default(),
    };
    definitions
        .on_demand_feature_views
        .insert(on_demand.name.clone(), on_demand);
    definitions.feature_views.insert(view.name.clone(), view);
    definitions
}

pub(crate) fn features(view: &FeatureView) -> Vec<Feature> {
    view.features()
}

pub(crate) fn rows_batch(rows: &[Row]) -> RecordBatch {
    Table::new()
        .strings("k", rows.iter().map(|row| row.0))
        .times("event", rows.iter().map(|row| row.1))
        .times("created", rows.iter().map(|row| row.2))
        .int64s("x", rows.iter().map(|row| row.3))
        .batch()
}

/// A row without a created time.
pub(crate) fn row(key: &'static str, event: i64, x: i64) -> Row {
    (Some(key), event, None, Some(x))
}

/// The same, as it is stored.
pub(crate) fn stored(key: &str, event: i64, x: i64) -> Stored {
    (key.to_owned(), event, None, Some(x))
}

pub(crate) fn text<T: Debug>(result: Result<T, MaterializeError>) -> String {
    result.expect_err("it fails").to_string()
}

fn only(summary: MaterializeSummary) -> ViewSummary {
    assert_eq!(summary.views.len(), 1);
    summary.views.into_iter().next().expect("there is one")
}

fn int(column: &arrow::array::ArrayRef) -> Option<i64> {
    use arrow::array::{Array, AsArray};
    let column = column.as_primitive::<arrow::datatypes::Int64Type>();
    (!column.is_null(0)).then(|| column.value(0))
}
