//! Rows of one integer feature, under integer keys.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
use asof_model::key::{EncodedKeys, KeyCodec};
use asof_model::row::{EncodedRows, RowCodec, stored_order};
use asof_model::{Keyspace, ScalarType, Timestamp};
use asof_online::{OnlineError, OnlineStore, ReadRequest};
use bytes::Bytes;

pub(crate) fn keyspace() -> Keyspace {
    "flights/weather@0000000000000002".parse().unwrap()
}

pub(crate) fn keys(count: i64) -> EncodedKeys {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    KeyCodec::new(&[ScalarType::Int64])
        .encode(&[column], count as usize)
        .unwrap()
}

pub(crate) fn rows(count: i64, event_time: i64) -> EncodedRows {
    let feature = asof_model::definition::Feature {
        name: "value".parse().unwrap(),
        value_type: ScalarType::Int64.into(),
    };
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    let times = TimestampMicrosecondArray::from_iter_values((0..count).map(|_| event_time));
    RowCodec::new(&[feature]).encode(&[column], &times, None).unwrap()
}

/// Writes rows of one event time under the keys from 0 on.
pub(crate) async fn write(store: &dyn OnlineStore, count: i64, event_time: i64) -> Result<u64, OnlineError> {
    let summary = store
        .write(&keyspace(), &keys(count), &rows(count, event_time), None)
        .await?;
    Ok(summary.written)
}

/// The event times of the rows under the keys from 0 on.
pub(crate) async fn event_times(store: &dyn OnlineStore, count: i64) -> Vec<Option<Timestamp>> {
    let (keyspace, keys) = (keyspace(), keys(count));
    let request = ReadRequest {
        keyspace: &keyspace,
        keys: &keys,
    };
    let answers = store.read(&[request]).await.unwrap().remove(0);
    let time = |row: Bytes| stored_order(&row).unwrap().event_time;
    answers.into_iter().map(|row| row.map(time)).collect()
}
