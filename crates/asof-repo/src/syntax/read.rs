//! From trees to definitions as written. Nothing is reported here.

use std::collections::BTreeMap;

use asof_model::TimeSpan;
use asof_model::definition::{ExpectationAction, Metadata};

use super::{
    AggregationSyntax, EntitySyntax, ExpectSyntax, FeatureSyntax, JoinKeySyntax, OnDemandSyntax, ProjectionSyntax,
    ServiceSyntax, SourceSyntax, Syntax, TimeSyntax, ViewSyntax, Word,
};
use crate::text::{Span, Spanned};
use crate::yaml::{Content, Node};

/// Adds the definitions of one document.
pub(crate) fn read(node: &Node, into: &mut Syntax) {
    into.entities.extend(items(node, "entities").filter_map(entity));
    into.sources.extend(items(node, "sources").filter_map(source));
    into.feature_views
        .extend(items(node, "feature_views").filter_map(feature_view));
    into.on_demand
        .extend(items(node, "on_demand_feature_views").filter_map(on_demand));
    into.services
        .extend(items(node, "feature_services").filter_map(service));
}

fn items<'n>(node: &'n Node, key: &str) -> std::slice::Iter<'n, Node> {
    node.get(key).map(Node::list).unwrap_or_default().iter()
}

fn word(node: &Node, key: &str) -> Option<Word> {
    node.get(key)?.spanned()
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key)?.text().map(ToOwned::to_owned)
}

fn parsed<T: std::str::FromStr>(node: &Node, key: &str) -> Option<Spanned<T>> {
    let word = word(node, key)?;
    let value = word.value.parse().ok()?;
    Some(Spanned { value, span: word.span })
}

fn duration(node: &Node, key: &str) -> Option<TimeSpan> {
    parsed(node, key).map(|spanned| spanned.value)
}

/// The place of a key.
fn key_span(node: &Node, key: &str) -> Option<Span> {
    let entry = node.entries().iter().find(|entry| entry.key.value == key)?;
    Some(entry.key.span)
}

fn metadata(node: &Node) -> Metadata {
    Metadata {
        description: text(node, "description"),
        owner: text(node, "owner"),
        tags: node.get("tags").map(tags).unwrap_or_default(),
    }
}

/// A list of texts is a mapping of them to nothing.
fn tags(node: &Node) -> BTreeMap<String, String> {
    let bare = node.list().iter().filter_map(Node::text).map(|tag| (tag, ""));
    let entries = node.entries().iter();
    let valued = entries.filter_map(|entry| Some((entry.key.value.as_str(), entry.value.text()?)));
    bare.chain(valued)
        .map(|(tag, value)| (tag.to_owned(), value.to_owned()))
        .collect()
}

fn entity(node: &Node) -> Option<EntitySyntax> {
    let join_key = |node: &Node| {
        Some(JoinKeySyntax {
            name: word(node, "name")?,
            key_type: parsed(node, "type").map(|spanned| spanned.value),
            metadata: metadata(node),
        })
    };
    Some(EntitySyntax {
        place: node.span,
        name: word(node, "name")?,
        join_keys: items(node, "join_keys").filter_map(join_key).collect(),
        metadata: metadata(node),
    })
}

fn source(node: &Node) -> Option<SourceSyntax> {
    Some(SourceSyntax {
        place: node.span,
        name: word(node, "name")?,
        path: node.get("parquet").and_then(|parquet| word(parquet, "path")),
        event_time: time(node, "event_time"),
        created_time: time(node, "created_time"),
        filter: word(node, "filter"),
        metadata: metadata(node),
    })
}

fn time(node: &Node, key: &str) -> Option<TimeSyntax> {
    let value = node.get(key)?;
    match &value.content {
        Content::Mapping(_) => word(value, "expr").map(TimeSyntax::Expression),
        _ => value.spanned().map(TimeSyntax::Column),
    }
}

