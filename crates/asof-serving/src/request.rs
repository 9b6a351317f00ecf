//! What is asked and what is answered, in columns.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::ArrayRef;
use asof_model::retrieval::{FeatureNames, FeatureReference, OutputColumn};
use asof_model::{ColumnName, FeatureStatus, Timestamp};

use crate::ServingError;

/// Which features are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selection {
    /// Those of a feature service, by its name.
    Service(String),
    /// Those of a list of references, each `view:feature`, or `view` for all of its features.
    Features(Vec<String>),
}

impl Selection {
    /// The references, parsed; `None` for a service.
    pub(crate) fn references(&self) -> Result<Option<Vec<FeatureReference>>, ServingError> {
        let Self::Features(texts) = self else {
            return Ok(None);
        };
        let parse = |text: &String| {
            text.parse().map_err(|source| ServingError::InvalidReference {
                text: text.clone(),
                source,
            })
        };
        texts.iter().map(parse).collect::<Result<_, _>>().map(Some)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name) => write!(f, "feature service `{name}`"),
            Self::Features(references) => write!(f, "features `{}`", references.join(",")),
        }
    }
}

/// A request for the features of some rows.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which features.
    pub selection: Selection,
    /// How the features are called in the answer.
    pub names: FeatureNames,
    /// The join keys and request fields by their names, each of `rows` values of a type that conforms.
    pub columns: BTreeMap<String, ArrayRef>,
    /// The number of rows.
    pub rows: usize,
}

/// One feature for all rows of a request.
#[derive(Debug, Clone)]
pub struct FeatureColumn {
    /// Its name in the answer, its view (or alias) and its type.
    pub output: OutputColumn,
    /// The values, of the feature's one Arrow type. A value is null exactly when its status is not `PRESENT`.
    pub values: ArrayRef,
    /// What became of the lookup, per row.
    pub statuses: Vec<FeatureStatus>,
    /// The event time of the stored row, also when its value is null or withheld. `None` where no row was found, and
    /// everywhere for features computed on demand, which belong to no one row.
    pub event_times: Vec<Option<Timestamp>>,
}

/// The answer to a [`Request`]: rows in the request's order, duplicates kept.
#[derive(Debug, Clone)]
pub struct Response {
    /// The registry version whose definitions gave this answer.
    pub registry_version: u64,
    /// The number of rows.
    pub rows: usize,
    /// The join keys of the request, conformed to their declared types, in the order of first use by the plan.
    pub keys: Vec<(ColumnName, ArrayRef)>,
    /// The features, in the order asked.
    pub features: Vec<FeatureColumn>,
}
