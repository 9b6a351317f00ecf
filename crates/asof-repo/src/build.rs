//! From definitions as written to definitions: what is whole is taken, what has an error or needs something that has
//! one is left out.

use std::collections::{BTreeMap, HashSet};

use asof_model::definition::{
    Aggregation, Definitions, Entity, Expectation, FeatureService, FeatureView, Impute, JoinKey, Metadata,
    OnDemandFeature, OnDemandView, Projection, RequestField, RowFeature, Source, TimeColumn, ViewBody, WindowFeature,
};
use asof_model::{Admission, ColumnName, ProjectName};

use crate::rules::{MAX_CHAIN, impute};
use crate::syntax::{
    AggregationSyntax, EntitySyntax, FeatureSyntax, OnDemandSyntax, ProjectionSyntax, ServiceSyntax, SourceSyntax,
    Syntax, TimeSyntax, ViewSyntax, Word,
};
use crate::text::{Sink, Span};

/// The definitions that are whole; all of them, if `sink` holds no error.
pub(crate) fn build(sink: &Sink, syntax: &Syntax, project: &ProjectName) -> Definitions {
    let errors = Errors::new(sink);
    let mut all = Definitions::empty(project.clone());
    for entity in syntax.entities.iter().filter(|entity| errors.spare(entity.place)) {
        insert(
            &mut all.entities,
            self::entity(entity).map(|entity| (entity.name.clone(), entity)),
        );
    }
    for source in syntax.sources.iter().filter(|source| errors.spare(source.place)) {
        insert(
            &mut all.sources,
            self::source(source).map(|source| (source.name.clone(), source)),
        );
    }
    for view in syntax.feature_views.iter().filter(|view| errors.spare(view.place)) {
        let view = feature_view(view, &all).map(|view| (view.name.clone(), view));
        insert(&mut all.feature_views, view);
    }
    let mut waiting: Vec<&OnDemandSyntax> = syntax
        .on_demand
        .iter()
        .filter(|view| errors.spare(view.place))
        .collect();
    // A view is taken once its inputs are there, so that each round takes one more step of every chain.
    for _ in 0..MAX_CHAIN {
        waiting.retain(|view| {
            let Some(view) = on_demand(view, &all) else { return true };
            insert(&mut all.on_demand_feature_views, Some((view.name.clone(), view)));
            false
        });
    }
    for service in syntax.services.iter().filter(|service| errors.spare(service.place)) {
        let service = self::service(service, &all).map(|service| (service.name.clone(), service));
        insert(&mut all.feature_services, service);
    }
    all
}

/// Of two definitions with one name the first is taken.
fn insert<K: Ord, V>(map: &mut BTreeMap<K, V>, definition: Option<(K, V)>) {
    if let Some((name, definition)) = definition {
        map.entry(name).or_insert(definition);
    }
}

/// Where errors are, sorted.
struct Errors(Vec<Vec<u32>>);

impl Errors {
    fn new(sink: &Sink) -> Self {
        let starts = sink.texts.iter().map(|text| {
            let here = sink
                .diagnostics
                .iter()
                .filter(|d| d.is_error() && d.place.file == text.path);
            let mut starts: Vec<u32> = here.map(|d| d.place.start as u32).collect();
            starts.sort_unstable();
            starts
        });
        Self(starts.collect())
    }

    /// Whether no error is inside of `place`.
    fn spare(&self, place: Span) -> bool {
        let starts = &self.0[place.file as usize];
        let next = starts.partition_point(|start| *start < place.start);
        starts.get(next).is_none_or(|start| *start >= place.end)
    }
}

fn name<T: std::str::FromStr>(word: &Word) -> Option<T> {
    word.value.parse().ok()
}

fn text(word: &Word) -> String {
    word.value.clone()
}

/// What is written about some columns, without those about which nothing is.
fn noted<'a>(columns: impl Iterator<Item = (&'a Word, &'a Metadata)>) -> BTreeMap<ColumnName, Metadata> {
    let said = columns.filter(|(_, metadata)| **metadata != Metadata::default());
    said.filter_map(|(column, metadata)| Some((name(column)?, metadata.clone())))
        .collect()
}

fn entity(entity: &EntitySyntax) -> Option<Entity> {
    let keys = entity.join_keys.iter().map(|key| {
        Some(JoinKey {
            name: name(&key.name)?,
            key_type: key.key_type.filter(|key_type| key_type.is_key())?,
        })
    });
    let join_keys: Vec<JoinKey> = keys.collect::<Option<_>>()?;
    (!join_keys.is_empty()).then_some(())?;
    Some(Entity {
        name: name(&entity.name)?,
        join_keys,
        key_metadata: noted(entity.join_keys.iter().map(|key| (&key.name, &key.metadata))),
        metadata: entity.metadata.clone(),
    })
}

fn source(source: &SourceSyntax) -> Option<Source> {
    Some(Source {
        name: name(&source.name)?,
        path: source.path.as_ref().map(text)?,
        event_time: source.event_time.as_ref().map(time)?,
        created_time: source.created_time.as_ref().map(time),
        filter: source.filter.as_ref().map(text),
        metadata: source.metadata.clone(),
    })
}

fn time(time: &TimeSyntax) -> TimeColumn {
    match time {
        TimeSyntax::Column(column) => TimeColumn::Column(text(column)),
        TimeSyntax::Expression(sql) => TimeColumn::Expression(text(sql)),
    }
}

