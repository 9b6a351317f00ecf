//! Builds a retrieval plan, one asked-for projection after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    FeatureNames, Lookup, LookupKey, OnDemandStep, OutputColumn, RetrievalError, RetrievalPlan, StepInput, ValueRef,
};
use crate::definition::{Definitions, Feature, FeatureView, JoinKey, OnDemandView, Projection, RequestField};
use crate::{ColumnName, FeatureName, ValueType, ViewName};

pub(super) struct Builder<'a> {
    definitions: &'a Definitions,
    names: FeatureNames,
    lookups: Vec<WholeLookup<'a>>,
    steps: Vec<WholeStep<'a>>,
    outputs: Vec<OutputColumn>,
    /// Each input column with its type and who asked for it first.
    input_types: BTreeMap<ColumnName, (ValueType, String)>,
    join_keys: Vec<JoinKey>,
    request_fields: Vec<RequestField>,
    /// On-demand views that are being added now, to notice circles.
    open: Vec<&'a ViewName>,
}

/// A lookup while it is built: every feature of the view, and which of them are needed.
struct WholeLookup<'a> {
    view: &'a FeatureView,
    keys: Vec<LookupKey>,
    needed: Vec<bool>,
}

/// A step while it is built, likewise.
struct WholeStep<'a> {
    view: &'a OnDemandView,
    inputs: Vec<StepInput>,
    needed: Vec<bool>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(definitions: &'a Definitions, names: FeatureNames) -> Self {
        Self {
            definitions,
            names,
            lookups: Vec::new(),
            steps: Vec::new(),
            outputs: Vec::new(),
            input_types: BTreeMap::new(),
            join_keys: Vec::new(),
            request_fields: Vec::new(),
            open: Vec::new(),
        }
    }

    /// Adds the features of `projection` to the outputs.
    pub(super) fn ask(&mut self, projection: &Projection) -> Result<(), RetrievalError> {
        for (feature, from) in self.resolve(projection)? {
            let view = projection.shown_as().clone();
            let name = match self.names {
                FeatureNames::Short => feature.name.to_string(),
                FeatureNames::Full => format!("{view}__{}", feature.name),
            };
            let column = OutputColumn {
                name,
                view,
                feature: feature.name,
                value_type: feature.value_type,
                from,
            };
            if let Some(first) = self.outputs.iter().find(|output| output.name == column.name) {
                if first.view == column.view && first.feature == column.feature {
                    return Err(RetrievalError::AskedTwice {
                        feature: describe(first),
                    });
                }
                return Err(RetrievalError::NameClash {
                    name: column.name.clone(),
                    first: describe(first),
                    second: describe(&column),
                });
            }
            self.outputs.push(column);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<RetrievalPlan, RetrievalError> {
        if self.outputs.is_empty() {
            return Err(RetrievalError::Nothing);
        }
        if let Some(output) = self
            .outputs
            .iter()
            .find(|output| self.input_types.contains_key(output.name.as_str()))
        {
            return Err(RetrievalError::InputClash {
                name: output.name.clone(),
                feature: describe(output),
            });
        }
        let lookup_positions: Vec<Vec<usize>> = self.lookups.iter().map(|l| positions(&l.needed)).collect();
        let step_positions: Vec<Vec<usize>> = self.steps.iter().map(|s| positions(&s.needed)).collect();
        // While building, a reference holds the feature's place in its view; now it is its place among those needed.
        let place = |from: ValueRef| match from {
            ValueRef::Lookup { lookup, feature } => ValueRef::Lookup {
                lookup,
                feature: rank(&lookup_positions[lookup], feature),
            },
            ValueRef::OnDemand { step, feature } => ValueRef::OnDemand {
                step,
                feature: rank(&step_positions[step], feature),
            },
        };
        let lookups = self
            .lookups
            .iter()
            .zip(&lookup_positions)
            .map(|(lookup, features)| Lookup {
                view: Arc::new(lookup.view.clone()),
                source: Arc::new(self.definitions.sources[&lookup.view.source].clone()),
                keys: lookup.keys.clone(),
                features: features.clone(),
            });
        let on_demand = self
            .steps
            .iter()
            .zip(&step_positions)
            .map(|(step, features)| OnDemandStep {
                view: Arc::new(step.view.clone()),
                inputs: step
                    .inputs
                    .iter()
                    .map(|i| StepInput {
                        from: place(i.from),
                        ..i.clone()
                    })
                    .collect(),
                features: features.clone(),
            });
        Ok(RetrievalPlan {
            lookups: lookups.collect(),
            on_demand: on_demand.collect(),
            outputs: self
                .outputs
                .iter()
                .map(|o| OutputColumn {
                    from: place(o.from),
                    ..o.clone()
                })
                .collect(),
            join_keys: self.join_keys,
            request_fields: self.request_fields,
        })
    }

    /// Makes sure that the view of `projection` is read, and says where each feature it asks for comes from.
    fn resolve(&mut self, projection: &Projection) -> Result<Vec<(Feature, ValueRef)>, RetrievalError> {
        if let Some((name, view)) = self.definitions.on_demand_feature_views.get_key_value(&projection.view) {
            let step = self.step(name, view)?;
            let asked = select(&projection.view, &view.features(), projection.features.as_deref())?;
            return Ok(asked
                .into_iter()
                .map(|(feature, at)| {
                    self.steps[step].needed[at] = true;
                    (feature, ValueRef::OnDemand { step, feature: at })
                })
                .collect());
        }
        let Some(view) = self.definitions.feature_views.get(&projection.view) else {
            let views = self.definitions.feature_views.keys();
            let known = views
                .chain(self.definitions.on_demand_feature_views.keys())
                .map(ViewName::as_str);
            return Err(RetrievalError::unknown_view(projection.view.as_str(), known));
        };
        let lookup = self.lookup(view, projection)?;
        let asked = select(&projection.view, &view.features(), projection.features.as_deref())?;
        Ok(asked
            .into_iter()
            .map(|(feature, at)| {
                self.lookups[lookup].needed[at] = true;
                (feature, ValueRef::Lookup { lookup, feature: at })
            })
            .collect())
    }

    fn lookup(&mut self, view: &'a FeatureView, projection: &Projection) -> Result<usize, RetrievalError> {
        let keys: Vec<LookupKey> = view
            .join_keys
            .iter()
            .map(|key| LookupKey {
                column: projection.join_key_map.get(&key.name).unwrap_or(&key.name).clone(),
                key: key.clone(),
            })
            .collect();
        if let Some(known) = self
            .lookups
            .iter()
            .position(|l| l.view.name == view.name && l.keys == keys)
        {
            return Ok(known);
        }
        for key in &keys {
            self.input(&key.column, ValueType::Scalar(key.key.key_type), projection.shown_as())?;
            if !self.join_keys.iter().any(|known| known.name == key.column) {
                self.join_keys.push(JoinKey {
                    name: key.column.clone(),
                    key_type: key.key.key_type,
                });
            }
        }
        let needed = vec![false; view.features().len()];
        self.lookups.push(WholeLookup { view, keys, needed });
        Ok(self.lookups.len() - 1)
    }

    fn step(&mut self, name: &'a ViewName, view: &'a OnDemandView) -> Result<usize, RetrievalError> {
        if self.open.contains(&name) {
            return Err(RetrievalError::Cycle { view: name.to_string() });
        }
        if let Some(known) = self.steps.iter().position(|step| step.view.name == view.name) {
            return Ok(known);
        }
        self.open.push(name);
        let mut inputs = Vec::new();
        for projection in &view.inputs {
            for (feature, from) in self.resolve(projection)? {
                let table = projection.shown_as().clone();
                inputs.push(StepInput {
                    table,
                    feature: feature.name,
                    value_type: feature.value_type,
                    from,
                });
            }
        }
        for field in &view.request {
            self.input(&field.name, field.value_type, name)?;
            if !self.request_fields.iter().any(|known| known.name == field.name) {
                self.request_fields.push(field.clone());
            }
        }
        self.open.pop();
        self.steps.push(WholeStep {
            view,
            inputs,
            needed: vec![false; view.features.len()],
        });
        Ok(self.steps.len() - 1)
    }

    /// Notes that `user` needs `column` with `value_type`.
    fn input(&mut self, column: &ColumnName, value_type: ValueType, user: &ViewName) -> Result<(), RetrievalError> {
        let first = self
            .input_types
            .entry(column.clone())
            .or_insert_with(|| (value_type, user.to_string()));
        if first.0 == value_type {
            return Ok(());
        }
        Err(RetrievalError::TypeClash {
            column: column.clone(),
            first: first.1.clone(),
            first_type: first.0.to_string(),
            second: user.to_string(),
            second_type: value_type.to_string(),
        })
    }
}

/// The asked-for features with their places in `features`: all of them when `asked` is `None`.
fn select(
    view: &ViewName,
    features: &[Feature],
    asked: Option<&[FeatureName]>,
) -> Result<Vec<(Feature, usize)>, RetrievalError> {
    let Some(asked) = asked else {
        return Ok(features.iter().cloned().zip(0..).collect());
    };
    let find = |name: &FeatureName| {
        let at = features
            .iter()
            .position(|feature| feature.name == *name)
            .ok_or_else(|| {
                let known = features.iter().map(|feature| feature.name.as_str());
                RetrievalError::unknown_feature(view.as_str(), name.as_str(), known)
            })?;
        Ok((features[at].clone(), at))
    };
    asked.iter().map(find).collect()
}

fn describe(output: &OutputColumn) -> String {
    format!("{}:{}", output.view, output.feature)
}

fn positions(needed: &[bool]) -> Vec<usize> {
    (0..needed.len()).filter(|at| needed[*at]).collect()
}

fn rank(positions: &[usize], position: usize) -> usize {
    positions.partition_point(|needed| *needed < position)
}
