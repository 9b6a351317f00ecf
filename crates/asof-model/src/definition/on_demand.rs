//! On-demand feature views: features computed from other features and the fields of a request.

use std::collections::BTreeMap;

use super::{Feature, Metadata, Projection};
use crate::{ColumnName, FeatureName, ValueType, ViewName};

/// A value that only the caller knows: a column of the spine, a field of the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestField {
    /// The column's name.
    pub name: ColumnName,
    /// The type of its values.
    pub value_type: ValueType,
}

/// A feature computed at the time of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDemandFeature {
    /// The feature's name.
    pub name: FeatureName,
    /// The type of its values.
    pub value_type: ValueType,
    /// SQL over `input.feature` columns, request fields and `as_of()`.
    pub expr: String,
    /// Description, owner and tags.
    pub metadata: Metadata,
}

/// Features computed from other features and request fields, by the same code offline and online.
#[derive(Debug, Clone, PartialEq)]
pub struct OnDemandView {
    /// The view's name.
    pub name: ViewName,
    /// What the caller must bring.
    pub request: Vec<RequestField>,
    /// Description, owner and tags of those request fields that have any.
    pub request_metadata: BTreeMap<ColumnName, Metadata>,
    /// The views it reads: feature views (perhaps under an alias) or other on-demand views, never in a circle.
    pub inputs: Vec<Projection>,
    /// The features; at least one.
    pub features: Vec<OnDemandFeature>,
    /// Description, owner and tags.
    pub metadata: Metadata,
}

impl OnDemandView {
    /// Names and types of its features, in the order written.
    pub fn features(&self) -> Vec<Feature> {
        self.features
            .iter()
            .map(|f| Feature {
                name: f.name.clone(),
                value_type: f.value_type,
            })
            .collect()
    }
}
