//! Golden bytes of Asof's own messages.

use std::collections::BTreeMap;

use asof_proto::asof::serving::v1::ArrayValues;
use asof_proto::asof::serving::v1::BoolValues;
use asof_proto::asof::serving::v1::Column;
use asof_proto::asof::serving::v1::FeatureColumn;
use asof_proto::asof::serving::v1::FeatureStatus;
use asof_proto::asof::serving::v1::Float64Values;
use asof_proto::asof::serving::v1::GetOnlineFeaturesRequest;
use asof_proto::asof::serving::v1::GetOnlineFeaturesResponse;
use asof_proto::asof::serving::v1::Int32Values;
use asof_proto::asof::serving::v1::StringValues;
use asof_proto::asof::serving::v1::TimestampValues;
use asof_proto::asof::serving::v1::column::Values;
use asof_proto::asof::serving::v1::get_online_features_request::Selection;
use prost::Message;

use crate::bytes;
use crate::check;

fn column(values: Values) -> Column {
    Column {
        values: Some(values),
        validity: vec![],
    }
}

#[test]
fn request_brings_columns_by_name() {
    let keys = Values::String(StringValues {
        values: vec!["JFK".into(), "LGA".into()],
    });
    let times = Values::Timestamp(TimestampValues { values: vec![-1, 0] });
    let request = GetOnlineFeaturesRequest {
        selection: Some(Selection::FeatureService("m".into())),
        entities: BTreeMap::from([("origin".into(), column(keys))]),
        request: BTreeMap::from([("at".into(), column(times))]),
        full_feature_names: true,
    };
    let golden = bytes(&[
        b"\x0a\x01m",
        b"\x1a\x16\x0a\x06origin\x12\x0c\x32\x0a\x0a\x03JFK\x0a\x03LGA",
        b"\x22\x1a\x0a\x02at\x12\x14\x42\x12\x0a\x10",
        &[0xff; 8],
        &[0; 8],
        b"\x28\x01",
    ]);
    check(&request, &golden);
}

#[test]
fn a_column_without_rows_still_has_its_type() {
    check(&column(Values::Bool(BoolValues { values: vec![] })), b"\x0a\x00");
    check(&Column::default(), b"");
}

#[test]
fn arrays_are_offsets_and_elements() {
    let elements = Column {
        values: Some(Values::Int32(Int32Values { values: vec![1, 0, 3] })),
        validity: vec![0b101],
    };
    let arrays = column(Values::Array(Box::new(ArrayValues {
        offsets: vec![0, 3, 3],
        elements: Some(Box::new(elements)),
    })));
    let golden = bytes(&[
        b"\x4a\x23",                                     // array, 35 bytes
        b"\x0a\x0c\0\0\0\0\x03\0\0\0\x03\0\0\0",         // offsets
        b"\x12\x13",                                     // elements, 19 bytes
        b"\x12\x0e\x0a\x0c\x01\0\0\0\0\0\0\0\x03\0\0\0", // 1, null, 3
        b"\x7a\x01\x05",                                 // bits 0 and 2
    ]);
    check(&arrays, &golden);
}

#[test]
fn floats_keep_their_bits() {
    let bits = [0x7ff8_0000_0000_002a, 0x8000_0000_0000_0000, 0xfff0_0000_0000_0000];
    let sent = column(Values::Float64(Float64Values {
        values: bits.map(f64::from_bits).to_vec(),
    }));
    let received = Column::decode(sent.encode_to_vec().as_slice()).unwrap();
    let Some(Values::Float64(received)) = received.values else {
        panic!("another type came back");
    };
    assert_eq!(
        received.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
        bits
    );
}

#[test]
fn response_says_for_each_row_value_status_and_event_time() {
    let response = GetOnlineFeaturesResponse {
        registry_version: 3,
        row_count: 2,
        features: vec![FeatureColumn {
            name: "v__f".into(),
            view: "v".into(),
            r#type: "bool".into(),
            values: Some(Column {
                values: Some(Values::Bool(BoolValues {
                    values: vec![true, false],
                })),
                validity: vec![0b01],
            }),
            statuses: vec![FeatureStatus::Present as i32, FeatureStatus::NotFound as i32],
            event_times: vec![1, 0],
            event_time_validity: vec![0b01],
        }],
    };
    let golden = bytes(&[
        b"\x08\x03\x10\x02",
        b"\x1a\x33", // features[0], 51 bytes
        b"\x0a\x04v__f\x12\x01v\x1a\x04bool",
        b"\x22\x09\x0a\x04\x0a\x02\x01\x00\x7a\x01\x01", // true, null
        b"\x2a\x02\x01\x03",                             // PRESENT, NOT_FOUND
        b"\x32\x10\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",   // event times
        b"\x3a\x01\x01",                                 // the first counts
    ]);
    check(&response, &golden);
}
