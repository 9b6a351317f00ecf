//! Keys beside those that Feast makes.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use asof_model::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::hex::hex;
use super::*;

fn key_type(value: &KeyValue) -> ScalarType {
    match value {
        KeyValue::Bool(_) => ScalarType::Bool,
        KeyValue::Int32(_) => ScalarType::Int32,
        KeyValue::Int64(_) => ScalarType::Int64,
        KeyValue::String(_) => ScalarType::String,
        KeyValue::Bytes(_) => ScalarType::Bytes,
        KeyValue::Timestamp(_) => ScalarType::Timestamp,
    }
}

fn column(value: &KeyValue) -> ArrayRef {
    match value {
        KeyValue::Bool(value) => Arc::new(BooleanArray::from(vec![*value])),
        KeyValue::Int32(value) => Arc::new(Int32Array::from(vec![*value])),
        KeyValue::Int64(value) => Arc::new(Int64Array::from(vec![*value])),
        KeyValue::String(value) => Arc::new(StringArray::from(vec![value.as_str()])),
        KeyValue::Bytes(value) => Arc::new(BinaryArray::from_iter_values([value])),
        KeyValue::Timestamp(value) => {
            Arc::new(TimestampMicrosecondArray::from(vec![value.micros()]).with_timezone("UTC"))
        }
    }
}

/// The key of the hash of an entity, by way of Asof's own key.
fn hash_key(project: &str, fields: &[(&str, KeyValue)]) -> Result<Option<Vec<u8>>, FeastProblem> {
    let join_key = |(name, value): &(&str, KeyValue)| JoinKey {
        name: name.parse().unwrap(),
        key_type: key_type(value),
    };
    let join_keys: Vec<JoinKey> = fields.iter().map(join_key).collect();
    let types: Vec<ScalarType> = join_keys.iter().map(|key| key.key_type).collect();
    let columns: Vec<ArrayRef> = fields.iter().map(|(_, value)| column(value)).collect();
    let encoded = KeyCodec::new(&types).encode(&columns, 1).unwrap();
    let keys = Keys::new(&project.parse().unwrap(), &"weather".parse().unwrap(), &join_keys);
    keys.hash_key(encoded.get(0).unwrap())
}

fn seconds(seconds: i64) -> KeyValue {
    KeyValue::Timestamp(Timestamp::from_micros(seconds * MICROS))
}

/// What Feast 0.66 made of these entities.
#[test]
fn keys_are_those_of_feast() {
    let int64 = KeyValue::Int64;
    let text = |value: &str| KeyValue::String(value.to_owned());
    let golden = [
        (
            "my_project",
            vec![("driver_id", int64(1001))],
            "0100000002000000090000006472697665725f69640400000008000000e9030000000000006d795f70726f6a656374",
        ),
        (
            "p",
            vec![("driver_id", int64(1001)), ("customer", text("abc"))],
            "020000000200000008000000637573746f6d657202000000090000006472697665725f69640200000003000000616263\
             0400000008000000e90300000000000070",
        ),
        (
            "p",
            vec![("k", KeyValue::Int32(-5))],
            "0100000002000000010000006b0300000004000000fbffffff70",
        ),
        (
            "p",
            vec![("k", text("é"))],
            "0100000002000000010000006b0200000002000000c3a970",
        ),
        (
            "p",
            vec![("k", seconds(1_700_000_000))],
            "0100000002000000010000006b080000000800000000f153650000000070",
        ),
        (
            "p",
            vec![("k", KeyValue::Bytes(vec![0, 1]))],
            "0100000002000000010000006b0100000002000000000170",
        ),
        (
            "p",
            vec![],
            "01000000020000000a0000005f5f64756d6d795f6964020000000000000070",
        ),
    ];
    for (project, fields, key) in golden {
        assert_eq!(hash_key(project, &fields), Ok(Some(hex(key))), "{fields:?}");
    }
}

#[test]
fn what_feast_cannot_name_is_not_there_or_refused() {
    let fraction = KeyValue::Timestamp(Timestamp::from_micros(-1));
    assert_eq!(hash_key("p", &[("k", fraction)]), Ok(None));
    let refused = hash_key("p", &[("a", KeyValue::Int32(1)), ("k", KeyValue::Bool(true))]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot have rows of `weather`: Feast has no join keys of type bool, which `k` is"
    );
    let keys = Keys::new(&"p".parse().unwrap(), &"weather".parse().unwrap(), &[]);
    let wrong = keys.hash_key(&[9, 9]).unwrap_err();
    assert!(matches!(wrong, FeastProblem::Key { .. }), "{wrong}");
}

/// As Feast's `serialize_entity_key` and `_redis_key` have it, in the words of Python.
fn reference(project: &str, fields: &[(&str, KeyValue)]) -> Vec<u8> {
    let mut sorted = fields.to_vec();
    sorted.sort_by(|a, b| a.0.cmp(b.0));
    if sorted.is_empty() {
        sorted.push(("__dummy_id", KeyValue::String(String::new())));
    }
    let mut parts = vec![(sorted.len() as u32).to_le_bytes().to_vec()];
    for (name, _) in &sorted {
        parts.push(2_u32.to_le_bytes().to_vec());
        parts.push((name.len() as u32).to_le_bytes().to_vec());
        parts.push(name.as_bytes().to_vec());
    }
    for (_, value) in &sorted {
        let (number, bytes) = match value {
            KeyValue::Bytes(value) => (1_u32, value.clone()),
            KeyValue::String(value) => (2, value.clone().into_bytes()),
            KeyValue::Int32(value) => (3, value.to_le_bytes().to_vec()),
            KeyValue::Int64(value) => (4, value.to_le_bytes().to_vec()),
            KeyValue::Timestamp(value) => (8, (value.micros() / 1_000_000).to_le_bytes().to_vec()),
            KeyValue::Bool(_) => panic!("Feast has no such keys"),
        };
        parts.push(number.to_le_bytes().to_vec());
        parts.push((bytes.len() as u32).to_le_bytes().to_vec());
        parts.push(bytes);
    }
    parts.push(project.as_bytes().to_vec());
    parts.concat()
}

fn value() -> impl Strategy<Value = KeyValue> {
    prop_oneof![
        any::<i32>().prop_map(KeyValue::Int32),
        any::<i64>().prop_map(KeyValue::Int64),
        any::<String>().prop_map(KeyValue::String),
        vec(any::<u8>(), 0..40).prop_map(KeyValue::Bytes),
        (i64::MIN / MICROS..=i64::MAX / MICROS).prop_map(seconds),
    ]
}

proptest! {
    #[test]
    fn all_keys_are_serialized_as_feast_does(values in vec(value(), 0..5), project in "[a-zA-Z][a-z0-9]{0,8}", turn in 0..5_usize) {
        // Names whose order is not that of their lengths, nor of the alphabet without case.
        let mut names = ["b_1", "a", "Z", "a1_b", "b"];
        names.rotate_left(turn);
        let fields: Vec<(&str, KeyValue)> = names.into_iter().zip(values).collect();
        prop_assert_eq!(hash_key(&project, &fields), Ok(Some(reference(&project, &fields))));
    }
}
