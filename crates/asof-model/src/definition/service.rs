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

/// The features that one model reads, in one order.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureService {
    /// The service's name.
    pub name: ServiceName,
    /// What it reads; at least one.
    pub features: Vec<Projection>,
    /// Description, owner and tags.
    pub metadata: Metadata,
}
