//! The keys of `feature_store.yaml`.

use super::definitions::LISTS;
use super::{Elements, Key, Shape, Table, optional, required};

/// The settings of a repository, which may hold definitions too.
pub(crate) static STORE: Table = Table {
    title: "feature store",
    doc: "The settings of a feature repository, and perhaps some of its definitions.",
    keys: &[&SETTINGS, &LISTS],
};

static SETTINGS: [Key; 5] = [
    required(
        "project",
        Shape::Name,
        "The project's name: the prefix of everything its stores hold.",
    ),
    optional(
        "registry",
        Shape::Setting,
        "Where applied definitions are kept: a folder, or an object-store URL (s3://, gs://, az://). Default: .asof/registry",
    ),
    optional(
        "online_store",
        Shape::Tagged(&[("embedded", &EMBEDDED)]),
        "Where feature rows live for serving. Default: {type: embedded, path: .asof/online}",
    ),
    optional("offline_store", Shape::Mapping(&OFFLINE), "How sources are reached."),
    optional(
        "exclude",
        Shape::List(&Shape::FilledText, Elements::Any),
        "Folders that are not searched for definitions, by name or by path.",
    ),
];

static EMBEDDED: Table = Table {
    title: "embedded online store",
    doc: "An online store in a folder of this machine.",
    keys: &[&[
        required("type", Shape::Choice(&["embedded"]), "The kind of store."),
        optional("path", Shape::Setting, "The folder. Default: .asof/online"),
    ]],
};

static OFFLINE: Table = Table {
    title: "offline store",
    doc: "How sources are reached.",
    keys: &[&[optional(
        "storage",
        Shape::Map {
            keys: &Shape::FilledText,
            values: &Shape::Map {
                keys: &Shape::FilledText,
                values: &Shape::Setting,
            },
        },
        "Object-store options by URL prefix; ${NAME} stands for an environment variable.",
    )]],
};
