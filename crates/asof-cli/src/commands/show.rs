//! `asof show`: what the registry holds.

use asof_repo::document;
use asof_repo::plan::ObjectKind;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::get_online_features::show as text;
use crate::args::Global;
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::table::table;
use crate::workspace::Workspace;

/// A kind of definition, by the name of its list in the YAML.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    #[value(alias = "entity")]
    Entities,
    #[value(alias = "source")]
    Sources,
    #[value(
        name = "feature-views",
        alias = "feature_views",
        alias = "feature-view",
        alias = "feature_view"
    )]
    FeatureViews,
    #[value(
        name = "on-demand-feature-views",
        alias = "on_demand_feature_views",
        alias = "on-demand-feature-view",
        alias = "on_demand_feature_view"
    )]
    OnDemandFeatureViews,
    #[value(
        name = "feature-services",
        alias = "feature_services",
        alias = "feature-service",
        alias = "feature_service"
    )]
    FeatureServices,
}

impl From<Kind> for ObjectKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Entities => Self::Entity,
            Kind::Sources => Self::Source,
            Kind::FeatureViews => Self::FeatureView,
            Kind::OnDemandFeatureViews => Self::OnDemandFeatureView,
            Kind::FeatureServices => Self::FeatureService,
        }
    }
}

/// Options of `asof show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof show\n  asof show feature-views\n  asof show feature-services delay_model")]
pub(crate) struct ShowArgs {
    /// What to show; everything unless told.
    #[arg(value_enum)]
    kind: Option<Kind>,
    /// One of them, whole.
    #[arg(requires = "kind")]
    name: Option<String>,
}

pub(crate) async fn run(global: &Global, args: &ShowArgs, printer: &Printer) -> CliResult {
    let snapshot = Workspace::open(global)?.applied().await?;
    let document = document::to_json(&snapshot.definitions);
    let Some(kind) = args.kind.map(ObjectKind::from) else {
        printer.result(
            || {
                let kinds = ObjectKind::ALL.into_iter().map(|kind| {
                    let names: Vec<String> = objects(&document, kind).map(|(name, _)| name).collect();
                    vec![plural_of(kind), names.len().to_string(), names.join(", ")]
                });
                let table = table(&["kind", "count", "names"], &[1], kinds);
                format!(
                    "Project {}, registry version {}\n\n{table}",
                    snapshot.definitions.project, snapshot.version
                )
            },
            || serde_json::json!({"version": snapshot.version.0, "definitions": document}),
        );
        return Ok(());
    };
    let Some(name) = &args.name else {
        printer.result(
            || list(&document, kind),
            || objects(&document, kind).map(|(_, object)| object.clone()).collect(),
        );
        return Ok(());
    };
    let Some((_, object)) = objects(&document, kind).find(|(known, _)| known == name) else {
        let known: Vec<String> = objects(&document, kind).map(|(name, _)| name).collect();
        let hint = asof_model::nearest::clause(name, known.iter().map(String::as_str));
        return Err(CliError::refused(format!("the registry has no {kind} `{name}`{hint}")));
    };
    printer.result(|| lines(object, 0), || object.clone());
    Ok(())
}

/// The kind in words, of more than one.
fn plural_of(kind: ObjectKind) -> String {
    match kind {
        ObjectKind::Entity => "entities".to_owned(),
        other => format!("{other}s"),
    }
}

/// The objects of one kind with their names.
fn objects(document: &Value, kind: ObjectKind) -> impl Iterator<Item = (String, &Value)> {
    let list = document[kind.list()].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|object| (text(&object["name"]), object))
}

/// What an object has in the columns between its name and its description.
type Columns = fn(&Value) -> Vec<String>;

/// A table of all objects of one kind.
fn list(document: &Value, kind: ObjectKind) -> String {
    let (header, columns): (&[&str], Columns) = match kind {
        ObjectKind::Entity => (&["name", "join keys", "description"], |object| {
            vec![names(&object["join_keys"])]
        }),
        ObjectKind::Source => (&["name", "path", "description"], |object| {
            vec![text(&object["parquet"]["path"])]
        }),
        ObjectKind::FeatureView => (
            &["name", "entities", "source", "ttl", "features", "description"],
            |object| {
                let features = match &object["aggregation"] {
                    Value::Null => &object["features"],
                    aggregation => &aggregation["features"],
                };
                let count = features.as_array().map_or(0, Vec::len);
                vec![
                    names(&object["entities"]),
                    text(&object["source"]),
                    text(&object["ttl"]),
                    count.to_string(),
                ]
            },
        ),
        ObjectKind::OnDemandFeatureView => (&["name", "inputs", "request", "features", "description"], |object| {
            vec![
                names(&object["inputs"]),
                names(&object["request"]),
                names(&object["features"]),
            ]
        }),
        ObjectKind::FeatureService => (&["name", "features", "description"], |object| {
            vec![names(&object["features"])]
        }),
    };
    let rows = objects(document, kind).map(|(name, object)| {
        let mut row = vec![name];
        row.extend(columns(object));
        row.push(text(&object["description"]));
        row
    });
    table(header, &[], rows)
}

/// The items of a list by name, in one line.
fn names(list: &Value) -> String {
    let name = |item: &Value| match item {
        Value::Object(map) => text(
            map.get("as")
                .or(map.get("name"))
                .or(map.get("view"))
                .unwrap_or(&Value::Null),
        ),
        other => text(other),
    };
    let names: Vec<String> = list
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(name)
        .collect();
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(", ")
    }
}

/// An object as indented `key: value` lines.
fn lines(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let entry = |key: &str, value: &Value| match value {
        Value::Object(_) => format!("{indent}{key}:\n{}", lines(value, depth + 1)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| format!("{indent}  - {}", inline(item)))
                .collect();
            format!("{indent}{key}:\n{}", items.join("\n"))
        }
        other => format!("{indent}{key}: {}", inline(other)),
    };
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| entry(key, value))
            .collect::<Vec<_>>()
            .join("\n"),
        other => inline(other),
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("{key}: {}", inline(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Array(items) => items.iter().map(inline).collect::<Vec<_>>().join(", "),
        other => text(other),
    }
}
