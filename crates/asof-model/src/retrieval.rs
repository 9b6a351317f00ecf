//! Retrieval plans: what must be looked up, computed and put out to answer a service or a list of features.
//!
//! The training set and the online answer are both made from the one plan of this module, so they cannot disagree
//! about which views, keys, features and names are meant.
//!
//! ```text
//!  input columns (join keys, request fields)
//!        │
//!        ├──> lookups       one per (feature view, columns that hold its keys)
//!        │       │
//!        └──> on-demand steps, in an order in which each finds its inputs done
//!                │
//!             outputs       the features asked for, in the order asked
//! ```

mod builder;
mod error;
mod reference;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use builder::Builder;
pub use error::RetrievalError;
pub use reference::FeatureReference;

use crate::definition::{Definitions, FeatureView, JoinKey, OnDemandView, RequestField, Source};
use crate::{ColumnName, FeatureName, ServiceName, ValueType, ViewName};

/// How output columns are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureNames {
    /// `feature`.
    Short,
    /// `view__feature`, with the alias where there is one.
    Full,
}

/// A join key of a view and the column of the spine or request that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LookupKey {
    /// The view's own join key.
    pub key: JoinKey,
    /// The column that holds it here.
    pub column: ColumnName,
}

/// One view read by one set of columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// The view.
    pub view: Arc<FeatureView>,
    /// The view's source.
    pub source: Arc<Source>,
    /// The view's join keys, in the view's order, with the columns that hold them. Empty for a view without entities.
    pub keys: Vec<LookupKey>,
    /// The features needed: positions in [`FeatureView::features`], each once, ascending.
    pub features: Vec<usize>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueRef {
    /// A feature that is looked up.
    Lookup {
        /// The position in [`RetrievalPlan::lookups`].
        lookup: usize,
        /// The position in [`Lookup::features`].
        feature: usize,
    },
    /// A feature that is computed on demand.
    OnDemand {
        /// The position in [`RetrievalPlan::on_demand`].
        step: usize,
        /// The position in [`OnDemandStep::features`].
        feature: usize,
    },
}

/// A feature that an on-demand step reads, and the table under which its expressions know it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepInput {
    /// The table's name: the input's alias, or its own name.
    pub table: ViewName,
    /// The column's name.
    pub feature: FeatureName,
    /// The type of its values.
    pub value_type: ValueType,
    /// Where the values come from.
    pub from: ValueRef,
}

/// One on-demand view to be computed.
#[derive(Debug, Clone, PartialEq)]
pub struct OnDemandStep {
    /// The view. Its request fields are columns of the spine or request, by name.
    pub view: Arc<OnDemandView>,
    /// All features of all inputs, in the order of the definition.
    pub inputs: Vec<StepInput>,
    /// The features needed: positions in [`OnDemandView::features`], each once, ascending.
    pub features: Vec<usize>,
}

/// A feature that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputColumn {
    /// What the column is called; unique in the plan.
    pub name: String,
    /// The view's alias, or its own name.
    pub view: ViewName,
    /// The feature.
    pub feature: FeatureName,
    /// The type of its values.
    pub value_type: ValueType,
    /// Where the values come from.
    pub from: ValueRef,
}

/// What must be looked up, computed and put out.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrievalPlan {
    /// Join-key columns that the caller brings, each once, in the order of first use.
    pub join_keys: Vec<JoinKey>,
    /// Request fields that the caller brings, each once, in the order of first use.
    /// A field may have the name of a join key (and then its type): one column serves both.
    pub request_fields: Vec<RequestField>,
    /// The views to look up.
    pub lookups: Vec<Lookup>,
    /// The on-demand views to compute, in an order in which each finds its inputs done.
    pub on_demand: Vec<OnDemandStep>,
    /// The features asked for, in the order asked.
    pub outputs: Vec<OutputColumn>,
}

impl RetrievalPlan {
    /// The plan of a feature service.
    ///
    /// # Errors
    /// When the service is unknown, or its features clash (see [`RetrievalError`]).
    pub fn for_service(definitions: &Definitions, service: &str, names: FeatureNames) -> Result<Self, RetrievalError> {
        let service = definitions.feature_services.get(service).ok_or_else(|| {
            RetrievalError::unknown_service(service, definitions.feature_services.keys().map(ServiceName::as_str))
        })?;
        let mut builder = Builder::new(definitions, names);
        for projection in &service.features {
            builder.ask(projection)?;
        }
        builder.finish()
    }

    /// The plan of a list of features.
    ///
    /// # Errors
    /// When the list is empty, a view or feature is unknown, or two of them clash (see [`RetrievalError`]).
    pub fn for_features(
        definitions: &Definitions,
        features: &[FeatureReference],
        names: FeatureNames,
    ) -> Result<Self, RetrievalError> {
        let mut builder = Builder::new(definitions, names);
        for reference in features {
            builder.ask(&reference.to_projection())?;
        }
        builder.finish()
    }

    /// The columns that the caller must bring, each once: join keys, then request fields that are no join keys.
    pub fn input_columns(&self) -> Vec<RequestField> {
        let keys = self.join_keys.iter().map(|key| RequestField {
            name: key.name.clone(),
            value_type: ValueType::Scalar(key.key_type),
        });
        let is_key = |field: &&RequestField| self.join_keys.iter().any(|key| key.name == field.name);
        keys.chain(self.request_fields.iter().filter(|field| !is_key(field)).cloned())
            .collect()
    }
}
