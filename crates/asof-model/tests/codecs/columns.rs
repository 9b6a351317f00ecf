//! Columns of any type with any values: every bit pattern of floats, nulls, empty texts and lists, extremes.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use asof_model::definition::Feature;
use asof_model::{FeatureName, ScalarType, ValueType};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn feature(name: &str, value_type: impl Into<ValueType>) -> Feature {
    Feature {
        name: FeatureName::try_new(name).unwrap(),
        value_type: value_type.into(),
    }
}

pub(crate) fn value_type() -> impl Strategy<Value = ValueType> {
    let scalar = proptest::sample::select(ScalarType::ALL.to_vec());
    (scalar, any::<bool>()).prop_map(|(scalar, is_array)| {
        if is_array {
            ValueType::Array(scalar)
        } else {
            ValueType::Scalar(scalar)
        }
    })
}

/// A column of `rows` values, one in a few of them null.
pub(crate) fn column(value_type: ValueType, rows: usize) -> BoxedStrategy<ArrayRef> {
    match value_type {
        ValueType::Scalar(scalar) => scalars(scalar, rows),
        ValueType::Array(item) => {
            let lists = vec(option::weighted(0.8, 0..4_usize), rows);
            lists
                .prop_flat_map(move |lists| {
                    let items = lists.iter().flatten().sum();
                    (Just(lists), scalars(item, items))
                })
                .prop_map(move |(lists, items)| {
                    let nulls: NullBuffer = lists.iter().map(Option::is_some).collect();
                    let offsets = OffsetBuffer::from_lengths(lists.iter().map(|length| length.unwrap_or(0)));
                    let field = Arc::new(Field::new_list_field(item.arrow(), true));
                    Arc::new(ListArray::new(field, offsets, items, Some(nulls))) as ArrayRef
                })
                .boxed()
        }
    }
}

pub(crate) fn scalars(scalar: ScalarType, rows: usize) -> BoxedStrategy<ArrayRef> {
    fn of<S, A>(values: S, rows: usize) -> BoxedStrategy<ArrayRef>
    where
        S: Strategy + 'static,
        A: From<Vec<Option<S::Value>>> + arrow::array::Array + 'static,
    {
        vec(option::weighted(0.8, values), rows)
            .prop_map(|values| Arc::new(A::from(values)) as ArrayRef)
            .boxed()
    }
    let int64 = prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), -3..3_i64];
    match scalar {
        ScalarType::Bool => of::<_, BooleanArray>(any::<bool>(), rows),
        ScalarType::Int32 => of::<_, Int32Array>(prop_oneof![any::<i32>(), Just(i32::MIN), -3..3_i32], rows),
        ScalarType::Int64 => of::<_, Int64Array>(int64, rows),
        ScalarType::Float32 => of::<_, Float32Array>(float32(), rows),
        ScalarType::Float64 => of::<_, Float64Array>(float64(), rows),
        ScalarType::String => of::<_, StringArray>("[ab\0é]{0,3}", rows),
        ScalarType::Bytes => vec(option::weighted(0.8, vec(any::<u8>(), 0..4)), rows)
            .prop_map(|values| Arc::new(values.iter().map(Option::as_ref).collect::<BinaryArray>()) as ArrayRef)
            .boxed(),
        ScalarType::Timestamp => vec(option::weighted(0.8, int64), rows)
            .prop_map(|values| Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) as ArrayRef)
            .boxed(),
    }
}

fn float32() -> impl Strategy<Value = f32> {
    prop_oneof![
        any::<u32>().prop_map(f32::from_bits),
        Just(-0.0),
        Just(f32::NAN),
        Just(f32::from_bits(0xffa0_0001)),
    ]
}

fn float64() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        Just(-0.0),
        Just(f64::NAN),
        Just(f64::from_bits(0xfff4_0000_dead_beef)),
    ]
}

/// Arrow compares floats by their bits, on which the tests of round trips rest.
#[test]
fn columns_are_equal_only_bit_for_bit() {
    let column = |bits: u64| Float64Array::from(vec![f64::from_bits(bits)]);
    assert_ne!(column(0), column(1 << 63));
    assert_ne!(column(0x7ff8_0000_0000_0000), column(0x7ff8_0000_0000_0001));
    assert_eq!(column(0x7ff8_0000_0000_0001), column(0x7ff8_0000_0000_0001));
}
