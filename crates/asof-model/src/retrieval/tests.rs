//! What services and lists of features become.

use std::collections::BTreeMap;

use super::*;
use crate::definition::{
    Entity, Feature, FeatureService, Impute, Metadata, OnDemandFeature, Projection, RowFeature, TimeColumn, ViewBody,
};
use crate::{Admission, EntityName, ProjectName, ScalarType, SourceName};

fn name<T: std::str::FromStr<Err = crate::InvalidName>>(text: &str) -> T {
    text.parse().unwrap()
}

fn projection(view: &str) -> Projection {
    Projection {
        view: name(view),
        alias: None,
        join_key_map: BTreeMap::new(),
        features: None,
    }
}

fn view(view: &str, keys: &[(&str, ScalarType)], features: &[&str]) -> FeatureView {
    FeatureView {
        name: name(view),
        entities: keys.iter().map(|(key, _)| name::<EntityName>(key)).collect(),
        join_keys: keys
            .iter()
            .map(|(key, key_type)| JoinKey {
                name: name(key),
                key_type: *key_type,
            })
            .collect(),
        source: name("source"),
        admission: Admission {
            ttl: None,
            availability_lag: None,
            visible_from_created: false,
        },
        filter: None,
        body: ViewBody::Rows(
            features
                .iter()
                .map(|feature| RowFeature {
                    name: name(feature),
                    value_type: ScalarType::Float64.into(),
                    expr: None,
                    metadata: Metadata::default(),
                })
                .collect(),
        ),
        online: true,
        schedule: None,
        expectations: vec![],
        metadata: Metadata::default(),
    }
}

fn on_demand(view: &str, inputs: Vec<Projection>, request: &[(&str, ScalarType)], features: &[&str]) -> OnDemandView {
    OnDemandView {
        name: name(view),
        request: request
            .iter()
            .map(|(field, scalar)| RequestField {
                name: name(field),
                value_type: (*scalar).into(),
            })
            .collect(),
        request_metadata: BTreeMap::new(),
        inputs,
        features: features
            .iter()
            .map(|feature| OnDemandFeature {
                name: name(feature),
                value_type: ScalarType::Bool.into(),
                expr: "true".to_owned(),
                metadata: Metadata::default(),
            })
            .collect(),
        metadata: Metadata::default(),
    }
}

/// Weather by origin, airports by code, a trip over the weather, a verdict over the trip.
fn definitions(service: Vec<Projection>) -> Definitions {
    let mut definitions = Definitions::empty(name::<ProjectName>("p"));
    definitions.entities.insert(
        name("origin"),
        Entity {
            name: name("origin"),
            join_keys: vec![JoinKey {
                name: name("origin"),
                key_type: ScalarType::String,
            }],
            key_metadata: BTreeMap::new(),
            metadata: Metadata::default(),
        },
    );
    definitions.sources.insert(
        name::<SourceName>("source"),
        Source {
            name: name("source"),
            path: "data/".to_owned(),
            event_time: TimeColumn::Column("at".to_owned()),
            created_time: None,
            filter: None,
            metadata: Metadata::default(),
        },
    );
    for view in [
        view("weather", &[("origin", ScalarType::String)], &["temp", "wind"]),
        view("airports", &[("code", ScalarType::String)], &["lat", "lon"]),
        view("numbers", &[("origin", ScalarType::Int64)], &["n"]),
    ] {
        definitions.feature_views.insert(view.name.clone(), view);
    }
    for view in [
        on_demand(
            "trip",
            vec![projection("weather")],
            &[("sched", ScalarType::Timestamp)],
            &["cold", "early"],
        ),
        on_demand(
            "verdict",
            vec![projection("trip")],
            &[("origin", ScalarType::String)],
            &["go"],
        ),
        on_demand("mirror", vec![projection("mirror")], &[], &["x"]),
    ] {
        definitions.on_demand_feature_views.insert(view.name.clone(), view);
    }
    let service = FeatureService {
        name: name("model"),
        features: service,
        impute: Impute::default(),
        metadata: Metadata::default(),
    };
    definitions.feature_services.insert(service.name.clone(), service);
    definitions
}

fn plan(service: Vec<Projection>, names: FeatureNames) -> Result<RetrievalPlan, RetrievalError> {
    RetrievalPlan::for_service(&definitions(service), "model", names)
}

fn names(plan: &RetrievalPlan) -> Vec<&str> {
    plan.outputs.iter().map(|output| output.name.as_str()).collect()
}

fn aliased(view: &str, alias: &str, key: &str, column: &str) -> Projection {
    Projection {
        alias: Some(name(alias)),
        join_key_map: BTreeMap::from([(name(key), name(column))]),
        ..projection(view)
    }
}

