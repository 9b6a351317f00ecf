//! Every diagnostic there is: its stable code, what it means, an example and how to repair it.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, example: $example:literal, fix: $fix:literal;)+) => {
        /// What is wrong with a definition. The codes are stable: one is never given to another problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DiagnosticCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DiagnosticCode {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable text of the code, as in `ASOF0201`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// What the code means, as one or more sentences.
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)+
                }
            }

            /// A text that has the problem.
            pub const fn example(self) -> &'static str {
                match self {
                    $(Self::$variant => $example,)+
                }
            }

            /// How to repair it.
            pub const fn fix(self) -> &'static str {
                match self {
                    $(Self::$variant => $fix,)+
                }
            }
        }
    };
}

codes! {
    /// A file is not UTF-8 text.
    NotUtf8 = "ASOF0101",
        example: "description: caf\\xe9   # a Latin-1 byte",
        fix: "Save the file as UTF-8.";
    /// A file is larger than one mebibyte, and is not read at all.
    FileTooLarge = "ASOF0102",
        example: "a data file that ends in .yaml",
        fix: "Split the definitions into several files, or name the folder of a data file in `exclude`.";
    /// A file is not YAML.
    NotYaml = "ASOF0103",
        example: "entities: [origin",
        fix: "Repair the syntax at the place shown.";
    /// A mapping has one key twice.
    DuplicateKey = "ASOF0104",
        example: "{name: origin, name: dest}",
        fix: "Keep one of the two.";
    /// A key of a mapping is not a text.
    BadKey = "ASOF0105",
        example: "[a, b]: c",
        fix: "Use a plain text as the key.";
    /// Lists and mappings are nested too deeply to be a definition.
    TooDeep = "ASOF0106",
        example: "[[[[[[[[[[ and so on, 64 levels down",
        fix: "Flatten the document.";
    /// The aliases of a file expand to far more text than the file holds.
    AliasBomb = "ASOF0107",
        example: "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]   # and so on",
        fix: "Write the repeated part out, or use fewer aliases.";
    /// An alias stands inside the very value that it repeats.
    BadAlias = "ASOF0108",
        example: "a: &a [*a]",
        fix: "Move the alias out of the anchored value.";
    /// A value carries a YAML tag; definitions have none.
    Tag = "ASOF0109",
        example: "ttl: !duration 3h",
        fix: "Remove the tag.";
    /// The repository has no `feature_store.yaml`.
    MissingStoreFile = "ASOF0110",
        example: "a folder without feature_store.yaml",
        fix: "Add `feature_store.yaml` with at least `project: NAME`, or point `--repo` at the folder that has one.";
    /// `feature_store.yaml` is empty.
    EmptyStoreFile = "ASOF0111",
        example: "# nothing but comments",
        fix: "Write at least `project: NAME`.";
    /// A file of definitions holds nothing at all, not even a comment: a copy that was cut short, or a leftover.
    EmptyFile = "ASOF0112",
        example: "a file of no bytes",
        fix: "Write its definitions, write why it is empty in a comment, or remove it.";

    /// A mapping has a key that it does not know.
    UnknownKey = "ASOF0201",
        example: "{name: weather, evnt_time: observed_at}",
        fix: "Use one of the known keys; the nearest is in the hint.";
    /// A mapping lacks a key that it needs.
    MissingKey = "ASOF0202",
        example: "sources: [{name: weather, parquet: {path: data/weather/}}]   # no event_time",
        fix: "Add the key.";
    /// A value has another form than its key wants: a list where a text belongs, and the like.
    WrongShape = "ASOF0203",
        example: "entities: origin   # a list belongs here",
        fix: "Write the value in the form that the message names.";
    /// A list that needs an element has none.
    EmptyList = "ASOF0204",
        example: "features: []",
        fix: "Add an element, or remove the thing that holds the list.";
    /// A value is not among those allowed.
    UnknownValue = "ASOF0205",
        example: "online_store: {type: dynamodb}",
        fix: "Use one of the allowed values in the hint.";
    /// A text may not be empty here.
    EmptyText = "ASOF0206",
        example: "parquet: {path: \"\"}",
        fix: "Write the value.";
    /// A name breaks the rule for names: a letter, then letters, digits and single underscores, 128 at most.
    BadName = "ASOF0207",
        example: "name: origin-weather",
        fix: "Rename it, as in `origin_weather`.";
    /// A type is not one that Asof knows.
    UnknownType = "ASOF0208",
        example: "{name: temp, type: double}",
        fix: "Use bool, int32, int64, float32, float64, string, bytes, timestamp, or array<T> of one of them.";
    /// A join key is a float: NaN and -0.0 have no one meaning as a key.
    FloatKey = "ASOF0209",
        example: "join_keys: [{name: zone, type: float64}]",
        fix: "Use string, bytes, bool, int32, int64 or timestamp.";
    /// A join key is an array.
    ArrayKey = "ASOF0210",
        example: "join_keys: [{name: zone, type: array<int64>}]",
        fix: "Use string, bytes, bool, int32, int64 or timestamp, or several join keys.";
    /// A duration cannot be read.
    BadDuration = "ASOF0211",
        example: "ttl: 3 hours",
        fix: "Write a number and a unit of us, ms, s, m, h or d, as in `90s` or `1d12h`.";
    /// A duration is zero, negative, or does not fit 64 bits of microseconds.
    DurationOutOfRange = "ASOF0212",
        example: "ttl: 0s",
        fix: "Write a duration above zero; leave `ttl` out if rows never expire.";
    /// A schedule is not a cron expression of five fields.
    BadCron = "ASOF0213",
        example: "materialize: {schedule: \"61 * * * *\"}",
        fix: "Write minute, hour, day of month, month and day of week, as in `15 * * * *`.";
    /// A setting names an environment variable that is not set.
    UnsetVariable = "ASOF0214",
        example: "aws_secret_access_key: ${AWS_SECRET_ACCESS_KEY}",
        fix: "Set the variable, or write the value.";
    /// `${` is not followed by the name of a variable and `}`.
    BadVariable = "ASOF0215",
        example: "registry: s3://${BUCKET/registry",
        fix: "Write `${NAME}`.";
    /// A connection string cannot be read. What its variables hold is not shown, since it may be secret.
    BadConnection = "ASOF0216",
        example: "connection_string: redis://cache   # no port",
        fix: "Write redis://host:6379/0, rediss://user:${PASSWORD}@host:6379 for TLS, or unix:///path for a socket.";
    /// Two settings do not go together.
    SettingClash = "ASOF0217",
        example: "{type: redis, connection_string: \"redis://cache:6379\", tls: {ca_cert: ca.pem}}   # redis:// has no TLS",
        fix: "Change one of the two, or leave it out.";

    /// Two things of one kind have one name.
    DuplicateName = "ASOF0301",
        example: "entities: [{name: origin, ...}, {name: origin, ...}]",
        fix: "Rename or remove one of them. Feature views and on-demand feature views share their names.";
    /// A list names the same thing twice.
    DuplicateEntry = "ASOF0302",
        example: "entities: [origin, origin]",
        fix: "Remove one of the two.";
    /// A view names an entity that is not defined.
    UnknownEntity = "ASOF0303",
        example: "entities: [orign]",
        fix: "Use the name of an entity, or define it under `entities`.";
    /// A view names a source that is not defined.
    UnknownSource = "ASOF0304",
        example: "source: wether",
        fix: "Use the name of a source, or define it under `sources`.";
    /// A service or an on-demand view names a view that is not defined.
    UnknownView = "ASOF0305",
        example: "features: [orign_weather]",
        fix: "Use the name of a feature view or an on-demand feature view.";
    /// A service or an on-demand view names a feature that its view does not have.
    UnknownFeature = "ASOF0306",
        example: "features: [\"origin_weather:temperature\"]",
        fix: "Use the name of one of the view's features.";
    /// A `join_key_map` names a join key that the view does not have.
    UnknownJoinKey = "ASOF0307",
        example: "{view: airports, join_key_map: {fa: dest}}",
        fix: "Use the view's join keys on the left side, and the caller's columns on the right.";
    /// On-demand feature views read each other in a circle.
    OnDemandCycle = "ASOF0308",
        example: "a reads b, b reads c, c reads a",
        fix: "Remove one of the inputs that close the circle.";
    /// One name stands for two different views, or for one view under two sets of keys.
    AliasClash = "ASOF0309",
        example: "[{view: airports, as: dest}, {view: weather, as: dest}]",
        fix: "Give one of them another name with `as`.";
    /// On-demand feature views read each other in a chain of more than 64 steps.
    OnDemandChain = "ASOF0310",
        example: "v1 reads v2, v2 reads v3, and so on, 65 times",
        fix: "Join some of the steps into one view.";

    /// A feature view has both `features` and `aggregation`, or neither.
    ViewBody = "ASOF0401",
        example: "{name: w, source: s, features: [...], aggregation: {...}}",
        fix: "Keep one: `features` for a row per source row, `aggregation` for a row per cutoff.";
    /// A window is not a whole multiple of the distance between cutoffs.
    WindowNotMultiple = "ASOF0402",
        example: "aggregation: {every: 1h, features: [{..., window: 90m}]}",
        fix: "Make `window` a multiple of `every`, or `every` a divisor of it.";
    /// `visible_from: created_time` on a view whose rows have no created time.
    NoCreatedTime = "ASOF0403",
        example: "visible_from: created_time   # and the source has no created_time",
        fix: "Give the source a `created_time`, or remove `visible_from`.";
    /// Two entities of one view have a join key of one name.
    JoinKeyClash = "ASOF0404",
        example: "entities: [origin, dest]   # both with a join key `airport`",
        fix: "Rename one of the join keys.";
    /// One column of the caller would need two types.
    ColumnTypeClash = "ASOF0405",
        example: "a service over two views, one keyed by id: int64, the other by id: string",
        fix: "Make the types agree, or map one of them to another column with `join_key_map`.";
    /// Two features of a service have one name.
    FeatureNameClash = "ASOF0406",
        example: "features: [\"a:temp\", \"b:temp\"]",
        fix: "Rename one of the features, or leave one out. Two aliases of one view need full feature names.";
    /// A feature of a service has the name of a column that the caller brings.
    InputNameClash = "ASOF0407",
        example: "a view with join key `origin` and a feature `origin`, in a service",
        fix: "Rename the feature, or leave it out.";
    /// A `join_key_map` on an on-demand feature view, which has no join keys of its own.
    NoJoinKeys = "ASOF0408",
        example: "{view: trip, join_key_map: {origin: dest}}   # trip is an on-demand feature view",
        fix: "Map the keys where the on-demand view names its inputs.";
    /// A service cannot be answered, for a reason that has no code of its own.
    UnanswerableService = "ASOF0409",
        example: "a service that the planner of retrievals refuses",
        fix: "Follow the message.";
    /// A number stands for missing values of a feature whose values do not become numbers.
    ImputedType = "ASOF0410",
        example: "impute: {\"drivers:city\": 0}   # city is a string",
        fix: "Remove the feature from `impute`.";

    /// An expression is not SQL.
    SqlSyntax = "ASOF0501",
        example: "expr: \"wind_gust >\"",
        fix: "Repair the expression at the place shown.";
    /// An expression names a column that is not there.
    SqlUnknownColumn = "ASOF0502",
        example: "expr: \"wind_gist > 25\"",
        fix: "Use one of the columns; names are case-sensitive.";
    /// An expression has another type than its feature declares.
    SqlWrongType = "ASOF0503",
        example: "{name: gusty, type: int64, expr: \"wind_gust > 25\"}",
        fix: "Change the declared type, or convert with `cast(... as ...)`.";
    /// An expression would give another answer each time it runs.
    SqlNonDeterministic = "ASOF0504",
        example: "expr: \"now() - observed_at\"",
        fix: "Use `as_of()` in an on-demand expression for the time of the question.";
    /// An expression over one row aggregates rows.
    SqlAggregateNotAllowed = "ASOF0505",
        example: "features: [{name: m, type: float64, expr: \"avg(temp)\"}]",
        fix: "Move the feature under `aggregation`, with a window.";
    /// A window feature does not aggregate.
    SqlAggregateMissing = "ASOF0506",
        example: "aggregation: {every: 1h, features: [{..., expr: \"dep_delay\", window: 6h}]}",
        fix: "Use an aggregate function, as in `avg(dep_delay)`.";
    /// An expression has a part that expressions may not have: a subquery, a window function.
    SqlNotAllowed = "ASOF0507",
        example: "expr: \"(select max(temp) from weather)\"",
        fix: "Write the feature without it.";
    /// An expression calls a function that does not exist.
    SqlUnknownFunction = "ASOF0508",
        example: "expr: \"averag(dep_delay)\"",
        fix: "Use the name of a function; the nearest is in the hint.";
    /// An expression is refused for another reason.
    SqlRefused = "ASOF0509",
        example: "expr: \"temp + 'warm'\"",
        fix: "Follow the message.";

    /// A source cannot be read.
    SourceUnreadable = "ASOF0601",
        example: "parquet: {path: data/wether/}   # no such folder",
        fix: "Repair the path or the access to it; `--no-sources` validates without sources.";
    /// A source has no such column.
    MissingColumn = "ASOF0602",
        example: "event_time: observed   # the files have observed_at",
        fix: "Use a column of the source, or an expression; names are case-sensitive.";
    /// A column of a source has a type that does not fit the declared one without loss.
    ColumnType = "ASOF0603",
        example: "{name: temp, type: int64}   # the files have doubles",
        fix: "Change the declared type, or convert with `expr: \"cast(... as ...)\"`.";
}

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        let texts: Vec<_> = DiagnosticCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(texts.is_sorted_by(|a, b| a < b), "{texts:?}");
        for code in DiagnosticCode::ALL {
            assert!(code.summary().ends_with('.') && code.fix().ends_with('.'), "{code}");
            assert!(!code.example().is_empty(), "{code}");
        }
    }
}
