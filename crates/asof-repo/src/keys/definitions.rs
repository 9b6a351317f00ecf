//! The keys of definitions: entities, sources, views and services.

use super::{Elements, Key, Shape, Table, optional, required};

/// A file of definitions.
pub(crate) static DEFINITIONS: Table = Table {
    title: "file of definitions",
    doc: "Definitions of a feature repository.",
    keys: &[&LISTS],
};

pub(super) static LISTS: [Key; 5] = [
    optional(
        "entities",
        Shape::List(&Shape::Mapping(&ENTITY), Elements::Any),
        "The things that features describe.",
    ),
    optional(
        "sources",
        Shape::List(&Shape::Mapping(&SOURCE), Elements::Any),
        "Where feature rows are read from.",
    ),
    optional(
        "feature_views",
        Shape::List(&Shape::Mapping(&FEATURE_VIEW), Elements::Any),
        "Groups of features of an entity, from one source.",
    ),
    optional(
        "on_demand_feature_views",
        Shape::List(&Shape::Mapping(&ON_DEMAND), Elements::Any),
        "Features computed at the time of asking, from other features and the request.",
    ),
    optional(
        "feature_services",
        Shape::List(&Shape::Mapping(&SERVICE), Elements::Any),
        "The features that each model reads.",
    ),
];

/// What everything that has a name may also carry.
static METADATA: [Key; 3] = [
    optional("description", Shape::Text, "What it is."),
    optional("owner", Shape::Text, "Who answers for it."),
    optional(
        "tags",
        Shape::Tags,
        "Free labels: a mapping of texts, or a list of texts.",
    ),
];

const NAME: Key = required(
    "name",
    Shape::Name,
    "The name: a letter, then letters, digits and single underscores.",
);
const TYPE: Key = required(
    "type",
    Shape::ValueType,
    "The type of its values: bool, int32, int64, float32, float64, string, bytes, timestamp, or array<T> of one of them.",
);

static ENTITY: Table = Table {
    title: "entity",
    doc: "A kind of thing that features describe.",
    keys: &[
        &[
            NAME,
            required(
                "join_keys",
                Shape::List(&Shape::Mapping(&JOIN_KEY), Elements::AtLeastOne),
                "The columns that name one of its kind.",
            ),
        ],
        &METADATA,
    ],
};

static JOIN_KEY: Table = Table {
    title: "join key",
    doc: "A column that names an entity.",
    keys: &[
        &[
            NAME,
            required(
                "type",
                Shape::KeyType,
                "The type of its values: string, bytes, bool, int32, int64 or timestamp.",
            ),
        ],
        &METADATA,
    ],
};

static SOURCE: Table = Table {
    title: "source",
    doc: "Parquet files whose rows become feature rows.",
    keys: &[
        &[
            NAME,
            required("parquet", Shape::Mapping(&PARQUET), "The files."),
            required(
                "event_time",
                Shape::Or(&Shape::FilledText, &EXPRESSION),
                "When a row's fact became true: a column, or {expr: SQL}.",
            ),
            optional(
                "created_time",
                Shape::Or(&Shape::FilledText, &EXPRESSION),
                "When a row was written: a column, or {expr: SQL}.",
            ),
            optional(
                "filter",
                Shape::Sql,
                "A SQL condition over the row; only rows where it is true are read.",
            ),
        ],
        &METADATA,
    ],
};

static PARQUET: Table = Table {
    title: "Parquet source",
    doc: "Parquet files.",
    keys: &[&[required(
        "path",
        Shape::FilledText,
        "A file, folder, glob or object-store URL; relative to the repository.",
    )]],
};

static EXPRESSION: Table = Table {
    title: "expression",
    doc: "A SQL expression.",
    keys: &[&[required("expr", Shape::Sql, "SQL over the source's row.")]],
};

static FEATURE_VIEW: Table = Table {
    title: "feature view",
    doc: "Features of an entity, or of none, from one source. It has either `features` or `aggregation`.",
    keys: &[
        &[
            NAME,
            optional(
                "entities",
                Shape::List(&Shape::Reference, Elements::Any),
                "The entities it describes. None: one row describes everything.",
            ),
            required("source", Shape::Reference, "The source of its rows."),
            optional(
                "ttl",
                Shape::Duration,
                "The age past which a row no longer answers. Left out: never.",
            ),
            optional(
                "availability_lag",
                Shape::Duration,
                "How long after its event time a row becomes known.",
            ),
            optional(
                "visible_from",
                Shape::Choice(&["event_time", "created_time"]),
                "Whether a row is known from its event time on (the default) or only from its created time on.",
            ),
            optional(
                "filter",
                Shape::Sql,
                "A SQL condition over the source's row, beside the source's own.",
            ),
            optional(
                "features",
                Shape::List(&Shape::Mapping(&ROW_FEATURE), Elements::AtLeastOne),
                "Features that are columns or expressions of the source's row.",
            ),
            optional(
                "aggregation",
                Shape::Mapping(&AGGREGATION),
                "Features that are aggregates over windows of rows.",
            ),
            optional(
                "online",
                Shape::Flag,
                "Whether it is materialized online. Default: true",
            ),
            optional("materialize", Shape::Mapping(&MATERIALIZE), "When it is materialized."),
            optional(
                "expect",
                Shape::List(&Shape::Mapping(&EXPECTATION), Elements::Any),
                "Checks on the rows that go online.",
            ),
        ],
        &METADATA,
    ],
};

