//! What differs between two rows, in words.

use arrow::array::ArrayRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use asof_model::definition::FeatureView;
use asof_model::key::KeyCodec;
use asof_model::row::{RowCodec, RowError, stored_order};
use asof_model::{StoredOrder, ViewName};

use super::Difference;
use crate::MaterializeError;

/// Finds what differs between the rows of one view.
pub(super) struct Explainer {
    view: ViewName,
    key_names: Vec<String>,
    keys: KeyCodec,
    rows: RowCodec,
}

/// A row, decoded.
struct Decoded {
    order: StoredOrder,
    /// One column per feature, each of one value.
    columns: Vec<ArrayRef>,
}

impl Explainer {
    pub(super) fn of(view: &FeatureView) -> Self {
        let key_types: Vec<_> = view.join_keys.iter().map(|key| key.key_type).collect();
        Self {
            view: view.name.clone(),
            key_names: view.join_keys.iter().map(|key| key.name.to_string()).collect(),
            keys: KeyCodec::new(&key_types),
            rows: RowCodec::new(&view.features()),
        }
    }

    /// What differs between the online row of a key and its offline one: the times first, as another time explains
    /// other values.
    pub(super) fn explain(
        &self,
        key: &[u8],
        online: Option<&[u8]>,
        offline: &[u8],
    ) -> Result<Difference, MaterializeError> {
        let entity = self.entity(key)?;
        let differs = |what: &str, online: String, offline: String| Difference {
            entity,
            what: what.to_owned(),
            online,
            offline,
        };
        let should = self.decode(offline).map_err(|source| MaterializeError::Row {
            view: self.view.clone(),
            source,
        })?;
        let due = format!("of {}", should.order.event_time);
        let is = match online.map(|online| self.decode(online)) {
            None => return Ok(differs("row", "none".to_owned(), due)),
            Some(Err(error)) => return Ok(differs("row", format!("cannot be read: {error}"), due)),
            Some(Ok(is)) => is,
        };
        let (left, right) = (is.order, should.order);
        if left.event_time != right.event_time {
            return Ok(differs(
                "event time",
                left.event_time.to_string(),
                right.event_time.to_string(),
            ));
        }
        if left.created_time != right.created_time {
            let text = |order: StoredOrder| order.created_time.map_or("none".to_owned(), |time| time.to_string());
            return Ok(differs("created time", text(left), text(right)));
        }
        let columns = is.columns.iter().zip(&should.columns).zip(self.rows.features());
        for ((is, should), feature) in columns {
            // By their bytes, as a zero is not a negative zero.
            if is.to_data() != should.to_data() {
                return Ok(differs(feature.name.as_str(), text(is), text(should)));
            }
        }
        Ok(differs("row", "other bytes".to_owned(), due))
    }

    /// The entity as `name=value, name=value`.
    fn entity(&self, key: &[u8]) -> Result<String, MaterializeError> {
        let values = self.keys.decode(key).map_err(|source| MaterializeError::Key {
            view: self.view.clone(),
            source,
        })?;
        let pairs = self.key_names.iter().zip(values);
        let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
        Ok(pairs.join(", "))
    }

    fn decode(&self, row: &[u8]) -> Result<Decoded, RowError> {
        let all: Vec<usize> = (0..self.rows.features().len()).collect();
        let mut decoder = self.rows.decoder(&all);
        decoder.push(Some(row))?;
        Ok(Decoded {
            order: stored_order(row)?,
            columns: decoder.finish()?.columns,
        })
    }
}

/// The one value of a column.
fn text(column: &ArrayRef) -> String {
    let options = FormatOptions::default().with_null("null");
    match ArrayFormatter::try_new(column, &options) {
        Ok(formatter) => formatter.value(0).to_string(),
        Err(error) => error.to_string(),
    }
}
