//! Keys and rows to check with.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};
use asof_model::definition::Feature;
use asof_model::key::{EncodedKeys, KeyCodec};
use asof_model::row::{EncodedRows, RowCodec};
use asof_model::{FeatureName, Keyspace, ProjectName, ScalarType, TimeSpan, ViewName};
use bytes::Bytes;

use super::Violation;
use crate::{OnlineError, OnlineStore, ReadRequest, WriteSummary};

/// An entity key, event time, created time and value.
pub(super) type Row<'a> = (&'a str, i64, Option<i64>, &'a str);

/// The keyspace of a check, without rows.
pub(super) async fn empty(store: &dyn OnlineStore, view: &str) -> Result<Keyspace, OnlineError> {
    let keyspace = named(view, 2);
    store.delete_keyspace(&keyspace).await?;
    Ok(keyspace)
}

pub(super) fn named(view: &str, fingerprint: u64) -> Keyspace {
    Keyspace {
        project: ProjectName::try_new("conformance").expect("this is a name"),
        view: ViewName::try_new(view).expect("checks are called by names"),
        fingerprint,
    }
}

pub(super) fn keys(keys: &[Option<&str>]) -> EncodedKeys {
    let column: ArrayRef = Arc::new(StringArray::from(keys.to_vec()));
    KeyCodec::new(&[ScalarType::String])
        .encode(&[column], keys.len())
        .expect("one column of strings makes keys of one string")
}

pub(super) fn rows(rows: &[Row<'_>]) -> EncodedRows {
    let feature = Feature {
        name: FeatureName::try_new("value").expect("this is a name"),
        value_type: ScalarType::String.into(),
    };
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.3)));
    let event_times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1));
    let created_times: TimestampMicrosecondArray = rows.iter().map(|row| row.2).collect();
    RowCodec::new(&[feature])
        .encode(&[column], &event_times, Some(&created_times))
        .expect("one column of strings makes rows of one string")
}

/// The bytes of one row.
pub(super) fn bytes(row: Row<'_>) -> Bytes {
    Bytes::copy_from_slice(rows(&[row]).get(0))
}

/// The `ttl` that rows of a keyspace are written with: a long one where they end.
pub(super) fn ttl(keyspace: &Keyspace) -> Option<TimeSpan> {
    let century = TimeSpan::from_micros(100 * 365 * 86_400 * 1_000_000).expect("this is a span");
    keyspace.expires().then_some(century)
}

pub(super) async fn write(
    store: &dyn OnlineStore,
    keyspace: &Keyspace,
    write: &[Row<'_>],
) -> Result<WriteSummary, OnlineError> {
    let names: Vec<_> = write.iter().map(|row| Some(row.0)).collect();
    store.write(keyspace, &keys(&names), &rows(write), ttl(keyspace)).await
}

pub(super) async fn read(
    store: &dyn OnlineStore,
    keyspace: &Keyspace,
    names: &[Option<&str>],
) -> Result<Vec<Option<Bytes>>, Violation> {
    let keys = keys(names);
    let mut answers = store.read(&[ReadRequest { keyspace, keys: &keys }]).await?;
    super::expect("there is one answer per request", answers.len(), 1)?;
    Ok(answers.remove(0))
}

pub(super) const fn summary(written: u64, kept: u64) -> WriteSummary {
    WriteSummary {
        written,
        kept,
        without_key: 0,
    }
}
