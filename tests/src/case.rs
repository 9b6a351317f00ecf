//! What a random case is made of: views with their rows, an on-demand view, a spine.

use crate::value::{Kind, Value};

/// The columns that every source has beside keys and times, in the order of [`Row::columns`].
pub const COLUMNS: [(&str, Kind); 9] = [
    ("b", Kind::Bool),
    ("i", Kind::Int32),
    ("n", Kind::Int64),
    ("g", Kind::Float32),
    ("f", Kind::Float64),
    ("s", Kind::Text),
    ("y", Kind::Bytes),
    ("w", Kind::Time),
    ("l", Kind::List),
];

/// A join key of the test repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `number`, an int64.
    Number,
    /// `word`, a string.
    Word,
}

/// A row of a source.
#[derive(Debug, Clone)]
pub struct Row {
    /// The key `number`.
    pub number: Value,
    /// The key `word`.
    pub word: Value,
    /// The event time; null rows are no feature rows.
    pub event: Option<i64>,
    /// The created time.
    pub created: Option<i64>,
    /// A value for each of [`COLUMNS`].
    pub columns: Vec<Value>,
}

/// A file of a source.
#[derive(Debug, Clone)]
pub struct File {
    /// Its rows.
    pub rows: Vec<Row>,
    /// The places in [`COLUMNS`] of columns that it does not have. They are null in all its rows.
    pub lacks: Vec<usize>,
    /// Whether `number`, `i`, `n` and `f` have half of the bits that they have elsewhere. Their values fit.
    pub is_narrow: bool,
    /// Rows per row group.
    pub row_group: usize,
}

impl File {
    /// A file with all columns, as wide as they are, in one row group.
    pub fn plain(rows: Vec<Row>) -> Self {
        Self {
            rows,
            lacks: Vec::new(),
            is_narrow: false,
            row_group: 1 << 20,
        }
    }
}

/// A feature that comes from one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFeature {
    /// The column at this place of [`COLUMNS`].
    Column(usize),
    /// `coalesce(i, 7) + 1`, an int64
    Next,
    /// `f > 0.5 or b`, a bool
    Either,
    /// `s || '!'`, a string
    Loud,
}

/// An aggregate over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// `count(*)`
    Count,
    /// `count(n)`
    CountOf,
    /// `sum(i)`
    SumInt,
    /// `sum(f)`
    SumFloat,
    /// `avg(f)`
    Mean,
    /// `max(i)`
    MaxInt,
    /// `min(s)`
    MinText,
    /// `count(*) filter (where b)`
    CountTrue,
    /// `last_value(f)`
    Last,
    /// `first_value(s)`
    First,
    /// `last_value(f) ignore nulls`
    LastPresent,
    /// `count(distinct s)`
    Distinct,
    /// `min(f)`
    MinFloat,
    /// `max(f)`
    MaxFloat,
    /// `avg(i)`
    MeanInt,
    /// `var_pop(i)`
    Variance,
    /// `stddev(f)`
    Deviation,
    /// `bool_or(b)`
    AnyTrue,
    /// `bool_and(b) filter (where i > 0)`
    AllTrue,
    /// `top_k(n, 2)`
    Top,
}

/// How a view makes features.
#[derive(Debug, Clone)]
pub enum Body {
    /// From each row.
    Rows(Vec<RowFeature>),
    /// Over windows: `every`, and each aggregate with its window; microseconds.
    Windows(i64, Vec<(Aggregate, i64)>),
}

/// A feature view with its source.
#[derive(Debug, Clone)]
pub struct View {
    /// Its name; its source has the same.
    pub name: String,
    /// Its join keys.
    pub keys: Vec<Key>,
    /// Microseconds.
    pub ttl: Option<i64>,
    /// Microseconds.
    pub lag: Option<i64>,
    /// `visible_from: created_time`
    pub visible_from_created: bool,
    /// How it makes features.
    pub body: Body,
    /// The files, in the order of their paths.
    pub files: Vec<File>,
}

