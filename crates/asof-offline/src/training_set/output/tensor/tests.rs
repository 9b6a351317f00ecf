//! Numbers stand where their names say, and what cannot be a number says so.

use arrow::array::{
    BooleanArray, DictionaryArray, FixedSizeListArray, Float64Array, Int64Array, ListArray, StringArray,
};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::ipc::reader::FileReader;

use super::*;

/// A spine of two columns, then a number, a bool and an array.
fn piece(numbers: [Option<i64>; 3], flags: [Option<bool>; 3], lists: [Option<Vec<Option<i64>>>; 3]) -> RecordBatch {
    let words: DictionaryArray<Int32Type> = ["a", "b", "a"].into_iter().collect();
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("word", Arc::new(words)),
        ("number", Arc::new(Int64Array::from(numbers.to_vec()))),
        ("flag", Arc::new(BooleanArray::from(flags.to_vec()))),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).expect("one length")
}

fn encode(pieces: Vec<RecordBatch>, impute: &[Option<f64>]) -> Result<Vec<u8>, WriteError> {
    let schema = piece([None; 3], [None; 3], [const { None }; 3]).schema();
    check(&schema, 2)?;
    let labels = vec![KeyValue::new("asof.format".to_owned(), "1".to_owned())];
    let mut encoder = TensorEncoder::new(Vec::new(), &schema, 2, impute, labels);
    for piece in pieces {
        let block = Block {
            pieces: vec![piece],
            ..Block::default()
        };
        encoder = encoder.encode(&block)?;
    }
    encoder.finish()
}

fn decode(file: &[u8]) -> (SchemaRef, Vec<RecordBatch>) {
    let reader = FileReader::try_new(std::io::Cursor::new(file), None).expect("it is Arrow IPC");
    (
        reader.schema(),
        reader.collect::<Result<_, _>>().expect("it can be read"),
    )
}

fn numbers(batch: &RecordBatch) -> Vec<f32> {
    let lists: &FixedSizeListArray = batch
        .column_by_name("features")
        .expect("the column")
        .as_fixed_size_list();
    assert_eq!((lists.null_count(), lists.values().null_count()), (0, 0));
    lists.values().as_primitive::<Float32Type>().values().to_vec()
}

#[test]
fn features_are_rows_of_numbers_with_names() {
    // The array's length is known only in the second piece.
    let first = piece(
        [Some(1), None, Some(3)],
        [Some(true), Some(false), None],
        [const { None }; 3],
    );
    let lists = [Some(vec![Some(7), None]), None, Some(vec![Some(8), Some(9)])];
    let second = piece([Some(4), Some(5), Some(6)], [None; 3], lists);
    let file = encode(vec![first, second], &[Some(-1.0), None, Some(0.5)]).expect("all features are numbers");
    let (schema, batches) = decode(&file);
    assert_eq!(
        schema.metadata()["asof.features"],
        r#"["number","flag","list[0]","list[1]"]"#
    );
    assert_eq!(schema.metadata()["asof.format"], "1");
    let names: Vec<_> = schema.fields().iter().map(ToString::to_string).collect();
    insta::assert_debug_snapshot!(names, @r#"
    [
        "Field { \"id\": nullable Int64 }",
        "Field { \"word\": nullable Utf8 }",
        "Field { \"features\": FixedSizeList(4 x non-null Float32) }",
    ]
    "#);
    let shown = |batch: &RecordBatch| format!("{:?}", numbers(batch));
    assert_eq!(
        shown(&batches[0]),
        "[1.0, 1.0, 0.5, 0.5, -1.0, 0.0, 0.5, 0.5, 3.0, NaN, 0.5, 0.5]"
    );
    assert_eq!(
        shown(&batches[1]),
        "[4.0, NaN, 7.0, 0.5, 5.0, NaN, 0.5, 0.5, 6.0, NaN, 8.0, 9.0]"
    );
    assert_eq!(
        batches[0].column(1).as_string::<i32>(),
        &StringArray::from(vec!["a", "b", "a"])
    );
}

#[test]
fn what_has_no_place_in_a_tensor_is_refused() {
    let lists = [Some(vec![Some(7), None]), None, Some(vec![Some(8)])];
    let uneven = encode(vec![piece([None; 3], [None; 3], lists)], &[]);
    let unknown = encode(vec![piece([None; 3], [None; 3], [const { None }; 3])], &[]);
    let text = Schema::new(vec![Field::new("city", DataType::Utf8, true)]);
    let texts = Schema::new(vec![Field::new_list(
        "tags",
        Field::new("item", DataType::Utf8, true),
        true,
    )]);
    let spine = Schema::new(vec![Field::new("features", DataType::Utf8, true)]);
    let refusals = [
        uneven.map(|_| ()),
        unknown.map(|_| ()),
        check(&text, 0),
        check(&texts, 0),
        check(&spine, 1),
    ];
    let refusals: Vec<_> = refusals
        .map(|refused| refused.expect_err("a refusal").to_string())
        .to_vec();
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    row 3: feature `list` has 1 items, and 2 in the rows before; in a tensor all its values need one length
    every value of `list` is missing, so its length is not known; leave it out of the tensor
    feature `city` is string, which does not become a number of a tensor; leave it out, or encode it in SQL
    feature `tags` is array<string>, which does not become a number of a tensor; leave it out, or encode it in SQL
    the spine has a column `features`, which is what a tensor's numbers are called; rename it
    "#);
}

#[test]
fn a_training_set_without_rows_is_a_tensor_without_rows() {
    let (schema, batches) = decode(&encode(Vec::new(), &[]).expect("nothing is wrong"));
    assert_eq!(schema.metadata()["asof.features"], r#"["number","flag"]"#);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    let numbers = Float64Array::from(vec![1e300, -0.1]);
    let floats = as_floats(&(Arc::new(numbers) as ArrayRef)).expect("floats are floats");
    assert_eq!(floats.values().to_vec(), [f32::INFINITY, -0.1]);
}
