//! Random definitions that hold together: every reference resolves, no names clash, no types clash.
//!
//! Names come from small pools, so that two random definitions share many of them and differ in what they mean.

use std::collections::BTreeMap;

use asof_model::definition::{
    Aggregation, Definitions, Entity, Expectation, ExpectationAction, FeatureService, FeatureView, Impute, JoinKey,
    Metadata, OnDemandFeature, OnDemandView, Projection, RequestField, RowFeature, Source, TimeColumn, ViewBody,
    WindowFeature,
};
use asof_model::{Admission, ColumnName, EntityName, FeatureName, ScalarType, TimeSpan, ValueType, ViewName};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// Random, valid definitions of the project `shop`.
pub fn definitions() -> impl Strategy<Value = Definitions> {
    let bodies = (
        vec(option::weighted(0.8, entity()), 3),
        vec(option::weighted(0.8, source()), 2),
        vec(option::weighted(0.7, view()), 4),
        vec(option::weighted(0.7, on_demand()), 3),
        vec(option::weighted(0.7, (picks(), metadata())), 2),
    );
    bodies.prop_map(|(entities, sources, views, on_demand, services)| {
        let mut all = Definitions::empty(name("shop"));
        for (at, (keys, metadata)) in numbered(entities) {
            let keys = keys.into_iter().zip(["a", "b"]);
            let keys = keys.map(|((key_type, metadata), letter)| {
                let name: ColumnName = name(&format!("key{at}{letter}"));
                (JoinKey { name, key_type }, metadata)
            });
            let (join_keys, about): (Vec<JoinKey>, Vec<Metadata>) = keys.unzip();
            let entity = Entity {
                name: name(&format!("entity{at}")),
                key_metadata: noted(join_keys.iter().map(|key| &key.name), about),
                join_keys,
                metadata,
            };
            all.entities.insert(entity.name.clone(), entity);
        }
        for (at, (path, event_time, created_time, filter, metadata)) in numbered(sources) {
            let source = Source {
                name: name(&format!("source{at}")),
                path,
                event_time,
                created_time,
                filter,
                metadata,
            };
            all.sources.insert(source.name.clone(), source);
        }
        for (at, body) in numbered(views) {
            add_view(&mut all, at, body);
        }
        for (at, (request, inputs, features, metadata)) in numbered(on_demand) {
            let (types, about): (Vec<ValueType>, Vec<Metadata>) = request.into_iter().unzip();
            let request = fields(&format!("request{at}"), types);
            let view = OnDemandView {
                name: name(&format!("trip{at}")),
                request_metadata: noted(request.iter().map(|field| &field.name), about),
                request,
                inputs: project(&all, inputs),
                features: on_demand_features(at, features),
                metadata,
            };
            all.on_demand_feature_views.insert(view.name.clone(), view);
        }
        for (at, (picked, metadata)) in numbered(services) {
            let features = project(&all, picked);
            let service = FeatureService {
                name: name(&format!("service{at}")),
                impute: impute(&all, &features, at),
                features,
                metadata,
            };
            // Without any view there is nothing to serve.
            if !service.features.is_empty() {
                all.feature_services.insert(service.name.clone(), service);
            }
        }
        all
    })
}

/// A view to pick among those there are, whether under an alias, and which of its features.
type Pick = (prop::sample::Index, bool, Option<Vec<prop::sample::Index>>);
type NamedTypes = Vec<(usize, ValueType, String, Metadata)>;
type ViewParts = (
    (Vec<prop::sample::Index>, prop::sample::Index),
    (Option<TimeSpan>, Option<TimeSpan>, bool),
    Option<String>,
    (Option<(TimeSpan, Vec<i64>)>, NamedTypes, Vec<bool>),
    (bool, Option<String>),
    Vec<(String, bool, Metadata)>,
    Metadata,
);

