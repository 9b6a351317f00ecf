//! Golden bytes of Feast's messages.

use std::collections::BTreeMap;

use asof_proto::feast::grpc_server::PushRequest;
use asof_proto::feast::serving::FeatureList;
use asof_proto::feast::serving::FieldStatus;
use asof_proto::feast::serving::GetOnlineFeaturesRequest;
use asof_proto::feast::serving::GetOnlineFeaturesResponse;
use asof_proto::feast::serving::GetOnlineFeaturesResponseMetadata;
use asof_proto::feast::serving::get_online_features_request::Kind;
use asof_proto::feast::serving::get_online_features_response::FeatureVector;
use asof_proto::feast::types::DoubleList;
use asof_proto::feast::types::Int64List;
use asof_proto::feast::types::RepeatedValue;
use asof_proto::feast::types::Value;
use asof_proto::feast::types::ZonedTimestamp;
use asof_proto::feast::types::value::Val;
use prost::Message;
use prost_types::Timestamp;

use crate::bytes;
use crate::check;

fn value(val: Val) -> Value {
    Value { val: Some(val) }
}

#[test]
fn a_null_value_is_no_bytes_at_all() {
    check(&Value { val: None }, b"");
}

#[test]
fn each_kind_of_value_has_its_field_number() {
    check(&value(Val::BytesVal(vec![0, 255])), b"\x0a\x02\x00\xff");
    check(&value(Val::StringVal("ab".into())), b"\x12\x02ab");
    check(
        &value(Val::Int32Val(-1)),
        b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    );
    check(&value(Val::Int64Val(30)), b"\x20\x1e");
    check(&value(Val::DoubleVal(1.0)), b"\x29\0\0\0\0\0\0\xf0\x3f");
    check(&value(Val::FloatVal(0.5)), b"\x35\0\0\0\x3f");
    // A value that is false, zero or empty is there, and not a null.
    check(&value(Val::BoolVal(false)), b"\x38\x00");
    check(&value(Val::Int64Val(0)), b"\x20\x00");
    check(&value(Val::StringVal(String::new())), b"\x12\x00");
    check(
        &value(Val::UnixTimestampVal(1_700_000_000)),
        b"\x40\x80\xe2\xcf\xaa\x06",
    );
    check(
        &value(Val::DoubleListVal(DoubleList { val: vec![1.0, 2.0] })),
        b"\x7a\x12\x0a\x10\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40",
    );
    check(
        &value(Val::UnixTimestampListVal(Int64List { val: vec![1, i64::MIN] })),
        b"\x92\x01\x0d\x0a\x0b\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    );
    check(&value(Val::NullVal(0)), b"\x98\x01\x00");
    check(&value(Val::UuidVal("u".into())), b"\xa2\x02\x01u");
    check(
        &value(Val::ZonedTimestampVal(ZonedTimestamp {
            unix_timestamp: 1,
            zone: "Z".into(),
        })),
        b"\x82\x03\x05\x08\x01\x12\x01Z",
    );
}

#[test]
fn request_by_feature_references() {
    let drivers = RepeatedValue {
        val: vec![value(Val::Int64Val(1001)), Value { val: None }],
    };
    let amounts = RepeatedValue {
        val: vec![value(Val::DoubleVal(1.0))],
    };
    let request = GetOnlineFeaturesRequest {
        kind: Some(Kind::Features(FeatureList {
            val: vec!["driver:rate".into()],
        })),
        entities: BTreeMap::from([("driver_id".into(), drivers)]),
        full_feature_names: true,
        request_context: BTreeMap::from([("amount".into(), amounts)]),
        include_feature_view_version_metadata: false,
    };
    let entities = bytes(&[
        b"\x1a\x14",             // entities, 20 bytes
        b"\x0a\x09driver_id",    // key
        b"\x12\x07",             // RepeatedValue, 7 bytes
        b"\x0a\x03\x20\xe9\x07", // int64 1001
        b"\x0a\x00",             // null
    ]);
    let context = bytes(&[
        b"\x2a\x15",             // request_context, 21 bytes
        b"\x0a\x06amount",       // key
        b"\x12\x0b\x0a\x09\x29", // RepeatedValue with one double
        b"\0\0\0\0\0\0\xf0\x3f",
    ]);
    let selection: &[u8] = b"\x12\x0d\x0a\x0bdriver:rate";
    let flag: &[u8] = b"\x20\x01";
    // Fields may come in any order; ours go out with the oneof last.
    for golden in [
        bytes(&[selection, &entities, flag, &context]),
        bytes(&[&entities, flag, &context, selection]),
    ] {
        assert_eq!(GetOnlineFeaturesRequest::decode(golden.as_slice()).unwrap(), request);
    }
}

#[test]
fn request_by_service() {
    let request = GetOnlineFeaturesRequest {
        kind: Some(Kind::FeatureService("svc".into())),
        ..GetOnlineFeaturesRequest::default()
    };
    check(&request, b"\x0a\x03svc");
}

#[test]
fn response_is_columns_parallel_to_their_names() {
    let response = GetOnlineFeaturesResponse {
        metadata: Some(GetOnlineFeaturesResponseMetadata {
            feature_names: Some(FeatureList {
                val: vec!["id".into(), "f".into()],
            }),
            feature_view_metadata: vec![],
        }),
        results: vec![
            FeatureVector {
                values: vec![value(Val::Int64Val(7)), value(Val::Int64Val(8))],
                statuses: vec![FieldStatus::Present as i32, FieldStatus::Present as i32],
                event_timestamps: vec![Timestamp::default(), Timestamp::default()],
            },
            FeatureVector {
                values: vec![value(Val::StringVal("x".into())), Value { val: None }],
                statuses: vec![FieldStatus::Present as i32, FieldStatus::OutsideMaxAge as i32],
                event_timestamps: vec![
                    Timestamp {
                        seconds: 1_700_000_000,
                        nanos: 123_000_000,
                    },
                    Timestamp { seconds: 1, nanos: 0 },
                ],
            },
        ],
        status: false,
    };
    let golden = bytes(&[
        b"\x0a\x09\x0a\x07\x0a\x02id\x0a\x01f",                  // metadata, feature_names
        b"\x12\x10",                                             // results[0]
        b"\x0a\x02\x20\x07\x0a\x02\x20\x08",                     // 7, 8
        b"\x12\x02\x01\x01",                                     // PRESENT, PRESENT
        b"\x1a\x00\x1a\x00",                                     // no event times
        b"\x12\x1c",                                             // results[1]
        b"\x0a\x03\x12\x01x\x0a\x00",                            // "x", null
        b"\x12\x02\x01\x04",                                     // PRESENT, OUTSIDE_MAX_AGE
        b"\x1a\x0b\x08\x80\xe2\xcf\xaa\x06\x10\xc0\xa9\xd3\x3a", // 2023-11-14T22:13:20.123Z
        b"\x1a\x02\x08\x01",
    ]);
    check(&response, &golden);
}

#[test]
fn push_takes_typed_and_untyped_rows() {
    check(
        &PushRequest {
            features: BTreeMap::from([("k".into(), "1".into())]),
            stream_feature_view: "s".into(),
            allow_registry_cache: true,
            to: "online".into(),
            typed_features: BTreeMap::from([("k".into(), value(Val::Int64Val(1)))]),
        },
        b"\x0a\x06\x0a\x01k\x12\x011\x12\x01s\x18\x01\x22\x06online\x2a\x07\x0a\x01k\x12\x02\x20\x01",
    );
}
