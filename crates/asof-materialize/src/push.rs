//! Feature rows that a caller brings, straight to the online store.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use asof_model::conform::{ConformError, conform, conform_key};
use asof_model::definition::{Definitions, FeatureView, Source, TimeColumn, ViewBody};
use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use asof_model::{Keyspace, ScalarType, Timestamp, ViewName};
use asof_offline::FeatureBatch;
use asof_online::OnlineStore;

use crate::encode::ViewCodecs;
use crate::{MaterializeError, select};

/// The event time's column where the source's is an expression, or absent.
const EVENT_TIME: &str = "event_timestamp";
/// The created time's column where the source's is an expression, or absent.
const CREATED_TIME: &str = "created_timestamp";

/// What became of pushed rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushSummary {
    /// The view.
    pub view: ViewName,
    /// Where the rows went.
    pub keyspace: Keyspace,
    /// Rows that stand, or stood for a moment, in the online store now.
    pub written: u64,
    /// Rows for which the online store held a later row, which was kept.
    pub kept: u64,
}

/// Writes feature rows of `view` to the online store, under the same guard as materialization: a row that is earlier
/// in the order than the stored one changes nothing, an equal one replaces it.
///
/// The columns are the view's join keys and features by name, features being final values and not source columns,
/// and the event time under the name that the source gives it, or else as `event_timestamp`. A created time, under the
/// source's name for it or as `created_timestamp`, may be there. Types conform as those of a source do; other columns
/// are ignored. All rows are checked before the first is written; each batch is then written as a whole.
///
/// Only the online store gets the rows: training sets see them once the source's own files hold them.
///
/// A row that is not visible `now` yet is refused: it would take the place of one that is, and the entity would have
/// no answer until then, where a training set has the former row.
///
/// # Errors
/// When the view is unknown, not online, or aggregates windows of source rows; when a column is missing or of another
/// type, or a row has no event time or no value of a join key, or is not visible yet; when the store fails.
pub async fn push(
    definitions: &Definitions,
    store: &dyn OnlineStore,
    view: &str,
    batches: &[RecordBatch],
    now: Timestamp,
) -> Result<PushSummary, MaterializeError> {
    let view = select::view(definitions, view)?;
    let source = select::source_of(definitions, view);
    if matches!(view.body, ViewBody::Windows(_)) {
        return Err(MaterializeError::PushToWindows {
            view: view.name.clone(),
            source_name: source.name.to_string(),
        });
    }
    let codecs = ViewCodecs::of(view);
    let mut encoded = Vec::with_capacity(batches.len());
    let mut first_row = 1;
    for batch in batches {
        let pushed = Pushed {
            view,
            source,
            batch,
            first_row,
            now,
        };
        encoded.push(pushed.encode(&codecs)?);
        first_row += batch.num_rows();
    }
    let keyspace = Keyspace::of(&definitions.project, view, source);
    let mut summary = PushSummary {
        view: view.name.clone(),
        keyspace,
        written: 0,
        kept: 0,
    };
    for (keys, rows) in encoded {
        let done = (store.write(&summary.keyspace, &keys, &rows, view.admission.ttl)).await;
        let done = done.map_err(|source| MaterializeError::Online {
            view: view.name.clone(),
            source,
        })?;
        summary.written += done.written;
        summary.kept += done.kept;
    }
    Ok(summary)
}

/// One batch of pushed rows.
struct Pushed<'a> {
    view: &'a FeatureView,
    source: &'a Source,
    batch: &'a RecordBatch,
    /// The number of its first row among all rows pushed.
    first_row: usize,
    /// When it is pushed.
    now: Timestamp,
}