fn numbered<T>(items: Vec<Option<T>>) -> impl Iterator<Item = (usize, T)> {
    items.into_iter().enumerate().filter_map(|(at, item)| Some((at, item?)))
}

fn name<N: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> N {
    text.parse().expect("the names of this module follow the rule")
}

/// Text of every kind that a file can hold.
fn text() -> impl Strategy<Value = String> {
    let tricky = [
        "null", "true", "1e3", "- x", "a: b", "\"", "'", "a\nb", "# c", "{}", "é🛫", "~", "a\tb", "\\",
    ];
    prop_oneof![
        prop::sample::select(tricky.to_vec()).prop_map(str::to_owned),
        "[a-z ]{1,8}[a-z]"
    ]
}

/// SQL that no one compiles.
fn sql() -> impl Strategy<Value = String> {
    let known = [
        "a > 25",
        "coalesce(a, 0)",
        "\"Odd Name\" = 'it''s'",
        "a\n  + b",
        "count(*)",
        "sum(a) / 2",
    ];
    prop::sample::select(known.to_vec()).prop_map(str::to_owned)
}

fn metadata() -> impl Strategy<Value = Metadata> {
    (option::of(text()), option::of(text()), btree_map(text(), text(), 0..3)).prop_map(|(description, owner, tags)| {
        Metadata {
            description,
            owner,
            tags,
        }
    })
}

/// Mostly nothing, as for most features, join keys and request fields.
fn sparse_metadata() -> impl Strategy<Value = Metadata> {
    option::weighted(0.2, metadata()).prop_map(Option::unwrap_or_default)
}

fn span() -> impl Strategy<Value = TimeSpan> {
    let spans = ["250us", "90s", "15m", "1h", "1d12h"];
    prop::sample::select(spans.to_vec()).prop_map(|text| text.parse().expect("a duration"))
}

fn value_type() -> impl Strategy<Value = ValueType> {
    (prop::sample::select(ScalarType::ALL.to_vec()), any::<bool>()).prop_map(|(scalar, array)| {
        if array {
            ValueType::Array(scalar)
        } else {
            ValueType::Scalar(scalar)
        }
    })
}

fn entity() -> impl Strategy<Value = (Vec<(ScalarType, Metadata)>, Metadata)> {
    let keys: Vec<ScalarType> = ScalarType::ALL.into_iter().filter(|scalar| scalar.is_key()).collect();
    (vec((prop::sample::select(keys), sparse_metadata()), 1..3), metadata())
}

fn time() -> impl Strategy<Value = TimeColumn> {
    prop_oneof![
        prop::sample::select(vec!["at", "Observed At", "true"]).prop_map(|name| TimeColumn::Column(name.to_owned())),
        sql().prop_map(TimeColumn::Expression),
    ]
}

fn source() -> impl Strategy<Value = (String, TimeColumn, Option<TimeColumn>, Option<String>, Metadata)> {
    let paths = [
        "data/x.parquet",
        "s3://lake/x/*.parquet",
        "data/day=*/",
        "${NOT_A_VARIABLE}/x",
    ];
    let path = prop::sample::select(paths.to_vec()).prop_map(str::to_owned);
    (path, time(), option::of(time()), option::of(sql()), metadata())
}

/// Features: places in a pool of names, each once and in any order, with types, SQL and metadata.
fn named_types(most: usize) -> impl Strategy<Value = NamedTypes> {
    let places = prop::sample::subsequence((0..most).collect::<Vec<_>>(), 1..=most).prop_shuffle();
    places.prop_flat_map(|places| {
        let count = places.len();
        vec((value_type(), sql(), sparse_metadata()), count).prop_map(move |rest| {
            let features = places.iter().zip(rest);
            features
                .map(|(place, (value_type, sql, metadata))| (*place, value_type, sql, metadata))
                .collect()
        })
    })
}

