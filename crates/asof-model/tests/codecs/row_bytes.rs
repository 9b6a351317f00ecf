//! The layout of rows, byte by byte: rows that were written stay readable.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, Int32Type};
use asof_model::definition::Feature;
use asof_model::row::{RowCodec, stored_order};
use asof_model::{ScalarType, StoredOrder, Timestamp, ValueType};

use super::columns::feature;

pub(crate) fn features() -> Vec<Feature> {
    vec![
        feature("on_time", ScalarType::Bool),
        feature("seats", ScalarType::Int32),
        feature("flights", ScalarType::Int64),
        feature("wind", ScalarType::Float32),
        feature("temp", ScalarType::Float64),
        feature("tail", ScalarType::String),
        feature("raw", ScalarType::Bytes),
        feature("seen", ScalarType::Timestamp),
        feature("gates", ValueType::Array(ScalarType::Int32)),
        feature("stops", ValueType::Array(ScalarType::String)),
        feature("gone", ScalarType::String),
    ]
}

pub(crate) fn columns() -> Vec<ArrayRef> {
    let stops = ListArray::new(
        Arc::new(Field::new_list_field(ScalarType::String.arrow(), true)),
        OffsetBuffer::from_lengths([4]),
        Arc::new(StringArray::from(vec![Some("JFK"), None, Some(""), Some("LAX")])),
        None,
    );
    vec![
        Arc::new(BooleanArray::from(vec![true])),
        Arc::new(Int32Array::from(vec![-2])),
        Arc::new(Int64Array::from(vec![300])),
        Arc::new(Float32Array::from(vec![-0.0])),
        Arc::new(Float64Array::from(vec![f64::from_bits(0x7ff8_0000_0000_0001)])),
        Arc::new(StringArray::from(vec!["N1"])),
        Arc::new(BinaryArray::from(vec![&b"\xff"[..]])),
        Arc::new(TimestampMicrosecondArray::from(vec![-1]).with_timezone("UTC")),
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([
            Some(7),
            None,
        ])])),
        Arc::new(stops),
        Arc::new(StringArray::from(vec![None::<&str>])),
    ]
}

const FINGERPRINT: u32 = 0xff00_935c;

#[rustfmt::skip]
pub(crate) const VERSION_2: &[u8] = &[
    2, 1,                                               // version, flags: has a created time
    0x5c, 0x93, 0x00, 0xff,                             // fingerprint
    2, 0, 0, 0, 0, 0, 0, 0,                             // event time 2
    0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,     // created time -3
    0b1111_1111, 0b011,                                 // all but the last feature are present
    1,                                                  // on_time true
    0xfe, 0xff, 0xff, 0xff,                             // seats -2
    0x2c, 1, 0, 0, 0, 0, 0, 0,                          // flights 300
    0, 0, 0, 0x80,                                      // wind -0.0
    1, 0, 0, 0, 0, 0, 0xf8, 0x7f,                       // temp NaN with payload 1
    2, 0,                                               // tail ends at 2
    3, 0,                                               // raw ends at 3
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,     // seen -1
    16, 0,                                              // gates ends at 16
    43, 0,                                              // stops ends at 43
    43, 0,                                              // gone is null: ends where stops does
    b'N', b'1',                                         // tail
    0xff,                                               // raw
    2, 0, 0, 0, 0b01, 7, 0, 0, 0, 0, 0, 0, 0,           // gates: 2 items, the first present: 7, null
    4, 0, 0, 0, 0b1101,                                 // stops: 4 items, the second null,
    3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0,     // which end at 3, 3, 3, 6
    b'J', b'F', b'K', b'L', b'A', b'X',
];

#[test]
fn version_2_rows_do_not_change() {
    let codec = RowCodec::new(&features());
    let (event, created) = (vec![2].into(), vec![-3].into());
    let rows = codec.encode(&columns(), &event, Some(&created)).unwrap();
    assert_eq!(rows.get(0), VERSION_2);
    assert_eq!(codec.fingerprint(), FINGERPRINT);

    let all: Vec<_> = (0..features().len()).collect();
    let mut decoder = codec.decoder(&all);
    decoder.push(Some(VERSION_2)).unwrap();
    let decoded = decoder.finish().unwrap();
    assert_eq!(decoded.columns, columns());
    let order = StoredOrder {
        event_time: Timestamp::from_micros(2),
        created_time: Some(Timestamp::from_micros(-3)),
    };
    assert_eq!(decoded.orders, [Some(order)]);
    assert_eq!(stored_order(VERSION_2), Ok(order));
}

#[test]
fn a_row_without_features_and_created_time_is_its_header() {
    let codec = RowCodec::new(&[]);
    let rows = codec.encode(&[], &vec![5].into(), None).unwrap();
    let fingerprint = codec.fingerprint().to_le_bytes();
    let expected = [&[2, 0][..], &fingerprint, &[5, 0, 0, 0, 0, 0, 0, 0]].concat();
    assert_eq!(rows.get(0), expected);
}

#[test]
fn ends_are_wide_where_values_are_long() {
    let codec = RowCodec::new(&[feature("note", ScalarType::String)]);
    let body = |length: usize| {
        let column: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(length)]));
        let rows = codec.encode(&[Arc::clone(&column)], &vec![5].into(), None).unwrap();
        let mut decoder = codec.decoder(&[0]);
        decoder.push(Some(rows.get(0))).unwrap();
        assert_eq!(decoder.finish().unwrap().columns, [column]);
        let row = rows.get(0);
        (row[1], row.len() - length, row[14..20].to_vec())
    };
    assert_eq!(body(65_535), (0, 17, vec![1, 0xff, 0xff, b'x', b'x', b'x']));
    assert_eq!(body(65_536), (2, 19, vec![1, 0, 0, 1, 0, b'x']));
}

#[test]
fn names_types_and_order_of_features_make_the_fingerprint() {
    let of = |features: &[Feature]| RowCodec::new(features).fingerprint();
    let (a, b) = (feature("a", ScalarType::Int64), feature("b", ScalarType::Int64));
    let all = [
        of(&[]),
        of(std::slice::from_ref(&a)),
        of(std::slice::from_ref(&b)),
        of(&[feature("a", ScalarType::Int32)]),
        of(&[feature("a", ValueType::Array(ScalarType::Int64))]),
        of(&[a.clone(), b.clone()]),
        of(&[b, a]),
    ];
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}