fn feature_view(view: &ViewSyntax, all: &Definitions) -> Option<FeatureView> {
    let source = view.source.as_ref()?;
    all.sources.get(source.value.as_str())?;
    let entities = view
        .entities
        .iter()
        .map(|entity| all.entities.get(entity.value.as_str()));
    let entities: Vec<&Entity> = entities.collect::<Option<_>>()?;
    let expectations = view.expect.iter().map(|expectation| {
        Some(Expectation {
            name: name(&expectation.name)?,
            expr: expectation.expr.as_ref().map(text)?,
            action: expectation.action,
            metadata: expectation.metadata.clone(),
        })
    });
    let body = match (&view.features, &view.aggregation) {
        (Some(features), None) => ViewBody::Rows(row_features(&features.value)?),
        (None, Some(aggregation)) => ViewBody::Windows(self::aggregation(&aggregation.value)?),
        _ => return None,
    };
    Some(FeatureView {
        name: name(&view.name)?,
        entities: entities.iter().map(|entity| entity.name.clone()).collect(),
        join_keys: entities.iter().flat_map(|entity| entity.join_keys.clone()).collect(),
        source: name(source)?,
        admission: Admission {
            ttl: view.ttl,
            availability_lag: view.availability_lag,
            visible_from_created: view.visible_from_created.is_some(),
        },
        filter: view.filter.as_ref().map(text),
        body,
        online: view.online,
        schedule: view.schedule.clone(),
        expectations: expectations.collect::<Option<_>>()?,
        metadata: view.metadata.clone(),
    })
}

fn row_features(features: &[FeatureSyntax]) -> Option<Vec<RowFeature>> {
    let features = features.iter().map(|feature| {
        Some(RowFeature {
            name: name(&feature.name)?,
            value_type: feature.value_type.as_ref()?.value,
            expr: feature.expr.as_ref().map(text),
            metadata: feature.metadata.clone(),
        })
    });
    features
        .collect::<Option<Vec<_>>>()
        .filter(|features| !features.is_empty())
}

fn aggregation(aggregation: &AggregationSyntax) -> Option<Aggregation> {
    let features = aggregation.features.iter().map(|feature| {
        Some(WindowFeature {
            name: name(&feature.name)?,
            value_type: feature.value_type.as_ref()?.value,
            expr: feature.expr.as_ref().map(text)?,
            window: feature.window.as_ref()?.value,
            metadata: feature.metadata.clone(),
        })
    });
    Some(Aggregation {
        every: aggregation.every.as_ref()?.value,
        features: features
            .collect::<Option<Vec<_>>>()
            .filter(|features| !features.is_empty())?,
    })
}

fn on_demand(view: &OnDemandSyntax, all: &Definitions) -> Option<OnDemandView> {
    let request = view.request.iter().map(|field| {
        Some(RequestField {
            name: name(&field.name)?,
            value_type: field.value_type.as_ref()?.value,
        })
    });
    let features = view.features.iter().map(|feature| {
        Some(OnDemandFeature {
            name: name(&feature.name)?,
            value_type: feature.value_type.as_ref()?.value,
            expr: feature.expr.as_ref().map(text)?,
            metadata: feature.metadata.clone(),
        })
    });
    Some(OnDemandView {
        name: name(&view.name)?,
        request: request.collect::<Option<_>>()?,
        request_metadata: noted(view.request.iter().map(|field| (&field.name, &field.metadata))),
        inputs: projections(&view.inputs, all)?,
        features: features
            .collect::<Option<Vec<_>>>()
            .filter(|features| !features.is_empty())?,
        metadata: view.metadata.clone(),
    })
}

fn service(service: &ServiceSyntax, all: &Definitions) -> Option<FeatureService> {
    let features = projections(&service.features, all).filter(|features| !features.is_empty())?;
    let mut impute = Impute::default();
    let known = impute::features(all, &features);
    for (word, number) in &service.impute {
        if word.value == impute::DEFAULT {
            impute.default = Some(*number);
        } else if let [one] = impute::named(&known, &word.value).as_slice() {
            let place = (one.view.clone(), one.feature.name.clone());
            impute.features.insert(place, *number);
        }
    }
    Some(FeatureService {
        name: name(&service.name)?,
        features,
        impute,
        metadata: service.metadata.clone(),
    })
}

fn projections(projections: &[ProjectionSyntax], all: &Definitions) -> Option<Vec<Projection>> {
    projections.iter().map(|syntax| projection(syntax, all)).collect()
}

fn projection(projection: &ProjectionSyntax, all: &Definitions) -> Option<Projection> {
    let view = projection.view.value.as_str();
    let known: HashSet<_> = match (all.feature_views.get(view), all.on_demand_feature_views.get(view)) {
        (Some(view), _) => view.features().into_iter().map(|feature| feature.name).collect(),
        (None, Some(view)) => view.features().into_iter().map(|feature| feature.name).collect(),
        (None, None) => return None,
    };
    let features = projection.features.as_ref().map(|features| {
        let found = features.iter().map(|word| known.get(word.value.as_str()).cloned());
        found.collect::<Option<Vec<_>>>()
    });
    let map = projection
        .join_key_map
        .iter()
        .map(|(key, column)| Some((name(key)?, name(column)?)));
    Some(Projection {
        view: name(&projection.view)?,
        alias: match &projection.alias {
            Some(alias) => Some(name(alias)?),
            None => None,
        },
        join_key_map: map.collect::<Option<_>>()?,
        features: match features {
            Some(features) => Some(features?),
            None => None,
        },
    })
}
