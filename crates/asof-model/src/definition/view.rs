//! Feature views: features of an entity, computed from a source.

use super::{JoinKey, Metadata};
use crate::{Admission, EntityName, FeatureName, SourceName, TimeSpan, ValueType, ViewName};

/// A feature that is a column or a SQL expression of the source's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFeature {
    /// The feature's name.
    pub name: FeatureName,
    /// The type of its values.
    pub value_type: ValueType,
    /// SQL over the source's row. `None`: the column of the feature's name.
    pub expr: Option<String>,
    /// Description, owner and tags.
    pub metadata: Metadata,
}

/// A feature that is an aggregate over a window of source rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowFeature {
    /// The feature's name.
    pub name: FeatureName,
    /// The type of its values.
    pub value_type: ValueType,
    /// SQL with aggregate functions over the source's rows.
    pub expr: String,
    /// How far back the window reaches; a multiple of the view's `every`.
    pub window: TimeSpan,
    /// Description, owner and tags.
    pub metadata: Metadata,
}

/// Features computed at the cutoffs `k * every` over the rows with `cutoff - window < event_time <= cutoff`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregation {
    /// The distance between cutoffs; they lie at whole multiples of it since the epoch, UTC.
    pub every: TimeSpan,
    /// The features; at least one.
    pub features: Vec<WindowFeature>,
}

impl Aggregation {
    /// The longest window of all features: an entity without an event in it has no row at a cutoff.
    pub fn longest_window(&self) -> TimeSpan {
        self.features
            .iter()
            .map(|feature| feature.window)
            .max()
            .unwrap_or(self.every)
    }
}

/// How a view makes its features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewBody {
    /// A feature row per source row. At least one feature.
    Rows(Vec<RowFeature>),
    /// A feature row per cutoff.
    Windows(Aggregation),
}

/// What happens when a row breaks an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectationAction {
    /// It is reported, and goes online all the same.
    Warn,
    /// Materialization of the view is refused.
    Fail,
}

/// A check on the feature rows that go online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// What the check is called in reports.
    pub name: FeatureName,
    /// A SQL condition over the view's features; a row breaks it where it is false (null passes).
    pub expr: String,
    /// What happens then.
    pub action: ExpectationAction,
    /// Description, owner and tags.
    pub metadata: Metadata,
}

/// A group of features of one entity, or of none, from one source.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureView {
    /// The view's name.
    pub name: ViewName,
    /// The entities it describes, in the order written. Empty: one row describes everything.
    pub entities: Vec<EntityName>,
    /// The join keys of those entities in that order; names are unique.
    pub join_keys: Vec<JoinKey>,
    /// Where its rows come from.
    pub source: SourceName,
    /// Which rows may answer at a time: `ttl`, `availability_lag` and `visible_from`.
    pub admission: Admission,
    /// A SQL condition over the source's row, beside the source's own.
    pub filter: Option<String>,
    /// The features.
    pub body: ViewBody,
    /// Whether it is materialized online.
    pub online: bool,
    /// When to materialize it, as a cron expression of five fields, UTC.
    pub schedule: Option<String>,
    /// Checks on the rows that go online.
    pub expectations: Vec<Expectation>,
    /// Description, owner and tags.
    pub metadata: Metadata,
}

/// A feature's name and type, whatever kind of view it is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Feature {
    /// The feature's name.
    pub name: FeatureName,
    /// The type of its values.
    pub value_type: ValueType,
}

impl FeatureView {
    /// Names and types of its features, in the order written. Its stored rows have this order too.
    pub fn features(&self) -> Vec<Feature> {
        match &self.body {
            ViewBody::Rows(features) => features
                .iter()
                .map(|f| Feature {
                    name: f.name.clone(),
                    value_type: f.value_type,
                })
                .collect(),
            ViewBody::Windows(aggregation) => aggregation
                .features
                .iter()
                .map(|f| Feature {
                    name: f.name.clone(),
                    value_type: f.value_type,
                })
                .collect(),
        }
    }
}