#[test]
fn one_view_read_by_the_same_columns_is_looked_up_once() {
    let service = vec![projection("trip"), projection("weather")];
    let plan = plan(service, FeatureNames::Short).unwrap();
    assert_eq!(names(&plan), ["cold", "early", "temp", "wind"]);
    assert_eq!(plan.lookups.len(), 1);
    assert_eq!(plan.on_demand.len(), 1);
}

#[test]
fn aliases_read_one_view_by_other_columns_and_have_full_names_of_their_own() {
    let service = vec![
        aliased("airports", "from_airport", "code", "origin"),
        aliased("airports", "to_airport", "code", "dest"),
    ];
    let clash = plan(service.clone(), FeatureNames::Short).unwrap_err();
    assert_eq!(
        clash.to_string(),
        "`from_airport:lat` and `to_airport:lat` are both called `lat`; ask for full feature names, or give one of \
         the views an alias"
    );
    let plan = plan(service, FeatureNames::Full).unwrap();
    assert_eq!(
        names(&plan),
        [
            "from_airport__lat",
            "from_airport__lon",
            "to_airport__lat",
            "to_airport__lon"
        ]
    );
    assert_eq!(plan.lookups.len(), 2);
    let columns: Vec<_> = plan.join_keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(columns, ["origin", "dest"]);
}

#[test]
fn only_the_features_needed_are_read_and_references_count_among_them() {
    let service = vec![Projection {
        features: Some(vec![name("wind")]),
        ..projection("weather")
    }];
    let plan = plan(service, FeatureNames::Short).unwrap();
    assert_eq!(plan.lookups[0].features, [1]);
    assert_eq!(plan.outputs[0].from, ValueRef::Lookup { lookup: 0, feature: 0 });
    assert_eq!(
        plan.lookups[0].view.features()[1],
        Feature {
            name: name("wind"),
            value_type: ScalarType::Float64.into()
        }
    );
}

#[test]
fn on_demand_views_come_after_their_inputs_and_share_columns_with_join_keys() {
    let plan = plan(vec![projection("verdict")], FeatureNames::Short).unwrap();
    let order: Vec<_> = plan.on_demand.iter().map(|step| step.view.name.as_str()).collect();
    assert_eq!(order, ["trip", "verdict"]);
    assert_eq!(
        plan.on_demand[1].inputs[0].from,
        ValueRef::OnDemand { step: 0, feature: 0 }
    );
    let columns: Vec<_> = plan
        .input_columns()
        .iter()
        .map(|field| field.name.to_string())
        .collect();
    assert_eq!(columns, ["origin", "sched"]);
    assert_eq!(plan.request_fields.len(), 2);
}

#[test]
fn circles_unknown_names_and_clashing_types_are_refused_by_name() {
    let error = |service| plan(service, FeatureNames::Short).unwrap_err().to_string();
    assert_eq!(
        error(vec![projection("mirror")]),
        "on-demand feature view `mirror` reads itself, by way of its inputs"
    );
    assert_eq!(
        error(vec![projection("wether")]),
        "there is no feature view `wether`; did you mean `weather`?"
    );
    assert_eq!(
        error(vec![Projection {
            features: Some(vec![name("tmp")]),
            ..projection("weather")
        }]),
        "feature view `weather` has no feature `tmp`; did you mean `temp`?"
    );
    assert_eq!(
        error(vec![projection("weather"), projection("numbers")]),
        "column `origin` is string for `weather` and int64 for `numbers`; map one of them to another column"
    );
    assert_eq!(
        error(vec![projection("weather"), projection("weather")]),
        "`weather:temp` is asked for twice; once is enough"
    );
    assert_eq!(error(vec![]), "no features were asked for");
    assert_eq!(
        error(vec![aliased("airports", "a", "code", "lat")]),
        "`a:lat` has the name of the input column `lat`; ask for full feature names"
    );
    let unknown = RetrievalPlan::for_service(&definitions(vec![]), "modle", FeatureNames::Short).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no feature service `modle`; did you mean `model`?"
    );
}

#[test]
fn a_list_of_features_keeps_its_order_across_views() {
    let list: Vec<FeatureReference> = ["weather:wind", "airports:lat", "weather:temp"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let plan = RetrievalPlan::for_features(&definitions(vec![]), &list, FeatureNames::Short).unwrap();
    assert_eq!(names(&plan), ["wind", "lat", "temp"]);
    assert_eq!(plan.lookups.len(), 2);
    assert_eq!(list[0].to_string(), "weather:wind");
}
