//! The feature server: the current registry version, its compiled plans, and the store they read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use arrow::array::ArrayRef;
use asof_model::definition::{Definitions, RequestField};
use asof_model::retrieval::{FeatureNames, RetrievalError, RetrievalPlan};
use asof_model::{Clock, Timestamp};
use asof_online::OnlineStore;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::answer::answer;
use crate::plan::CompiledPlan;
use crate::{Request, Response, Selection, ServingError};

/// How many plans of one registry version are kept ready. Callers choose lists of features freely, so there is an end.
const KEPT_PLANS: usize = 1024;

/// One registry version, with the plans that were compiled for it so far.
#[derive(Debug)]
pub struct Catalog {
    version: u64,
    definitions: Arc<Definitions>,
    short_names: RwLock<HashMap<Selection, Arc<CompiledPlan>>>,
    full_names: RwLock<HashMap<Selection, Arc<CompiledPlan>>>,
}

impl Catalog {
    fn new(version: u64, definitions: Arc<Definitions>) -> Self {
        Self {
            version,
            definitions,
            short_names: RwLock::default(),
            full_names: RwLock::default(),
        }
    }

    /// The registry version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Its definitions.
    pub fn definitions(&self) -> &Arc<Definitions> {
        &self.definitions
    }

    fn plan(&self, selection: &Selection, names: FeatureNames) -> Result<Arc<CompiledPlan>, ServingError> {
        let plans = match names {
            FeatureNames::Short => &self.short_names,
            FeatureNames::Full => &self.full_names,
        };
        if let Some(plan) = plans.read().get(selection) {
            return Ok(plan.clone());
        }
        let plan = Arc::new(CompiledPlan::compile(&self.definitions, selection, names)?);
        let mut plans = plans.write();
        if plans.len() >= KEPT_PLANS {
            plans.clear();
        }
        plans.insert(selection.clone(), plan.clone());
        Ok(plan)
    }

    /// Compiles every service, so that a version that cannot serve is noticed before it serves.
    fn check(&self) -> Result<(), ServingError> {
        for service in self.definitions.feature_services.keys() {
            match self.plan(&Selection::Service(service.to_string()), FeatureNames::Full) {
                Ok(_) => {}
                // These belong to the request that asks for the service; other services are none the worse.
                Err(
                    ServingError::NotOnline { .. }
                    | ServingError::Retrieval(
                        RetrievalError::AskedTwice { .. }
                        | RetrievalError::NameClash { .. }
                        | RetrievalError::InputClash { .. },
                    ),
                ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Answers requests for features from an online store.
///
/// A registry version is [loaded](Self::load) whole and swapped in at once: a request sees one version from its
/// beginning to its end, and never waits for a load.
#[derive(Debug)]
pub struct FeatureServer {
    store: Arc<dyn OnlineStore>,
    clock: Arc<dyn Clock>,
    current: ArcSwapOption<Catalog>,
    versions: watch::Sender<Option<u64>>,
}

impl FeatureServer {
    /// A server that reads `store` and takes the time of requests from `clock`. It answers nothing before a
    /// version is [loaded](Self::load).
    pub fn new(store: Arc<dyn OnlineStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            current: ArcSwapOption::empty(),
            versions: watch::Sender::new(None),
        }
    }

    /// Takes `definitions`, which are registry version `version`, for all requests from now on.
    ///
    /// # Errors
    /// When a feature service of them does not compile. Then the version before stays.
    pub fn load(&self, version: u64, definitions: Arc<Definitions>) -> Result<(), ServingError> {
        let catalog = Catalog::new(version, definitions);
        catalog.check()?;
        self.store.define(catalog.definitions());
        self.current.store(Some(Arc::new(catalog)));
        self.versions.send_replace(Some(version));
        tracing::info!(version, "registry version loaded");
        Ok(())
    }

    /// The registry version that answers now; `None` before the first is loaded.
    pub fn current(&self) -> Option<Arc<Catalog>> {
        self.current.load_full()
    }

    /// Tells of every version that is loaded.
    pub fn versions(&self) -> watch::Receiver<Option<u64>> {
        self.versions.subscribe()
    }

    /// Whether requests can be answered: a version is loaded and the store can be reached. Returns the version.
    ///
    /// # Errors
    /// Which of the two is not so.
    pub async fn ready(&self) -> Result<u64, ServingError> {
        let catalog = self.current().ok_or(ServingError::NothingLoaded)?;
        self.store.ping().await?;
        Ok(catalog.version)
    }

    /// Plans a selection against the current version; the time of the request is now.
    ///
    /// # Errors
    /// When no version is loaded, or the selection cannot be answered online.
    pub fn prepare(&self, selection: &Selection, names: FeatureNames) -> Result<Prepared, ServingError> {
        let now = self.clock.now();
        let catalog = self.current().ok_or(ServingError::NothingLoaded)?;
        Ok(Prepared {
            plan: catalog.plan(selection, names)?,
            version: catalog.version,
            store: self.store.clone(),
            now,
        })
    }

    /// Answers one request, as of the clock's time at its start.
    ///
    /// # Errors
    /// When the selection cannot be answered online, a column is missing, unknown, too long, too short or of another
    /// type than declared, or the store cannot be read.
    pub async fn get_online_features(&self, request: Request) -> Result<Response, ServingError> {
        let prepared = self.prepare(&request.selection, request.names)?;
        prepared.answer(&request.columns, request.rows).await
    }
}

/// A selection that is planned against one registry version, at one time.
#[derive(Debug, Clone)]
pub struct Prepared {
    plan: Arc<CompiledPlan>,
    version: u64,
    store: Arc<dyn OnlineStore>,
    now: Timestamp,
}

impl Prepared {
    /// What will be looked up and computed.
    pub fn plan(&self) -> &RetrievalPlan {
        &self.plan.plan
    }

    /// The registry version.
    pub fn registry_version(&self) -> u64 {
        self.version
    }

    /// The columns that a request must bring: join keys, then request fields that are no join keys.
    pub fn inputs(&self) -> &[RequestField] {
        &self.plan.inputs
    }

    /// The input column of this name.
    ///
    /// # Errors
    /// When there is none; with the nearest name that there is.
    pub fn input(&self, name: &str) -> Result<&RequestField, ServingError> {
        self.plan.input(name)
    }

    /// Looks up and computes the features of `rows` rows of `columns`, by name.
    ///
    /// # Errors
    /// When a column is missing, unknown, too long, too short or of another type than declared, when an on-demand
    /// feature cannot be computed, or when the store cannot be read.
    pub async fn answer(&self, columns: &BTreeMap<String, ArrayRef>, rows: usize) -> Result<Response, ServingError> {
        answer(&self.plan, self.store.as_ref(), self.version, self.now, columns, rows).await
    }
}
