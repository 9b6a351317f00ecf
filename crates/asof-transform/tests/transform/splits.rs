//! However rows are split into batches, values are the same bits, and errors the same rows' errors.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat;
use asof_model::row::RowCodec;
use proptest::prelude::*;

use crate::support::{compile, value_type};

fn number(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("i".to_owned()),
        Just("j".to_owned()),
        Just("null".to_owned()),
        (-3_i64..4).prop_map(|value| value.to_string()),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let pair = || (number(depth - 1), number(depth - 1));
    prop_oneof![
        leaf,
        (
            pair(),
            prop_oneof![Just("+"), Just("-"), Just("*"), Just("/"), Just("%")]
        )
            .prop_map(|((a, b), op)| format!("({a} {op} {b})")),
        (truth(depth - 1), pair()).prop_map(|(c, (a, b))| format!("case when {c} then {a} else {b} end")),
        (number(depth - 1), pair()).prop_map(|(x, (a, b))| format!("case {x} when 1 then {a} when {b} then 2 end")),
        pair().prop_map(|(a, b)| format!("coalesce({a}, {b})")),
        pair().prop_map(|(a, b)| format!("nullif({a}, {b})")),
        pair().prop_map(|(a, b)| format!("greatest({a}, {b})")),
        number(depth - 1).prop_map(|a| format!("abs({a})")),
        Just("cast(s as bigint)".to_owned()),
        Just("length(s)".to_owned()),
    ]
    .boxed()
}

fn truth(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![Just("b".to_owned()), Just("true".to_owned()), Just("s = ''".to_owned())];
    if depth == 0 {
        return leaf.boxed();
    }
    let pair = || (truth(depth - 1), truth(depth - 1));
    let numbers = || (number(depth - 1), number(depth - 1), number(depth - 1));
    prop_oneof![
        leaf,
        (pair(), prop_oneof![Just("and"), Just("or")]).prop_map(|((a, b), op)| format!("({a} {op} {b})")),
        truth(depth - 1).prop_map(|a| format!("not ({a})")),
        (
            number(depth - 1),
            number(depth - 1),
            prop_oneof![Just("="), Just("<"), Just("is distinct from")]
        )
            .prop_map(|(a, b, op)| format!("({a} {op} {b})")),
        numbers().prop_map(|(x, a, b)| format!("({x} in ({a}, {b}, 7))")),
        numbers().prop_map(|(x, a, b)| format!("({x} between {a} and {b})")),
        number(depth - 1).prop_map(|a| format!("({a} is null)")),
    ]
    .boxed()
}

fn float(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![Just("f".to_owned()), Just("g".to_owned()), Just("0.1".to_owned())];
    if depth == 0 {
        return leaf.boxed();
    }
    let pair = || (float(depth - 1), float(depth - 1));
    prop_oneof![
        leaf,
        (pair(), prop_oneof![Just("+"), Just("-"), Just("*"), Just("/")])
            .prop_map(|((a, b), op)| format!("({a} {op} {b})")),
        (truth(depth - 1), pair()).prop_map(|(c, (a, b))| format!("case when {c} then {a} else {b} end")),
        float(depth - 1).prop_map(|a| format!("sqrt({a})")),
        float(depth - 1).prop_map(|a| format!("round({a}, 1)")),
        number(depth - 1).prop_map(|a| format!("cast({a} as double)")),
    ]
    .boxed()
}

fn expression() -> impl Strategy<Value = (String, &'static str)> {
    prop_oneof![
        number(3).prop_map(|sql| (sql, "int64")),
        truth(3).prop_map(|sql| (sql, "bool")),
        float(3).prop_map(|sql| (sql, "float64")),
        number(2).prop_map(|sql| (format!("s || '-' || ({sql})"), "string")),
    ]
}

fn rows() -> impl Strategy<Value = RecordBatch> {
    let whole = || prop::option::weighted(0.8, prop_oneof![4 => -2_i64..3, 1 => any::<i64>()]);
    let float = || {
        let special = prop::sample::select(vec![0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, 1e300, 5e-324]);
        prop::option::weighted(0.8, prop_oneof![special, any::<f64>()])
    };
    let text = prop::option::weighted(0.8, prop::sample::select(vec!["", "1", "-7", "x", "é"]));
    let row = (whole(), whole(), float(), float(), any::<Option<bool>>(), text);
    prop::collection::vec(row, 1..12).prop_map(|rows| {
        let column = |array: ArrayRef| array;
        RecordBatch::try_from_iter_with_nullable([
            (
                "i",
                column(Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>())),
                true,
            ),
            (
                "j",
                column(Arc::new(rows.iter().map(|r| r.1).collect::<Int64Array>())),
                true,
            ),
            (
                "f",
                column(Arc::new(rows.iter().map(|r| r.2).collect::<Float64Array>())),
                true,
            ),
            (
                "g",
                column(Arc::new(rows.iter().map(|r| r.3).collect::<Float64Array>())),
                true,
            ),
            (
                "b",
                column(Arc::new(rows.iter().map(|r| r.4).collect::<BooleanArray>())),
                true,
            ),
            (
                "s",
                column(Arc::new(rows.iter().map(|r| r.5).collect::<StringArray>())),
                true,
            ),
        ])
        .unwrap()
    })
}

/// The cuts that a row of random numbers makes in `rows` rows.
fn pieces(batch: &RecordBatch, cuts: &[prop::sample::Index]) -> Vec<RecordBatch> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(batch.num_rows() + 1)).collect();
    at.extend([0, batch.num_rows()]);
    at.sort_unstable();
    at.windows(2)
        .map(|pair| batch.slice(pair[0], pair[1] - pair[0]))
        .collect()
}

/// The bits of each value: equal text would hide the sign of zero and the payload of NaN.
pub(crate) fn bits(array: &ArrayRef) -> Vec<Vec<u8>> {
    let feature = asof_model::definition::Feature {
        name: asof_model::FeatureName::try_new("x").unwrap(),
        value_type: match array.data_type() {
            arrow::datatypes::DataType::Boolean => value_type("bool"),
            arrow::datatypes::DataType::Int64 => value_type("int64"),
            arrow::datatypes::DataType::Float64 => value_type("float64"),
            _ => value_type("string"),
        },
    };
    let times = arrow::array::TimestampMicrosecondArray::from(vec![0; array.len()]).with_timezone("UTC");
    let rows = RowCodec::new(&[feature])
        .encode(std::slice::from_ref(array), &times, None)
        .unwrap();
    (0..array.len()).map(|row| rows.get(row).to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn values_are_the_same_bits_in_any_split((sql, declared) in expression(), batch in rows(), cuts: [prop::sample::Index; 3]) {
        // What the planner refuses, such as a constant division by zero, is refused on both sides alike.
        if let Ok(program) = compile(&batch.schema(), &sql, declared) {
            let whole = program.evaluate(&batch);
            let parts: Result<Vec<ArrayRef>, _> = pieces(&batch, &cuts)
                .iter()
                .map(|piece| program.evaluate(piece).map(|mut columns| columns.remove(0)))
                .collect();
            match (whole, parts) {
                (Ok(whole), Ok(parts)) => {
                    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                    prop_assert_eq!(bits(&whole[0]), bits(&concat(&parts).unwrap()), "{}", sql);
                }
                (Err(_), Err(_)) => {}
                (whole, parts) => prop_assert!(false, "{}: whole {:?}, in parts {:?}", sql, whole, parts),
            }
        }
    }
}
