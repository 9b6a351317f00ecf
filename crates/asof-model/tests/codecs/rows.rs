//! Rows: what was encoded comes back bit for bit, whole or in part.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, Int64Array, TimestampMicrosecondArray, new_null_array};
use arrow::compute::concat;
use asof_model::definition::Feature;
use asof_model::row::{EncodedRows, RowCodec, RowError, stored_order};
use asof_model::{ScalarType, StoredOrder, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::cases;
use super::columns::{column, feature, value_type};

#[derive(Debug, Clone)]
struct Table {
    features: Vec<Feature>,
    columns: Vec<ArrayRef>,
    event_times: TimestampMicrosecondArray,
    created_times: TimestampMicrosecondArray,
}

fn table() -> impl Strategy<Value = Table> {
    (vec(value_type(), 0..12), 0..10_usize).prop_flat_map(|(types, rows)| {
        let columns: Vec<_> = types.iter().map(|value_type| column(*value_type, rows)).collect();
        let named = |(number, value_type)| feature(&format!("f{number}"), value_type);
        let features: Vec<_> = types.into_iter().enumerate().map(named).collect();
        let times = (vec(any::<i64>(), rows), vec(option::of(any::<i64>()), rows));
        (Just(features), columns, times).prop_map(|(features, columns, (event, created))| Table {
            features,
            columns,
            event_times: event.into(),
            created_times: created.into(),
        })
    })
}

impl Table {
    fn encode(&self) -> (RowCodec, EncodedRows) {
        let codec = RowCodec::new(&self.features);
        let rows = codec
            .encode(&self.columns, &self.event_times, Some(&self.created_times))
            .unwrap();
        (codec, rows)
    }

    fn order(&self, row: usize) -> StoredOrder {
        let created = self.created_times.is_valid(row).then(|| self.created_times.value(row));
        StoredOrder {
            event_time: Timestamp::from_micros(self.event_times.value(row)),
            created_time: created.map(Timestamp::from_micros),
        }
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn rows_decode_to_what_was_encoded(table in table(), wanted in vec(0..12_usize, 0..6)) {
        let (codec, rows) = table.encode();
        // Any features, in any order, repeated or not.
        let wanted: Vec<_> = wanted.into_iter().filter(|position| *position < table.features.len()).collect();
        let mut decoder = codec.decoder(&wanted);
        for row in rows.iter() {
            decoder.push(Some(row)).unwrap();
        }
        let decoded = decoder.finish().unwrap();
        for (column, position) in decoded.columns.iter().zip(&wanted) {
            prop_assert_eq!(column, &table.columns[*position]);
        }
        for row in 0..rows.len() {
            prop_assert_eq!(decoded.orders[row], Some(table.order(row)));
            prop_assert_eq!(stored_order(rows.get(row)), Ok(table.order(row)));
        }
        let again: EncodedRows = rows.iter().collect();
        prop_assert_eq!(again, rows);
    }

    #[test]
    fn a_missing_row_is_null_in_every_column(table in table()) {
        let (codec, rows) = table.encode();
        let all: Vec<_> = (0..table.features.len()).collect();
        let mut decoder = codec.decoder(&all);
        for row in rows.iter() {
            decoder.push(None).unwrap();
            decoder.push(Some(row)).unwrap();
        }
        let decoded = decoder.finish().unwrap();
        for (position, column) in decoded.columns.iter().enumerate() {
            let nothing = new_null_array(column.data_type(), 1);
            let mut parts: Vec<&dyn Array> = Vec::new();
            let values: Vec<_> = (0..rows.len()).map(|row| table.columns[position].slice(row, 1)).collect();
            for value in &values {
                parts.extend([&nothing as &dyn Array, value]);
            }
            if !parts.is_empty() {
                prop_assert_eq!(column, &concat(&parts).unwrap());
            }
        }
        prop_assert!(decoded.orders.iter().step_by(2).all(Option::is_none));
    }

    #[test]
    fn a_slice_has_the_rows_of_its_place(table in table(), start in 0..10_usize) {
        let (codec, rows) = table.encode();
        let start = start.min(rows.len());
        let length = rows.len() - start;
        let columns: Vec<_> = table.columns.iter().map(|column| column.slice(start, length)).collect();
        let (event, created) = (table.event_times.slice(start, length), table.created_times.slice(start, length));
        let sliced = codec.encode(&columns, &event, Some(&created)).unwrap();
        prop_assert!(sliced.iter().eq(rows.iter().skip(start)));
    }

    #[test]
    fn any_bytes_decode_or_are_refused(
        table in table(),
        noise in vec(any::<u8>(), 0..80),
        keep in 0..60_usize,
    ) {
        let (codec, rows) = table.encode();
        let all: Vec<_> = (0..table.features.len()).collect();
        for row in rows.iter() {
            let mut bytes = row[..keep.min(row.len())].to_vec();
            bytes.extend_from_slice(&noise);
            let mut decoder = codec.decoder(&all);
            if decoder.push(Some(&bytes)).is_ok() {
                let _ = decoder.finish();
            }
        }
        let _ = stored_order(&noise);
    }
}

#[test]
fn columns_that_make_no_rows_are_refused() {
    let codec = RowCodec::new(&[feature("seats", ScalarType::Int64)]);
    let times: TimestampMicrosecondArray = vec![1, 2].into();
    let check = |outcome: Result<EncodedRows, RowError>, message: &str| {
        assert_eq!(outcome.unwrap_err().to_string(), message);
    };
    let seats: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    check(
        codec.encode(&[], &times, None),
        "rows of 1 features cannot be made of 0 columns",
    );
    check(
        codec.encode(&[Arc::new(Int32Array::from(vec![1, 2]))], &times, None),
        "feature `seats` is int64, the column is int32",
    );
    check(
        codec.encode(&[seats.slice(0, 1)], &times, None),
        "`seats` has 1 values for 2 event times",
    );
    check(
        codec.encode(std::slice::from_ref(&seats), &times, Some(&vec![1].into())),
        "`created_time` has 1 values for 2 event times",
    );
    check(
        codec.encode(&[seats], &vec![Some(1), None].into(), None),
        "row 1 has no event time",
    );
}

#[test]
fn rows_of_other_features_are_refused() {
    let row = |codec: &RowCodec, column: ArrayRef| codec.encode(&[column], &vec![1].into(), None).unwrap();
    let ours = RowCodec::new(&[feature("a", ScalarType::Int64)]);
    let theirs = RowCodec::new(&[feature("b", ScalarType::Int64)]);
    let rows = row(&theirs, Arc::new(Int64Array::from(vec![1])));
    let mut decoder = ours.decoder(&[0]);
    let error = decoder.push(Some(rows.get(0))).unwrap_err();
    assert!(matches!(error, RowError::Fingerprint { .. }), "{error}");
    assert!(decoder.is_empty());
    let error = ours.decoder(&[1]).finish().unwrap_err();
    assert_eq!(error.to_string(), "there is no feature 1 in rows of 1 features");
}
