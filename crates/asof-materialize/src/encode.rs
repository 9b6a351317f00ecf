//! Feature rows to the bytes that an online store keeps.

use asof_model::ViewName;
use asof_model::definition::FeatureView;
use asof_model::key::{EncodedKeys, KeyCodec};
use asof_model::row::{EncodedRows, RowCodec};
use asof_offline::FeatureBatch;

use crate::MaterializeError;

/// The two codecs of a view.
#[derive(Debug)]
pub(crate) struct ViewCodecs {
    view: ViewName,
    keys: KeyCodec,
    rows: RowCodec,
}

impl ViewCodecs {
    pub(crate) fn of(view: &FeatureView) -> Self {
        let key_types: Vec<_> = view.join_keys.iter().map(|key| key.key_type).collect();
        Self {
            view: view.name.clone(),
            keys: KeyCodec::new(&key_types),
            rows: RowCodec::new(&view.features()),
        }
    }

    /// Keys and rows, side by side. Rows with a null in their key are left out: nothing could ever ask for them.
    pub(crate) fn encode(&self, batch: &FeatureBatch) -> Result<(EncodedKeys, EncodedRows), MaterializeError> {
        let keys = self.encode_keys(batch)?;
        let rows = self
            .rows
            .encode(&batch.columns, &batch.event_times, Some(&batch.created_times));
        let rows = rows.map_err(|source| MaterializeError::Row {
            view: self.view.clone(),
            source,
        })?;
        if keys.iter().all(|key| key.is_some()) {
            return Ok((keys, rows));
        }
        let pairs = || keys.iter().zip(rows.iter()).filter(|(key, _)| key.is_some());
        Ok((
            pairs().map(|(key, _)| key).collect(),
            pairs().map(|(_, row)| row).collect(),
        ))
    }

    /// The keys alone; `None` where a key has a null.
    pub(crate) fn encode_keys(&self, batch: &FeatureBatch) -> Result<EncodedKeys, MaterializeError> {
        self.keys
            .encode(&batch.keys, batch.rows())
            .map_err(|source| MaterializeError::Key {
                view: self.view.clone(),
                source,
            })
    }
}