static ROW_FEATURE: Table = Table {
    title: "feature",
    doc: "A column of the source, or a SQL expression over its row.",
    keys: &[
        &[
            NAME,
            TYPE,
            optional(
                "expr",
                Shape::Sql,
                "SQL over the source's row. Left out: the column of the feature's name.",
            ),
        ],
        &METADATA,
    ],
};

static AGGREGATION: Table = Table {
    title: "aggregation",
    doc: "Features computed at the cutoffs k * every (UTC), over cutoff - window < event_time <= cutoff.",
    keys: &[&[
        required("every", Shape::Duration, "The distance between cutoffs."),
        required(
            "features",
            Shape::List(&Shape::Mapping(&WINDOW_FEATURE), Elements::AtLeastOne),
            "The features.",
        ),
    ]],
};

static WINDOW_FEATURE: Table = Table {
    title: "window feature",
    doc: "An aggregate over a window of rows.",
    keys: &[
        &[
            NAME,
            TYPE,
            required(
                "expr",
                Shape::Sql,
                "SQL with aggregate functions over the source's rows.",
            ),
            required(
                "window",
                Shape::Duration,
                "How far back the window reaches; a multiple of `every`.",
            ),
        ],
        &METADATA,
    ],
};

static MATERIALIZE: Table = Table {
    title: "materialize",
    doc: "When a view is materialized.",
    keys: &[&[required(
        "schedule",
        Shape::Cron,
        "Minute, hour, day of month, month and day of week, in UTC.",
    )]],
};

static EXPECTATION: Table = Table {
    title: "expectation",
    doc: "A check on the feature rows that go online.",
    keys: &[
        &[
            NAME,
            required(
                "expr",
                Shape::Sql,
                "A SQL condition over the view's features; null passes.",
            ),
            optional(
                "action",
                Shape::Choice(&["warn", "fail"]),
                "What happens to a row that breaks it. Default: fail",
            ),
        ],
        &METADATA,
    ],
};

static ON_DEMAND: Table = Table {
    title: "on-demand feature view",
    doc: "Features computed at the time of asking.",
    keys: &[
        &[
            NAME,
            optional(
                "request",
                Shape::List(&Shape::Mapping(&REQUEST_FIELD), Elements::Any),
                "What the caller brings: columns of the spine, fields of the request.",
            ),
            optional(
                "inputs",
                Shape::List(&Shape::Or(&Shape::FeatureReference, &PROJECTION), Elements::Any),
                "The views it reads: `view`, `view:feature`, or a mapping.",
            ),
            required(
                "features",
                Shape::List(&Shape::Mapping(&ON_DEMAND_FEATURE), Elements::AtLeastOne),
                "The features.",
            ),
        ],
        &METADATA,
    ],
};

static REQUEST_FIELD: Table = Table {
    title: "request field",
    doc: "A value that only the caller knows.",
    keys: &[&[NAME, TYPE], &METADATA],
};

static ON_DEMAND_FEATURE: Table = Table {
    title: "on-demand feature",
    doc: "A feature computed at the time of asking.",
    keys: &[
        &[
            NAME,
            TYPE,
            required(
                "expr",
                Shape::Sql,
                "SQL over `input.feature` columns, request fields and as_of().",
            ),
        ],
        &METADATA,
    ],
};

static SERVICE: Table = Table {
    title: "feature service",
    doc: "The features that one model reads, in one order.",
    keys: &[
        &[
            NAME,
            required(
                "features",
                Shape::List(&Shape::Or(&Shape::FeatureReference, &PROJECTION), Elements::AtLeastOne),
                "What it reads: `view`, `view:feature`, or a mapping.",
            ),
            optional(
                "impute",
                Shape::Map {
                    keys: &Shape::FeatureReference,
                    values: &Shape::Number,
                },
                "What stands for missing values in tensors: a number by `view:feature` or `feature`; `default` for the rest.",
            ),
        ],
        &METADATA,
    ],
};

/// Features of a view, as services and on-demand views name them.
pub(crate) static PROJECTION: Table = Table {
    title: "projection",
    doc: "Features of one view.",
    keys: &[&[
        required("view", Shape::Reference, "The view."),
        optional("as", Shape::Name, "The name under which the view appears here."),
        optional(
            "join_key_map",
            Shape::Map {
                keys: &Shape::Reference,
                values: &Shape::Name,
            },
            "For join keys of the view: the caller's column that holds it.",
        ),
        optional(
            "features",
            Shape::List(&Shape::Reference, Elements::AtLeastOne),
            "The features, in this order. Left out: all of the view's.",
        ),
    ]],
};
