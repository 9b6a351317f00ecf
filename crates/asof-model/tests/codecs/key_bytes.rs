//! The layout of keys, byte by byte: keys that were written stay readable.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use asof_model::key::{KeyCodec, KeyValue};
use asof_model::{ScalarType, Timestamp};

const FIELDS: [ScalarType; 6] = [
    ScalarType::Bool,
    ScalarType::Int32,
    ScalarType::Int64,
    ScalarType::String,
    ScalarType::Bytes,
    ScalarType::Timestamp,
];

#[rustfmt::skip]
const VERSION_1: &[u8] = &[
    1,                                                      // version
    1, 1,                                                   // bool true
    2, 0xfe, 0xff, 0xff, 0xff,                              // int32 -2
    3, 0x15, 0x81, 0xe9, 0x7d, 0xf4, 0x10, 0x22, 0x11,      // int64 1234567890123456789
    4, 3, 0, 0, 0, b'J', 0xc3, 0xa9,                        // string "Jé"
    5, 2, 0, 0, 0, 0x00, 0xff,                              // bytes 00ff
    6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,      // timestamp -1
];

#[test]
fn version_1_keys_do_not_change() {
    let columns: [ArrayRef; 6] = [
        Arc::new(BooleanArray::from(vec![true])),
        Arc::new(Int32Array::from(vec![-2])),
        Arc::new(Int64Array::from(vec![1_234_567_890_123_456_789])),
        Arc::new(StringArray::from(vec!["Jé"])),
        Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..]])),
        Arc::new(TimestampMicrosecondArray::from(vec![-1]).with_timezone("UTC")),
    ];
    let codec = KeyCodec::new(&FIELDS);
    let keys = codec.encode(&columns, 1).unwrap();
    assert_eq!(keys.get(0), Some(VERSION_1));

    let values = codec.decode(VERSION_1).unwrap();
    let expected = [
        KeyValue::Bool(true),
        KeyValue::Int32(-2),
        KeyValue::Int64(1_234_567_890_123_456_789),
        KeyValue::String("Jé".to_owned()),
        KeyValue::Bytes(vec![0, 0xff]),
        KeyValue::Timestamp(Timestamp::from_micros(-1)),
    ];
    assert_eq!(values, expected);
    let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
    let shown = [
        "true",
        "-2",
        "1234567890123456789",
        "Jé",
        "0x00ff",
        "1969-12-31T23:59:59.999999Z",
    ];
    assert_eq!(texts, shown);
    assert_eq!(codec.decode_columns(&keys).unwrap(), columns);
}

#[test]
fn a_view_without_entities_has_one_key() {
    let codec = KeyCodec::new(&[]);
    let keys = codec.encode(&[], 3).unwrap();
    assert_eq!(keys.iter().collect::<Vec<_>>(), [Some(&[1][..]); 3]);
    assert_eq!(codec.decode(&[1]), Ok(vec![]));
    assert_eq!(codec.decode_columns(&keys), Ok(vec![]));
}
