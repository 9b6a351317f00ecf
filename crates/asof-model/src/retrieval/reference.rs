//! Feature references: `view:feature`, or `view` for all of its features.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::definition::Projection;
use crate::{FeatureName, InvalidName, ViewName};

/// `view:feature`, or `view` for all of its features.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FeatureReference {
    /// The view.
    pub view: ViewName,
    /// The feature; `None`: all of the view's.
    pub feature: Option<FeatureName>,
}

impl FeatureReference {
    /// The same, as a service would ask for it.
    pub(crate) fn to_projection(&self) -> Projection {
        Projection {
            view: self.view.clone(),
            alias: None,
            join_key_map: BTreeMap::new(),
            features: self.feature.clone().map(|feature| vec![feature]),
        }
    }
}

impl FromStr for FeatureReference {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((view, feature)) => Ok(Self {
                view: view.parse()?,
                feature: Some(feature.parse()?),
            }),
            None => Ok(Self {
                view: text.parse()?,
                feature: None,
            }),
        }
    }
}

impl fmt::Display for FeatureReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.feature {
            Some(feature) => write!(f, "{}:{feature}", self.view),
            None => self.view.fmt(f),
        }
    }
}
