//! Keys: equal bytes for equal fields only, and the way back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int32Array, Int64Array, StringArray};
use asof_model::ScalarType;
use asof_model::key::{EncodedKeys, KeyCodec, KeyError, MAX_KEY_LEN};
use proptest::prelude::*;

use super::cases;
use super::columns::scalars;

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

#[test]
fn fields_never_run_into_each_other() {
    let check = |fields: &[ScalarType], columns: &[ArrayRef]| {
        let keys = KeyCodec::new(fields).encode(columns, 2).unwrap();
        assert_ne!(keys.get(0), keys.get(1));
    };
    check(&[ScalarType::Int64; 2], &[ints(&[1, 11]), ints(&[11, 1])]);
    check(
        &[ScalarType::String; 2],
        &[strings(&["a", "ab"]), strings(&["bc", "c"])],
    );
    check(&[ScalarType::String; 2], &[strings(&["", "a"]), strings(&["a", ""])]);
    check(&[ScalarType::String; 1], &[strings(&["", "\0"])]);
}

#[test]
fn the_same_value_of_another_type_is_another_key() {
    let of = |key_type, column: ArrayRef| {
        let keys = KeyCodec::new(&[key_type]).encode(&[column], 1).unwrap();
        keys.get(0).map(<[u8]>::to_vec)
    };
    let bytes = Arc::new(arrow::array::BinaryArray::from(vec![&b"a"[..]]));
    assert_ne!(of(ScalarType::String, strings(&["a"])), of(ScalarType::Bytes, bytes));
    let int32 = Arc::new(Int32Array::from(vec![7]));
    assert_ne!(of(ScalarType::Int64, ints(&[7])), of(ScalarType::Int32, int32));
}

#[test]
fn a_null_in_any_field_makes_no_key() {
    let a: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(1), None]));
    let b: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), Some("x"), None, None]));
    let codec = KeyCodec::new(&[ScalarType::Int64, ScalarType::String]);
    let keys = codec.encode(&[a, b], 4).unwrap();
    let has_key: Vec<_> = keys.iter().map(|key| key.is_some()).collect();
    assert_eq!(has_key, [true, false, false, false]);
    let columns = codec.decode_columns(&keys).unwrap();
    assert_eq!(columns[0].null_count(), 3);
    assert_eq!(columns[1].null_count(), 3);
}

#[test]
fn columns_that_make_no_keys_are_refused() {
    let codec = KeyCodec::new(&[ScalarType::Int64]);
    let check = |outcome: Result<EncodedKeys, KeyError>, message: &str| {
        assert_eq!(outcome.unwrap_err().to_string(), message);
    };
    check(codec.encode(&[], 1), "a key of 1 fields cannot be made of 0 columns");
    check(
        codec.encode(&[strings(&["1"])], 1),
        "field 0 of the key is int64, the column is string",
    );
    check(
        codec.encode(&[ints(&[1, 2])], 1),
        "field 0 of the key has 2 values where 1 rows were announced",
    );
    let float: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    check(
        KeyCodec::new(&[ScalarType::Float64]).encode(&[float], 1),
        "field 0 of the key is float64; a key may not be a float",
    );
    let long = "k".repeat(MAX_KEY_LEN);
    check(
        KeyCodec::new(&[ScalarType::String]).encode(&[strings(&["", &long])], 2),
        "the key of row 1 has 1048582 bytes; at most 1048576 are accepted",
    );
}

fn fields_and_columns() -> impl Strategy<Value = (Vec<ScalarType>, Vec<ArrayRef>, usize)> {
    let key_types: Vec<_> = ScalarType::ALL.into_iter().filter(|scalar| scalar.is_key()).collect();
    let fields = proptest::collection::vec(proptest::sample::select(key_types), 0..4);
    (fields, 0..12_usize).prop_flat_map(|(fields, rows)| {
        let columns: Vec<_> = fields.iter().map(|field| scalars(*field, rows)).collect();
        (Just(fields), columns, Just(rows))
    })
}

/// What a column shows for a row, to compare two rows without the codec.
fn shown(columns: &[ArrayRef], row: usize) -> Vec<ArrayRef> {
    columns.iter().map(|column| column.slice(row, 1)).collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn keys_are_equal_exactly_when_their_fields_are((fields, columns, rows) in fields_and_columns()) {
        let keys = KeyCodec::new(&fields).encode(&columns, rows).unwrap();
        for a in 0..rows {
            let has_null = columns.iter().any(|column| column.is_null(a));
            prop_assert_eq!(keys.get(a).is_none(), has_null);
            for b in 0..rows {
                if let (Some(key_a), Some(key_b)) = (keys.get(a), keys.get(b)) {
                    prop_assert_eq!(key_a == key_b, shown(&columns, a) == shown(&columns, b));
                }
            }
        }
    }

    #[test]
    fn keys_decode_to_what_was_encoded((fields, columns, rows) in fields_and_columns()) {
        let codec = KeyCodec::new(&fields);
        let keys = codec.encode(&columns, rows).unwrap();
        let decoded = codec.decode_columns(&keys).unwrap();
        for row in 0..rows {
            let Some(key) = keys.get(row) else {
                prop_assert!(decoded.iter().all(|column| column.is_null(row)));
                continue;
            };
            prop_assert_eq!(shown(&decoded, row), shown(&columns, row));
            prop_assert_eq!(codec.decode(key).unwrap().len(), fields.len());
        }
        let again: EncodedKeys = keys.iter().collect();
        prop_assert_eq!(again, keys);
    }

    #[test]
    fn a_slice_has_the_keys_of_its_rows((fields, columns, rows) in fields_and_columns(), start in 0..12_usize) {
        let codec = KeyCodec::new(&fields);
        let start = start.min(rows);
        let keys = codec.encode(&columns, rows).unwrap();
        let sliced: Vec<_> = columns.iter().map(|column| column.slice(start, rows - start)).collect();
        let sliced = codec.encode(&sliced, rows - start).unwrap();
        prop_assert!(sliced.iter().eq(keys.iter().skip(start)));
    }
}
