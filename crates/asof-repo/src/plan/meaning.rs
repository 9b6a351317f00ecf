//! What an answer depends on: two features with equal meanings have equal answers, whatever else differs.

use std::collections::BTreeMap;

use asof_model::definition::{Definitions, RequestField, TimeColumn, ViewBody};
use asof_model::retrieval::{FeatureNames, FeatureReference, LookupKey, RetrievalPlan, ValueRef};
use asof_model::{Admission, ColumnName, FeatureName, ServiceName, TimeSpan, ValueType, ViewName};

/// How a feature's value comes about.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    /// It is looked up in the rows of a view.
    Stored {
        keys: Vec<LookupKey>,
        path: String,
        event_time: TimeColumn,
        created_time: Option<TimeColumn>,
        filters: [Option<String>; 2],
        admission: Admission,
        compute: Compute,
        value_type: ValueType,
    },
    /// It is computed at the time of asking.
    OnDemand {
        expr: String,
        request: Vec<RequestField>,
        inputs: Vec<(ViewName, FeatureName, Self)>,
        value_type: ValueType,
    },
}

/// How a stored row's value is computed.
#[derive(Debug, PartialEq)]
pub(super) enum Compute {
    Row {
        expr: Option<String>,
        name: FeatureName,
    },
    /// The longest window of the view says whether there is a row at all.
    Window {
        expr: String,
        window: TimeSpan,
        every: TimeSpan,
        longest: TimeSpan,
    },
}

/// What a caller sees of a view or a service: what it must bring, and what it gets.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    /// The columns to bring.
    pub(super) inputs: BTreeMap<ColumnName, ValueType>,
    /// The features that come back, in order.
    pub(super) outputs: Vec<((ViewName, FeatureName), Meaning)>,
}

impl Answer {
    /// What a view answers when asked for all of its features. `None`: it cannot be asked.
    pub(super) fn of_view(definitions: &Definitions, view: &ViewName) -> Option<Self> {
        let all = FeatureReference {
            view: view.clone(),
            feature: None,
        };
        let plan = RetrievalPlan::for_features(definitions, &[all], FeatureNames::Full);
        plan.ok().map(|plan| Self::of(&plan))
    }

    /// What a service answers. `None`: it cannot be asked.
    pub(super) fn of_service(definitions: &Definitions, service: &ServiceName) -> Option<Self> {
        let plan = RetrievalPlan::for_service(definitions, service.as_str(), FeatureNames::Full);
        plan.ok().map(|plan| Self::of(&plan))
    }

    fn of(plan: &RetrievalPlan) -> Self {
        let inputs = plan
            .input_columns()
            .into_iter()
            .map(|field| (field.name, field.value_type));
        let outputs = plan.outputs.iter().map(|output| {
            let name = (output.view.clone(), output.feature.clone());
            (name, meaning(plan, output.from, output.value_type))
        });
        Self {
            inputs: inputs.collect(),
            outputs: outputs.collect(),
        }
    }

    /// The meaning of one of its features.
    pub(super) fn output(&self, name: &(ViewName, FeatureName)) -> Option<&Meaning> {
        self.outputs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, meaning)| meaning)
    }
}

impl Meaning {
    pub(super) fn value_type(&self) -> ValueType {
        match self {
            Self::Stored { value_type, .. } | Self::OnDemand { value_type, .. } => *value_type,
        }
    }
}

fn meaning(plan: &RetrievalPlan, from: ValueRef, value_type: ValueType) -> Meaning {
    match from {
        ValueRef::Lookup { lookup, feature } => {
            let lookup = &plan.lookups[lookup];
            let (view, source) = (&lookup.view, &lookup.source);
            Meaning::Stored {
                keys: lookup.keys.clone(),
                path: source.path.clone(),
                event_time: source.event_time.clone(),
                created_time: source.created_time.clone(),
                filters: [source.filter.clone(), view.filter.clone()],
                admission: view.admission,
                compute: compute(&view.body, lookup.features[feature]),
                value_type,
            }
        }
        ValueRef::OnDemand { step, feature } => {
            let step = &plan.on_demand[step];
            let inputs = step.inputs.iter().map(|input| {
                let meaning = meaning(plan, input.from, input.value_type);
                (input.table.clone(), input.feature.clone(), meaning)
            });
            Meaning::OnDemand {
                expr: step.view.features[step.features[feature]].expr.clone(),
                request: step.view.request.clone(),
                inputs: inputs.collect(),
                value_type,
            }
        }
    }
}

fn compute(body: &ViewBody, feature: usize) -> Compute {
    match body {
        ViewBody::Rows(features) => Compute::Row {
            expr: features[feature].expr.clone(),
            name: features[feature].name.clone(),
        },
        ViewBody::Windows(aggregation) => Compute::Window {
            expr: aggregation.features[feature].expr.clone(),
            window: aggregation.features[feature].window,
            every: aggregation.every,
            longest: aggregation.longest_window(),
        },
    }
}