impl Pushed<'_> {
    fn encode(&self, codecs: &ViewCodecs) -> Result<(EncodedKeys, EncodedRows), MaterializeError> {
        let mut keys = Vec::new();
        for key in &self.view.join_keys {
            let name = key.name.as_str();
            let column = self.column(name).ok_or_else(|| self.missing("join key", name))?;
            let column = self.of_type(name, conform_key(column, key.key_type))?;
            self.require_values(name, &column)?;
            keys.push(column);
        }
        let (event_name, event_times) = self
            .time(Some(&self.source.event_time), EVENT_TIME)
            .ok_or_else(|| self.missing("event time", &event_names(self.source)))?;
        let event_times = self.of_type(event_name, conform(event_times, ScalarType::Timestamp.into()))?;
        self.require_values(event_name, &event_times)?;
        let created_times = self
            .time(self.source.created_time.as_ref(), CREATED_TIME)
            .map(|(name, column)| self.of_type(name, conform(column, ScalarType::Timestamp.into())))
            .transpose()?;
        let mut columns = Vec::new();
        for feature in self.view.features() {
            let name = feature.name.as_str();
            let column = self.column(name).ok_or_else(|| self.missing("feature", name))?;
            columns.push(self.of_type(name, conform(column, feature.value_type))?);
        }
        let created_times = created_times.unwrap_or_else(|| new_null_array(event_times.data_type(), event_times.len()));
        let batch = FeatureBatch {
            keys,
            event_times: event_times.as_primitive().clone(),
            created_times: created_times.as_primitive().clone(),
            columns,
        };
        self.require_visible(&batch)?;
        codecs.encode(&batch)
    }

    fn require_visible(&self, batch: &FeatureBatch) -> Result<(), MaterializeError> {
        let times = batch.event_times.values().iter().zip(&batch.created_times);
        let hidden = times.enumerate().find(|(_, (event, created))| {
            let created = created.map(Timestamp::from_micros);
            !self
                .view
                .admission
                .is_visible(Timestamp::from_micros(**event), created, self.now)
        });
        hidden.map_or(Ok(()), |(row, (event, _))| {
            Err(MaterializeError::NotVisibleYet {
                view: self.view.name.clone(),
                row: self.first_row + row,
                event_time: Timestamp::from_micros(*event),
                now: self.now,
            })
        })
    }

    fn column(&self, name: &str) -> Option<&ArrayRef> {
        self.batch.column_by_name(name)
    }

    /// The time's column and its name: the source's where that is a column and is there, else `otherwise`.
    fn time<'n>(&self, of_source: Option<&'n TimeColumn>, otherwise: &'n str) -> Option<(&'n str, &ArrayRef)> {
        let named = of_source.and_then(|time| match time {
            TimeColumn::Column(name) => Some(name.as_str()),
            TimeColumn::Expression(_) => None,
        });
        let mut names = named.into_iter().chain([otherwise]);
        names.find_map(|name| Some((name, self.column(name)?)))
    }

    fn of_type(&self, column: &str, conformed: Result<ArrayRef, ConformError>) -> Result<ArrayRef, MaterializeError> {
        conformed.map_err(|error| MaterializeError::WrongType {
            view: self.view.name.clone(),
            column: column.to_owned(),
            problem: error.to_string(),
        })
    }

    fn require_values(&self, column: &str, array: &ArrayRef) -> Result<(), MaterializeError> {
        match (0..array.len()).find(|row| array.is_null(*row)) {
            None => Ok(()),
            Some(row) => Err(MaterializeError::MissingValue {
                view: self.view.name.clone(),
                row: self.first_row + row,
                column: column.to_owned(),
            }),
        }
    }

    fn missing(&self, what: &'static str, column: &str) -> MaterializeError {
        let schema = self.batch.schema();
        let found: Vec<String> = schema
            .fields()
            .iter()
            .map(|field| format!("`{}`", field.name()))
            .collect();
        MaterializeError::MissingColumn {
            view: self.view.name.clone(),
            what,
            column: column.to_owned(),
            found: if found.is_empty() {
                "no columns".to_owned()
            } else {
                found.join(", ")
            },
        }
    }
}

/// The names under which a pushed event time is looked for.
fn event_names(source: &Source) -> String {
    match &source.event_time {
        TimeColumn::Column(name) if name != EVENT_TIME => format!("{name}` or `{EVENT_TIME}"),
        TimeColumn::Column(_) | TimeColumn::Expression(_) => EVENT_TIME.to_owned(),
    }
}