impl View {
    /// The names of its features, in order, with their kinds.
    pub fn features(&self) -> Vec<(String, Kind)> {
        let kinds: Vec<Kind> = match &self.body {
            Body::Rows(features) => features.iter().map(|feature| feature.kind()).collect(),
            Body::Windows(_, features) => features.iter().map(|(aggregate, _)| aggregate.kind()).collect(),
        };
        kinds
            .into_iter()
            .enumerate()
            .map(|(at, kind)| (format!("{}_{at}", self.name), kind))
            .collect()
    }
}

impl RowFeature {
    /// The SQL; `None` for a column, which is named.
    pub fn sql(self) -> String {
        match self {
            Self::Column(at) => COLUMNS[at].0.to_owned(),
            Self::Next => "cast(coalesce(i, 7) as bigint) + 1".to_owned(),
            Self::Either => "f > 0.5 or b".to_owned(),
            Self::Loud => "s || '!'".to_owned(),
        }
    }

    /// The kind of its values.
    pub fn kind(self) -> Kind {
        match self {
            Self::Column(at) => COLUMNS[at].1,
            Self::Next => Kind::Int64,
            Self::Either => Kind::Bool,
            Self::Loud => Kind::Text,
        }
    }
}

impl Aggregate {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Count,
        Self::CountOf,
        Self::SumInt,
        Self::SumFloat,
        Self::Mean,
        Self::MaxInt,
        Self::MinText,
        Self::CountTrue,
        Self::Last,
        Self::First,
        Self::LastPresent,
        Self::Distinct,
        Self::MinFloat,
        Self::MaxFloat,
        Self::MeanInt,
        Self::Variance,
        Self::Deviation,
        Self::AnyTrue,
        Self::AllTrue,
        Self::Top,
    ];

    /// The SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Count => "count(*)",
            Self::CountOf => "count(n)",
            Self::SumInt => "sum(i)",
            Self::SumFloat => "sum(f)",
            Self::Mean => "avg(f)",
            Self::MaxInt => "max(i)",
            Self::MinText => "min(s)",
            Self::CountTrue => "count(*) filter (where b)",
            Self::Last => "last_value(f)",
            Self::First => "first_value(s)",
            Self::LastPresent => "last_value(f) ignore nulls",
            Self::Distinct => "count(distinct s)",
            Self::MinFloat => "min(f)",
            Self::MaxFloat => "max(f)",
            Self::MeanInt => "avg(i)",
            Self::Variance => "var_pop(i)",
            Self::Deviation => "stddev(f)",
            Self::AnyTrue => "bool_or(b)",
            Self::AllTrue => "bool_and(b) filter (where i > 0)",
            Self::Top => "top_k(n, 2)",
        }
    }

    /// The kind of its values.
    pub fn kind(self) -> Kind {
        match self {
            Self::Count | Self::CountOf | Self::SumInt | Self::CountTrue | Self::Distinct => Kind::Int64,
            Self::SumFloat | Self::Mean | Self::MeanInt | Self::Variance | Self::Deviation => Kind::Float64,
            Self::Last | Self::LastPresent | Self::MinFloat | Self::MaxFloat => Kind::Float64,
            Self::AnyTrue | Self::AllTrue => Kind::Bool,
            Self::Top => Kind::List,
            Self::MaxInt => Kind::Int32,
            Self::MinText | Self::First => Kind::Text,
        }
    }
}

/// A row of the spine.
#[derive(Debug, Clone)]
pub struct SpineRow {
    /// The as-of time.
    pub at: i64,
    /// The key `number`.
    pub number: Value,
    /// The key `word`.
    pub word: Value,
    /// The column that holds `number` for the view's alias.
    pub other: Value,
    /// The request field of the on-demand view, an int64.
    pub request: Value,
}

/// A whole case.
#[derive(Debug, Clone)]
pub struct Case {
    /// The feature views, at least one.
    pub views: Vec<View>,
    /// Whether the first view that has the key `number` is asked for a second time, as `again`, by column `other`.
    pub alias: bool,
    /// Whether there is an on-demand view over the first view.
    pub on_demand: bool,
    /// The spine.
    pub spine: Vec<SpineRow>,
    /// A time to materialize up to and to look up at.
    pub now: i64,
}

impl Case {
    /// The view that the alias `again` shows, where there is one.
    pub fn aliased(&self) -> Option<&View> {
        self.views
            .iter()
            .find(|view| self.alias && view.keys.contains(&Key::Number))
    }
}
