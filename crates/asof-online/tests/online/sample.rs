//! Rows of one integer feature, under integer keys.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use asof_model::key::{EncodedKeys, KeyCodec};
use asof_model::row::{EncodedRows, RowCodec, stored_order};
use asof_model::{Keyspace, ScalarType, Timestamp};
use asof_online::{OnlineError, OnlineStore, ReadRequest};
use bytes::Bytes;

pub(crate) fn keyspace() -> Keyspace {
    "flights/weather@0000000000000002".parse().unwrap()
}

pub(crate) fn keys(count: i64) -> EncodedKeys {
    key(&(0..count).collect::<Vec<_>>())
}

/// The keys of these numbers.
pub(crate) fn key(numbers: &[i64]) -> EncodedKeys {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.iter().copied()));
    let codec = KeyCodec::new(&[ScalarType::Int64]);
    codec.encode(&[column], numbers.len()).unwrap()
}

pub(crate) fn rows(count: i64, event_time: i64) -> EncodedRows {
    let times: Vec<_> = (0..count).map(|number| (number, event_time, None)).collect();
    rows_of(&times)
}

/// Rows of these numbers, event times and created times.
pub(crate) fn rows_of(rows: &[(i64, i64, Option<i64>)]) -> EncodedRows {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)));
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1));
    let created: TimestampMicrosecondArray = rows.iter().map(|row| row.2).collect();
    codec().encode(&[column], &times, Some(&created)).unwrap()
}

fn codec() -> RowCodec {
    RowCodec::new(&[asof_model::definition::Feature {
        name: "value".parse().unwrap(),
        value_type: ScalarType::Int64.into(),
    }])
}

/// The number in a row.
pub(crate) fn number(row: &[u8]) -> i64 {
    let codec = codec();
    let mut decoder = codec.decoder(&[0]);
    decoder.push(Some(row)).unwrap();
    let decoded = decoder.finish().unwrap();
    decoded.columns[0].as_primitive::<Int64Type>().value(0)
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
    try_read(store, count).await.unwrap()
}

/// The same, where reading may go wrong.
pub(crate) async fn try_read(store: &dyn OnlineStore, count: i64) -> Result<Vec<Option<Timestamp>>, OnlineError> {
    let (keyspace, keys) = (keyspace(), keys(count));
    let request = ReadRequest {
        keyspace: &keyspace,
        keys: &keys,
    };
    let answers = store.read(&[request]).await?.remove(0);
    let time = |row: Bytes| stored_order(&row).unwrap().event_time;
    Ok(answers.into_iter().map(|row| row.map(time)).collect())
}
