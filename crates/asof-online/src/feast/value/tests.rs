//! Values as Feast writes them, and as nobody should.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use asof_proto::feast::types::{
    BoolList, BytesList, BytesSet, DoubleList, FloatList, Int32List, Int64List, Map, RepeatedValue, StringList,
    StringSet, ZonedTimestamp,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::hex::hex;
use super::*;

fn read(value_type: &str, values: &[Option<Bytes>]) -> Result<ArrayRef, Wrong> {
    let value_type: ValueType = value_type.parse().unwrap();
    let column = column(value_type, values.iter().map(Option::as_ref))?;
    assert_eq!(*column.data_type(), value_type.arrow());
    assert_eq!(column.len(), values.len());
    Ok(column)
}

fn bytes(val: Val) -> Bytes {
    Value { val: Some(val) }.encode_to_vec().into()
}

fn read_one(value_type: &str, val: Val) -> Result<ArrayRef, Wrong> {
    read(value_type, &[Some(bytes(val))])
}

/// What Feast 0.66 wrote.
#[test]
fn values_are_those_of_feast() {
    let golden = |value_type, value| read(value_type, &[Some(hex(value).into())]).unwrap();
    assert_eq!(golden("int64", "201e").as_primitive::<Int64Type>().value(0), 30);
    assert_eq!(
        golden("float32", "350000003f").as_primitive::<Float32Type>().value(0),
        0.5
    );
    assert_eq!(golden("string", "12026162").as_string::<i32>().value(0), "ab");
    assert!(!golden("bool", "3800").as_boolean().value(0));
    let list = golden("array<float64>", "7a120a10000000000000f03f0000000000000040");
    let items = list.as_list::<i32>().value(0);
    assert_eq!(items.as_primitive::<Float64Type>().values(), &[1.0, 2.0]);
}

#[test]
fn what_is_missing_or_unset_is_null() {
    let nulls = [None, Some(Bytes::new()), Some(bytes(Val::NullVal(0)))];
    for scalar in ScalarType::ALL {
        for value_type in [scalar.to_string(), format!("array<{scalar}>")] {
            assert_eq!(read(&value_type, &nulls).unwrap().null_count(), 3, "{value_type}");
        }
    }
    let times = Int64List {
        val: vec![NULL_TIME, -1],
    };
    let list = read_one("array<timestamp>", Val::UnixTimestampListVal(times)).unwrap();
    let items = list.as_list::<i32>().value(0);
    let items = items.as_primitive::<TimestampMicrosecondType>();
    assert_eq!(items.iter().collect::<Vec<_>>(), [None, Some(-1_000_000)]);
    let time = read_one("timestamp", Val::UnixTimestampVal(NULL_TIME)).unwrap();
    assert_eq!(time.null_count(), 1);
    // A list without items is no null.
    let empty = read_one("array<int64>", Val::Int64ListVal(Int64List::default())).unwrap();
    assert_eq!((empty.null_count(), empty.as_list::<i32>().value_length(0)), (0, 0));
}

#[test]
fn numbers_widen_and_times_become_microseconds() {
    let widened = read(
        "int64",
        &[Some(bytes(Val::Int32Val(-7))), None, Some(bytes(Val::Int64Val(8)))],
    )
    .unwrap();
    let widened: Vec<_> = widened.as_primitive::<Int64Type>().iter().collect();
    assert_eq!(widened, [Some(-7), None, Some(8)]);
    let double = read_one("float64", Val::FloatVal(0.1)).unwrap();
    assert_eq!(double.as_primitive::<Float64Type>().value(0), f64::from(0.1_f32));
    let int32 = read_one("int32", Val::Int32Val(i32::MIN)).unwrap();
    assert_eq!(int32.as_primitive::<Int32Type>().value(0), i32::MIN);
    let zoned = ZonedTimestamp {
        unix_timestamp: 3,
        zone: "Europe/Berlin".to_owned(),
    };
    for val in [Val::UnixTimestampVal(3), Val::ZonedTimestampVal(zoned)] {
        let time = read_one("timestamp", val).unwrap();
        assert_eq!(time.as_primitive::<TimestampMicrosecondType>().value(0), 3_000_000);
    }
    let far = read_one("timestamp", Val::UnixTimestampVal(i64::MAX)).unwrap_err();
    let text = format!("{} seconds do not fit 64 bits of microseconds", i64::MAX);
    assert_eq!(far, Wrong::Value(text));
}

