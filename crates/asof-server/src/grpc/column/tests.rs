//! Columns there and back, and columns that contradict themselves.

use arrow::array::{ListBuilder, StringBuilder};

use super::*;

fn there_and_back(array: ArrayRef) {
    let wire = to_wire(&array);
    let back = from_wire(wire.clone()).unwrap();
    assert_eq!(back.data_type(), array.data_type());
    assert_eq!(&back, &array);
    assert_eq!(to_wire(&back), wire);
}

#[test]
fn every_type_comes_back_as_it_went() {
    there_and_back(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])));
    there_and_back(Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(0)])));
    there_and_back(Arc::new(Int64Array::from(vec![1, 2, 3])));
    there_and_back(Arc::new(Int64Array::from(vec![None::<i64>; 9])));
    there_and_back(Arc::new(StringArray::from(vec![Some(""), None, Some("é")])));
    there_and_back(Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\0\xff"), None])));
    let times = TimestampMicrosecondArray::from(vec![Some(i64::MIN), None, Some(-1)]);
    there_and_back(Arc::new(times.with_timezone("UTC")));
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), None]);
    lists.append_null();
    lists.append_value([None::<&str>; 0]);
    there_and_back(Arc::new(lists.finish()));
    there_and_back(Arc::new(Int64Array::from(Vec::<i64>::new())));
}

#[test]
fn floats_keep_their_bits() {
    let bits = [0x7ff8_0000_0000_beef, 0xfff0_0000_0000_0000, 0x8000_0000_0000_0000_u64];
    let array: ArrayRef = Arc::new(Float64Array::from_iter_values(bits.map(f64::from_bits)));
    let back = from_wire(to_wire(&array)).unwrap();
    let back = back.as_primitive::<Float64Type>().values().iter().map(|v| v.to_bits());
    assert_eq!(back.collect::<Vec<_>>(), bits);
}

#[test]
fn a_list_that_starts_late_and_hides_items_under_a_null_goes_out_clean() {
    let items = Arc::new(Int64Array::from(vec![9, 1, 7, 7, 2]));
    let field = Arc::new(Field::new_list_field(DataType::Int64, true));
    let nulls = NullBuffer::from(vec![true, true, false, true]);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, 1, 2, 4, 5]));
    let list: ArrayRef = Arc::new(ListArray::new(field, offsets, items, Some(nulls)));
    let Some(Values::Array(wire)) = to_wire(&list.slice(1, 3)).values else {
        panic!("a list")
    };
    assert_eq!(wire.offsets, [0, 1, 1, 2]);
    let elements = from_wire(*wire.elements.unwrap()).unwrap();
    assert_eq!(elements.as_primitive::<Int64Type>().values(), &[1, 2]);
}

#[test]
fn a_column_that_contradicts_itself_is_refused() {
    let ints = |values: Vec<i64>, validity: Vec<u8>| Column {
        values: Some(Values::Int64(Int64Values { values })),
        validity,
    };
    let lists = |offsets: Vec<u32>, elements: Option<Column>| Column {
        values: Some(Values::Array(Box::new(ArrayValues {
            offsets,
            elements: elements.map(Box::new),
        }))),
        validity: Vec::new(),
    };
    let one = || Some(ints(vec![1], Vec::new()));
    let cases = [
        (
            Column::default(),
            "has no values set, so its type is not known; set one of them, if only an empty one",
        ),
        (
            ints(vec![1], vec![0, 0]),
            "has 2 bytes of validity where 1 values need 1",
        ),
        (
            ints(vec![1; 9], vec![0]),
            "has 1 bytes of validity where 9 values need 2",
        ),
        (
            lists(vec![0], None),
            "has arrays without elements; set them, if only to an empty column",
        ),
        (
            lists(vec![], one()),
            "has offsets that do not rise from 0 to its 1 elements",
        ),
        (
            lists(vec![1, 1], one()),
            "has offsets that do not rise from 0 to its 1 elements",
        ),
        (
            lists(vec![0, 2, 1], one()),
            "has offsets that do not rise from 0 to its 1 elements",
        ),
        (
            lists(vec![0, 2], one()),
            "has offsets that do not rise from 0 to its 1 elements",
        ),
        (
            lists(vec![0, 1], Some(lists(vec![0, 1], one()))),
            "has arrays of arrays, which are no type of Asof",
        ),
    ];
    for (column, message) in cases {
        assert_eq!(from_wire(column.clone()).unwrap_err(), message, "{column:?}");
    }
}