fn view() -> impl Strategy<Value = ViewParts> {
    let windows = option::of((span(), vec(1_i64..5, 4)));
    let crons = ["*/15 * * * *", "0 3 * * 1"];
    let schedule = prop::sample::select(crons.to_vec()).prop_map(str::to_owned);
    (
        (vec(any::<prop::sample::Index>(), 0..3), any::<prop::sample::Index>()),
        (option::of(span()), option::of(span()), any::<bool>()),
        option::weighted(0.3, sql()),
        (windows, named_types(4), vec(any::<bool>(), 4)),
        (prop::bool::weighted(0.8), option::weighted(0.3, schedule)),
        vec((sql(), any::<bool>(), sparse_metadata()), 0..2),
        metadata(),
    )
}

fn on_demand() -> impl Strategy<Value = (Vec<(ValueType, Metadata)>, Vec<Pick>, NamedTypes, Metadata)> {
    (
        vec((value_type(), sparse_metadata()), 0..3),
        picks(),
        named_types(3),
        metadata(),
    )
}

fn picks() -> impl Strategy<Value = Vec<Pick>> {
    let features = option::of(vec(any::<prop::sample::Index>(), 1..3));
    vec((any::<prop::sample::Index>(), any::<bool>(), features), 1..4)
}

/// Adds a view, if there is a source for it.
fn add_view(all: &mut Definitions, at: usize, parts: ViewParts) {
    let ((entities, source), (ttl, availability_lag, from_created), filter, body, online, expectations, metadata) =
        parts;
    if all.sources.is_empty() {
        return;
    }
    let source = source.get(&all.sources.values().collect::<Vec<_>>()).to_owned();
    let mut names: Vec<EntityName> = Vec::new();
    let known: Vec<&EntityName> = all.entities.keys().collect();
    for entity in entities.iter().filter(|_| !known.is_empty()) {
        let entity = *entity.get(&known);
        if !names.contains(entity) {
            names.push(entity.clone());
        }
    }
    let join_keys = names.iter().flat_map(|name| all.entities[name].join_keys.clone());
    let (windows, features, with_sql) = body;
    let feature_name = |place: usize| name(&format!("feature{at}_{place}"));
    let body = match windows {
        None => ViewBody::Rows(
            features
                .into_iter()
                .zip(with_sql)
                .map(|((place, value_type, sql, metadata), with_sql)| RowFeature {
                    name: feature_name(place),
                    value_type,
                    expr: with_sql.then_some(sql),
                    metadata,
                })
                .collect(),
        ),
        Some((every, times)) => ViewBody::Windows(Aggregation {
            every,
            features: features
                .into_iter()
                .zip(times)
                .map(|((place, value_type, expr, metadata), times)| WindowFeature {
                    name: feature_name(place),
                    value_type,
                    expr,
                    window: TimeSpan::from_micros(every.micros() * times).expect("a few times a span is a span"),
                    metadata,
                })
                .collect(),
        }),
    };
    let expectations = expectations
        .into_iter()
        .enumerate()
        .map(|(at, (expr, fail, metadata))| Expectation {
            name: name(&format!("check{at}")),
            expr,
            action: if fail {
                ExpectationAction::Fail
            } else {
                ExpectationAction::Warn
            },
            metadata,
        });
    let view = FeatureView {
        name: name(&format!("view{at}")),
        join_keys: join_keys.collect(),
        entities: names,
        admission: Admission {
            ttl,
            availability_lag,
            // Aggregates have no created time of their own.
            visible_from_created: from_created && source.created_time.is_some() && matches!(body, ViewBody::Rows(_)),
        },
        source: source.name.clone(),
        filter,
        body,
        online: online.0,
        schedule: online.1,
        expectations: expectations.collect(),
        metadata,
    };
    all.feature_views.insert(view.name.clone(), view);
}