/// One value of each type that Feast has, and the types of features that take it.
fn samples() -> Vec<(Val, &'static [&'static str])> {
    let texts = || StringList {
        val: vec!["a".to_owned()],
    };
    let text = || "a".to_owned();
    let times = Int64List { val: vec![1] };
    vec![
        (Val::BytesVal(vec![1]), &["bytes"]),
        (Val::StringVal(text()), &["string"]),
        (Val::Int32Val(1), &["int32", "int64"]),
        (Val::Int64Val(1), &["int64"]),
        (Val::DoubleVal(1.0), &["float64"]),
        (Val::FloatVal(1.0), &["float32", "float64"]),
        (Val::BoolVal(true), &["bool"]),
        (Val::UnixTimestampVal(1), &["timestamp"]),
        (Val::BytesListVal(BytesList { val: vec![vec![1]] }), &["array<bytes>"]),
        (Val::StringListVal(texts()), &["array<string>"]),
        (
            Val::Int32ListVal(Int32List { val: vec![1] }),
            &["array<int32>", "array<int64>"],
        ),
        (Val::Int64ListVal(times.clone()), &["array<int64>"]),
        (Val::DoubleListVal(DoubleList { val: vec![1.0] }), &["array<float64>"]),
        (
            Val::FloatListVal(FloatList { val: vec![1.0] }),
            &["array<float32>", "array<float64>"],
        ),
        (Val::BoolListVal(BoolList { val: vec![true] }), &["array<bool>"]),
        (Val::UnixTimestampListVal(times), &["array<timestamp>"]),
        (Val::JsonVal(text()), &["string"]),
        (Val::UuidVal(text()), &["string"]),
        (Val::TimeUuidVal(text()), &["string"]),
        (Val::DecimalVal(text()), &["string"]),
        (Val::JsonListVal(texts()), &["array<string>"]),
        (Val::UuidListVal(texts()), &["array<string>"]),
        (Val::TimeUuidListVal(texts()), &["array<string>"]),
        (Val::DecimalListVal(texts()), &["array<string>"]),
        (Val::ZonedTimestampVal(ZonedTimestamp::default()), &["timestamp"]),
        (Val::MapVal(Map::default()), &[]),
        (Val::StructVal(Map::default()), &[]),
        (Val::BytesSetVal(BytesSet::default()), &[]),
        (Val::StringSetVal(StringSet::default()), &[]),
        (Val::ListVal(RepeatedValue::default()), &[]),
        (Val::SetVal(RepeatedValue::default()), &[]),
    ]
}

#[test]
fn a_type_that_does_not_fit_is_named() {
    for (val, fitting) in samples() {
        for scalar in ScalarType::ALL {
            for value_type in [scalar.to_string(), format!("array<{scalar}>")] {
                match read_one(&value_type, val.clone()) {
                    Ok(column) => {
                        assert!(fitting.contains(&value_type.as_str()), "{val:?} as {value_type}");
                        assert_eq!(column.null_count(), 0);
                    }
                    Err(Wrong::Type(found)) => {
                        assert!(!fitting.contains(&value_type.as_str()), "{val:?} as {value_type}");
                        assert_eq!(found, kind(&val));
                    }
                    Err(wrong) => panic!("{wrong:?}"),
                }
            }
        }
    }
    let feature = Feature {
        name: "temp".parse().unwrap(),
        value_type: ScalarType::Float64.into(),
    };
    let wrong = read_one("float64", Val::Int64Val(1)).unwrap_err();
    assert_eq!(
        wrong.of(&"weather".parse().unwrap(), &feature).to_string(),
        "holds a value of type int64 for feature `temp` of view `weather`, which is declared as float64; declare the \
         type that Feast writes"
    );
}

#[test]
fn a_value_that_is_cut_short_is_an_error() {
    for (val, fitting) in samples() {
        let whole = bytes(val);
        for length in 1..whole.len() {
            for value_type in fitting {
                let cut = read(value_type, &[Some(whole.slice(..length))]);
                assert!(matches!(cut, Err(Wrong::Value(_))), "{whole:?} up to {length}");
            }
        }
    }
    let not_utf8 = Bytes::from_static(&[0x12, 1, 0xff]);
    assert!(matches!(read("string", &[Some(not_utf8)]), Err(Wrong::Value(_))));
}

proptest! {
    #[test]
    fn no_bytes_do_harm(noise in vec(any::<u8>(), 0..64), flip in any::<(prop::sample::Index, u8)>()) {
        let mut all = vec![noise];
        for (val, _) in samples() {
            let mut changed = bytes(val).to_vec();
            let at = flip.0.index(changed.len());
            changed[at] ^= flip.1;
            all.push(changed);
        }
        for bytes in all {
            for scalar in ScalarType::ALL {
                for value_type in [scalar.to_string(), format!("array<{scalar}>")] {
                    // It is a value, or an error; `read` looks at the column's type and length.
                    let _ = read(&value_type, &[Some(bytes.clone().into()), None]);
                }
            }
        }
    }
}
