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
        Shape::Tagged(&[("embedded", &EMBEDDED), ("redis", &REDIS)]),
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

static REDIS: Table = Table {
    title: "Redis online store",
    doc: "An online store in Redis: one server, a cluster, or servers that sentinels watch.",
    keys: &[&[
        required("type", Shape::Choice(&["redis"]), "The kind of store."),
        required(
            "connection_string",
            Shape::Setting,
            "The servers: redis://user:password@host:6379/0, rediss:// for TLS, unix:///path, or Feast's host:6379,password=...,ssl=true,db=1.",
        ),
        optional(
            "redis_type",
            Shape::Choice(&["redis", "redis_cluster", "redis_sentinel"]),
            "What the servers named are: one server, nodes of a cluster, or sentinels. Default: redis",
        ),
        optional(
            "sentinel_master",
            Shape::Setting,
            "The name under which the sentinels know the servers.",
        ),
        optional(
            "tls",
            Shape::Mapping(&TLS),
            "Certificates, where those that this machine trusts are not enough.",
        ),
        optional("timeout", Shape::Duration, "How long one request may take. Default: 1s"),
        optional(
            "connect_timeout",
            Shape::Duration,
            "How long it may take to be connected. Default: 2s",
        ),
        optional(
            "expiry_grace",
            Shape::Duration,
            "Rows of views with a ttl stay for at least this long after they end. Default: 1d",
        ),
        optional(
            "read_from",
            Shape::Choice(&["primary", "replica"]),
            "Which servers answer reads; replicas may be behind. Default: primary",
        ),
        optional(
            "layout",
            Shape::Choice(&["asof", "feast"]),
            "Whose rows they are: Asof's own, or those that Feast has written, which are only read. Default: asof",
        ),
    ]],
};

static TLS: Table = Table {
    title: "Redis TLS",
    doc: "Certificates for encrypted connections to Redis.",
    keys: &[&[
        optional(
            "ca_cert",
            Shape::Setting,
            "A PEM file with the authorities that vouch for the servers; relative to the repository. Default: those that this machine trusts",
        ),
        optional(
            "client_cert",
            Shape::Setting,
            "A PEM file with the certificate that Asof shows; it needs `client_key`.",
        ),
        optional(
            "client_key",
            Shape::Setting,
            "A PEM file with the key of `client_cert`.",
        ),
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
