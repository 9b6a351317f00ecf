//! Feature services: the features one model reads.

use std::collections::BTreeMap;

use super::Metadata;
use crate::{ColumnName, FeatureName, ServiceName, ViewName};

/// Features of one view, as a service or an on-demand view asks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// The view.
    pub view: ViewName,
    /// The name under which the view appears here (`as:`); `None`: its own.
    pub alias: Option<ViewName>,
    /// For join keys of the view: the column of the spine or request that holds it. Others keep their name.
    pub join_key_map: BTreeMap<ColumnName, ColumnName>,
    /// The features asked for, in this order. `None`: all of the view's, in its order.
    pub features: Option<Vec<FeatureName>>,
}

impl Projection {
    /// The name under which the view appears: the alias, or its own.
    pub fn shown_as(&self) -> &ViewName {
        self.alias.as_ref().unwrap_or(&self.view)
    }
}

/// What stands for missing values where features become numbers, as in tensors. Elsewhere a missing value is missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Impute {
    /// For features that are not named. `None`: nothing.
    pub default: Option<f64>,
    /// By the name under which the view appears, and the feature.
    pub features: BTreeMap<(ViewName, FeatureName), f64>,
}

impl Impute {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.default.is_none() && self.features.is_empty()
    }

    /// What stands for a missing value of a feature of the view that appears as `view`.
    pub fn value(&self, view: &ViewName, feature: &FeatureName) -> Option<f64> {
        let own = self.features.get(&(view.clone(), feature.clone()));
        own.copied().or(self.default)
    }
}

/// The features that one model reads, in one order.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureService {
    /// The service's name.
    pub name: ServiceName,
    /// What it reads; at least one.
    pub features: Vec<Projection>,
    /// What stands for missing values in tensors.
    pub impute: Impute,
    /// Description, owner and tags.
    pub metadata: Metadata,
}