fn feature(node: &Node) -> Option<FeatureSyntax> {
    Some(FeatureSyntax {
        name: word(node, "name")?,
        value_type: parsed(node, "type"),
        expr: word(node, "expr"),
        window: parsed(node, "window"),
        metadata: metadata(node),
    })
}

fn features(node: &Node, key: &str) -> Vec<FeatureSyntax> {
    items(node, key).filter_map(feature).collect()
}

fn feature_view(node: &Node) -> Option<ViewSyntax> {
    let visible_from = word(node, "visible_from").filter(|word| word.value == "created_time");
    let aggregation = |aggregation: &Node| AggregationSyntax {
        every: parsed(aggregation, "every"),
        features: features(aggregation, "features"),
    };
    Some(ViewSyntax {
        place: node.span,
        name: word(node, "name")?,
        entities: items(node, "entities").filter_map(Node::spanned).collect(),
        source: word(node, "source"),
        ttl: duration(node, "ttl"),
        availability_lag: duration(node, "availability_lag"),
        visible_from_created: visible_from.map(|word| word.span),
        filter: word(node, "filter"),
        features: key_span(node, "features").map(|span| Spanned {
            value: features(node, "features"),
            span,
        }),
        aggregation: key_span(node, "aggregation")
            .zip(node.get("aggregation"))
            .map(|(span, node)| Spanned {
                value: aggregation(node),
                span,
            }),
        online: node.get("online").and_then(Node::bool).unwrap_or(true),
        schedule: node
            .get("materialize")
            .and_then(|materialize| text(materialize, "schedule")),
        expect: items(node, "expect").filter_map(expectation).collect(),
        metadata: metadata(node),
    })
}

fn expectation(node: &Node) -> Option<ExpectSyntax> {
    let warns = text(node, "action").is_some_and(|action| action == "warn");
    Some(ExpectSyntax {
        name: word(node, "name")?,
        expr: word(node, "expr"),
        action: if warns {
            ExpectationAction::Warn
        } else {
            ExpectationAction::Fail
        },
        metadata: metadata(node),
    })
}

fn on_demand(node: &Node) -> Option<OnDemandSyntax> {
    Some(OnDemandSyntax {
        place: node.span,
        name: word(node, "name")?,
        request: features(node, "request"),
        inputs: items(node, "inputs").filter_map(projection).collect(),
        features: features(node, "features"),
        metadata: metadata(node),
    })
}

fn service(node: &Node) -> Option<ServiceSyntax> {
    Some(ServiceSyntax {
        place: node.span,
        name: word(node, "name")?,
        features: items(node, "features").filter_map(projection).collect(),
        impute: node
            .get("impute")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .filter_map(|entry| Some((entry.key.clone(), entry.value.number()?)))
            .collect(),
        metadata: metadata(node),
    })
}

/// `view`, `view:feature` or a mapping.
fn projection(node: &Node) -> Option<ProjectionSyntax> {
    let mut projection = ProjectionSyntax {
        place: node.span,
        view: Word {
            value: String::new(),
            span: node.span,
        },
        alias: None,
        join_key_map: Vec::new(),
        features: None,
    };
    if let Some(text) = node.text() {
        let (view, feature) = match text.split_once(':') {
            Some((view, feature)) => (view.trim(), Some(feature.trim())),
            None => (text, None),
        };
        view.clone_into(&mut projection.view.value);
        projection.features = feature.map(|feature| {
            vec![Word {
                value: feature.to_owned(),
                span: node.span,
            }]
        });
        return Some(projection);
    }
    projection.view = word(node, "view")?;
    projection.alias = word(node, "as");
    projection.join_key_map = node
        .get("join_key_map")
        .map(Node::entries)
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| Some((entry.key.clone(), entry.value.spanned()?)))
        .collect();
    let features = node.get("features").map(Node::list);
    projection.features = features.map(|list| list.iter().filter_map(Node::spanned).collect());
    Some(projection)
}
