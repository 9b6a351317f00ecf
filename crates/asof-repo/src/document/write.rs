//! From definitions to their document.

use std::collections::BTreeMap;
use std::fmt::Display;

use asof_model::ColumnName;
use asof_model::definition::{
    Aggregation, Definitions, Entity, Expectation, ExpectationAction, FeatureService, FeatureView, Impute, Metadata,
    OnDemandView, Projection, Source, TimeColumn, ViewBody,
};
use serde_json::{Map, Value, json};

/// An object whose keys stand in the order in which they are put in.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    /// The start of everything that has a name.
    fn named(name: impl Display, metadata: &Metadata) -> Self {
        Self::default().with("name", text(name)).about(metadata)
    }

    fn about(self, metadata: &Metadata) -> Self {
        self.with_some("description", metadata.description.as_ref().map(text))
            .with_some("owner", metadata.owner.as_ref().map(text))
            .with_some("tags", texts(&metadata.tags))
    }

    fn about_one_of(self, all: &BTreeMap<ColumnName, Metadata>, column: &ColumnName) -> Self {
        match all.get(column) {
            Some(metadata) => self.about(metadata),
            None => self,
        }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }

    fn with_some(self, key: &str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    fn value(self) -> Value {
        Value::Object(self.0)
    }
}

pub(super) fn definitions(definitions: &Definitions) -> Value {
    json!({
        "entities": definitions.entities.values().map(entity).collect::<Vec<_>>(),
        "sources": definitions.sources.values().map(source).collect::<Vec<_>>(),
        "feature_views": definitions.feature_views.values().map(feature_view).collect::<Vec<_>>(),
        "on_demand_feature_views": definitions.on_demand_feature_views.values().map(on_demand).collect::<Vec<_>>(),
        "feature_services": definitions.feature_services.values().map(service).collect::<Vec<_>>(),
    })
}

fn text(value: impl Display) -> Value {
    Value::String(value.to_string())
}

/// A mapping of texts, or nothing when it is empty.
fn texts<K: Display, V: Display>(map: &BTreeMap<K, V>) -> Option<Value> {
    let entries = map.iter().map(|(key, value)| (key.to_string(), text(value)));
    (!map.is_empty()).then(|| Value::Object(entries.collect()))
}

fn list<T>(items: &[T], item: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(item).collect())
}

fn entity(entity: &Entity) -> Value {
    Object::named(&entity.name, &entity.metadata)
        .with(
            "join_keys",
            list(&entity.join_keys, |key| {
                typed(&key.name, key.key_type.name())
                    .about_one_of(&entity.key_metadata, &key.name)
                    .value()
            }),
        )
        .value()
}

fn source(source: &Source) -> Value {
    Object::named(&source.name, &source.metadata)
        .with("parquet", json!({"path": source.path}))
        .with("event_time", time(&source.event_time))
        .with_some("created_time", source.created_time.as_ref().map(time))
        .with_some("filter", source.filter.as_ref().map(text))
        .value()
}

fn time(column: &TimeColumn) -> Value {
    match column {
        TimeColumn::Column(name) => text(name),
        TimeColumn::Expression(sql) => json!({"expr": sql}),
    }
}

fn feature_view(view: &FeatureView) -> Value {
    let admission = &view.admission;
    let object = Object::named(&view.name, &view.metadata)
        .with("entities", list(&view.entities, |name| text(name)))
        .with("source", text(&view.source))
        .with_some("ttl", admission.ttl.map(text))
        .with_some("availability_lag", admission.availability_lag.map(text))
        .with_some(
            "visible_from",
            admission.visible_from_created.then(|| text("created_time")),
        )
        .with_some("filter", view.filter.as_ref().map(text));
    let object = match &view.body {
        ViewBody::Rows(features) => object.with(
            "features",
            list(features, |feature| {
                typed(&feature.name, feature.value_type)
                    .with_some("expr", feature.expr.as_ref().map(text))
                    .about(&feature.metadata)
                    .value()
            }),
        ),
        ViewBody::Windows(windows) => object.with("aggregation", aggregation(windows)),
    };
    object
        .with("online", Value::Bool(view.online))
        .with_some(
            "materialize",
            view.schedule.as_ref().map(|schedule| json!({"schedule": schedule})),
        )
        .with_some(
            "expect",
            (!view.expectations.is_empty()).then(|| list(&view.expectations, expectation)),
        )
        .value()
}

/// The start of a feature or a request field.
fn typed(name: impl Display, value_type: impl Display) -> Object {
    Object::default()
        .with("name", text(name))
        .with("type", text(value_type))
}

fn aggregation(aggregation: &Aggregation) -> Value {
    let features = list(&aggregation.features, |feature| {
        typed(&feature.name, feature.value_type)
            .with("expr", text(&feature.expr))
            .with("window", text(feature.window))
            .about(&feature.metadata)
            .value()
    });
    json!({"every": aggregation.every.to_string(), "features": features})
}

fn expectation(expectation: &Expectation) -> Value {
    let action = match expectation.action {
        ExpectationAction::Warn => "warn",
        ExpectationAction::Fail => "fail",
    };
    Object::default()
        .with("name", text(&expectation.name))
        .with("expr", text(&expectation.expr))
        .with("action", text(action))
        .about(&expectation.metadata)
        .value()
}

fn on_demand(view: &OnDemandView) -> Value {
    let request = list(&view.request, |field| {
        typed(&field.name, field.value_type)
            .about_one_of(&view.request_metadata, &field.name)
            .value()
    });
    let features = list(&view.features, |feature| {
        typed(&feature.name, feature.value_type)
            .with("expr", text(&feature.expr))
            .about(&feature.metadata)
            .value()
    });
    Object::named(&view.name, &view.metadata)
        .with_some("request", (!view.request.is_empty()).then_some(request))
        .with_some(
            "inputs",
            (!view.inputs.is_empty()).then(|| list(&view.inputs, projection)),
        )
        .with("features", features)
        .value()
}

fn service(service: &FeatureService) -> Value {
    Object::named(&service.name, &service.metadata)
        .with("features", list(&service.features, projection))
        .with_some("impute", (!service.impute.is_empty()).then(|| impute(&service.impute)))
        .value()
}

fn impute(impute: &Impute) -> Value {
    let named = impute.features.iter();
    named
        .fold(
            Object::default().with_some("default", impute.default.map(Value::from)),
            |object, ((view, feature), number)| object.with(&format!("{view}:{feature}"), Value::from(*number)),
        )
        .value()
}

/// `view` or `view:feature` where that says it all, a mapping otherwise.
fn projection(projection: &Projection) -> Value {
    let plain = projection.alias.is_none() && projection.join_key_map.is_empty();
    match projection.features.as_deref() {
        None if plain => text(&projection.view),
        Some([feature]) if plain => text(format_args!("{}:{feature}", projection.view)),
        features => Object::default()
            .with("view", text(&projection.view))
            .with_some("as", projection.alias.as_ref().map(text))
            .with_some("join_key_map", texts(&projection.join_key_map))
            .with_some("features", features.map(|features| list(features, |name| text(name))))
            .value(),
    }
}