/// What there is to say about each of `names`, without those of which there is nothing.
fn noted<'a>(names: impl Iterator<Item = &'a ColumnName>, about: Vec<Metadata>) -> BTreeMap<ColumnName, Metadata> {
    let pairs = names.cloned().zip(about);
    pairs.filter(|(_, metadata)| *metadata != Metadata::default()).collect()
}

fn fields(prefix: &str, types: Vec<ValueType>) -> Vec<RequestField> {
    let fields = types.into_iter().enumerate().map(|(at, value_type)| RequestField {
        name: name(&format!("{prefix}_{at}")),
        value_type,
    });
    fields.collect()
}

fn on_demand_features(at: usize, features: NamedTypes) -> Vec<OnDemandFeature> {
    let features = features.into_iter();
    features
        .map(|(place, value_type, expr, metadata)| OnDemandFeature {
            name: name(&format!("computed{at}_{place}")),
            value_type,
            expr,
            metadata,
        })
        .collect()
}

/// Projections of the picked views, each view once, under columns that no other view uses.
/// Numbers for missing values: a default for every other service, and one for a feature that can have one.
fn impute(all: &Definitions, projections: &[Projection], at: usize) -> Impute {
    let numeric = |projection: &Projection| {
        let features = all.feature_views.get(&projection.view)?.features();
        let asked = features.into_iter().find(|feature| {
            let is_asked = projection
                .features
                .as_ref()
                .is_none_or(|asked| asked.contains(&feature.name));
            let (ValueType::Scalar(scalar) | ValueType::Array(scalar)) = feature.value_type;
            let is_number = !matches!(scalar, ScalarType::String | ScalarType::Bytes | ScalarType::Timestamp);
            is_asked && is_number
        });
        Some(((projection.shown_as().clone(), asked?.name), -1.5))
    };
    Impute {
        default: at.is_multiple_of(2).then_some(0.25),
        features: projections.iter().find_map(numeric).into_iter().collect(),
    }
}

fn project(all: &Definitions, picks: Vec<Pick>) -> Vec<Projection> {
    let feature_views = all.feature_views.values();
    let views: Vec<(ViewName, Vec<ColumnName>, Vec<FeatureName>)> = feature_views
        .map(|view| {
            let keys = view.join_keys.iter().map(|key| key.name.clone());
            let features = view.features().into_iter().map(|feature| feature.name);
            (view.name.clone(), keys.collect(), features.collect())
        })
        .chain(all.on_demand_feature_views.values().map(|view| {
            let features = view.features().into_iter().map(|feature| feature.name);
            (view.name.clone(), Vec::new(), features.collect())
        }))
        .collect();
    let mut projections: Vec<Projection> = Vec::new();
    for (view, aliased, features) in picks.into_iter().filter(|_| !views.is_empty()) {
        let (view, keys, known) = view.get(&views);
        if projections.iter().any(|projection| projection.view == *view) {
            continue;
        }
        let features = features.map(|features| {
            let mut picked: Vec<FeatureName> = Vec::new();
            for feature in features {
                let feature = feature.get(known);
                if !picked.contains(feature) {
                    picked.push(feature.clone());
                }
            }
            picked
        });
        let mapped = keys.iter().take(usize::from(aliased));
        let join_key_map: BTreeMap<ColumnName, ColumnName> = mapped
            .map(|key| (key.clone(), name(&format!("{key}_of_{view}"))))
            .collect();
        projections.push(Projection {
            view: view.clone(),
            alias: aliased.then(|| name(&format!("{view}_alias"))),
            join_key_map,
            features,
        });
    }
    projections
}

#[cfg(test)]
mod tests {
    use asof_model::retrieval::{FeatureNames, RetrievalPlan};

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_service_can_be_asked(definitions in definitions()) {
            for service in definitions.feature_services.keys() {
                let plan = RetrievalPlan::for_service(&definitions, service.as_str(), FeatureNames::Short);
                prop_assert!(plan.is_ok(), "{service}: {:?}", plan.err());
            }
        }
    }
}
