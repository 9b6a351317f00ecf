//! Validated definitions: what a feature repository means, with every name resolved.
//!
//! These values are made by `asof-repo`, which reports every problem of the text with its place. Here stands only
//! what a definition *is*. Nothing in these types is a wire or a storage format.

mod entity;
mod on_demand;
mod service;
mod source;
mod store;
mod view;

use std::collections::BTreeMap;

pub use entity::{Entity, JoinKey};
pub use on_demand::{OnDemandFeature, OnDemandView, RequestField};
pub use service::{FeatureService, Impute, Projection};
pub use source::{Source, TimeColumn};
pub use store::{
    OnlineStoreConfig, ReadFrom, RedisAddress, RedisConfig, RedisLayout, RedisTls, RedisTopology, StoreConfig,
};
pub use view::{
    Aggregation, Expectation, ExpectationAction, Feature, FeatureView, RowFeature, ViewBody, WindowFeature,
};

use crate::{EntityName, ProjectName, ServiceName, SourceName, ViewName};

/// What everything that has a name may also carry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// What it is, in the author's words.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

/// All definitions of one project. References between them hold: whoever makes this value has checked them.
#[derive(Debug, Clone, PartialEq)]
pub struct Definitions {
    /// The project's name.
    pub project: ProjectName,
    /// Entities by name.
    pub entities: BTreeMap<EntityName, Entity>,
    /// Sources by name.
    pub sources: BTreeMap<SourceName, Source>,
    /// Feature views by name. Names are unique among feature views and on-demand feature views together.
    pub feature_views: BTreeMap<ViewName, FeatureView>,
    /// On-demand feature views by name.
    pub on_demand_feature_views: BTreeMap<ViewName, OnDemandView>,
    /// Feature services by name.
    pub feature_services: BTreeMap<ServiceName, FeatureService>,
}

impl Definitions {
    /// No definitions at all.
    pub fn empty(project: ProjectName) -> Self {
        Self {
            project,
            entities: BTreeMap::new(),
            sources: BTreeMap::new(),
            feature_views: BTreeMap::new(),
            on_demand_feature_views: BTreeMap::new(),
            feature_services: BTreeMap::new(),
        }
    }
}
