//! `and`, `or`, `case` and `in` look at each row on its own.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};

use crate::support::{compile, texts};

/// `x` and `y` over all of zero, one and null.
fn pairs() -> RecordBatch {
    let values = [Some(0), Some(1), None];
    let pair = |number: usize| (values[number / 3], values[number % 3]);
    let x: Int64Array = (0..9).map(|number| pair(number).0).collect();
    let y: Int64Array = (0..9).map(|number| pair(number).1).collect();
    RecordBatch::try_from_iter([("x", Arc::new(x) as ArrayRef), ("y", Arc::new(y))]).unwrap()
}

fn check(sql: &str, expected: [&str; 9]) {
    let batch = pairs();
    let program = compile(&batch.schema(), sql, "bool").unwrap();
    assert_eq!(texts(&program.evaluate(&batch).unwrap()[0]), expected, "{sql}");
    for (row, expected) in expected.iter().enumerate() {
        let alone = program.evaluate(&batch.slice(row, 1)).unwrap();
        assert_eq!(texts(&alone[0]), [*expected], "{sql}, row {row} alone");
    }
}

#[test]
fn the_right_side_is_not_computed_where_the_left_side_settles_it() {
    let (t, f, n) = ("true", "false", "∅");
    // x:                       0  0  0  1  1  1  ∅  ∅  ∅
    check("x <> 0 and 4 / x > 3", [f, f, f, t, t, t, n, n, n]);
    check("x = 0 or 4 / x > 9", [t, t, t, f, f, f, n, n, n]);
    check("not (x = 0 or 4 / x > 9)", [f, f, f, t, t, t, n, n, n]);
    check(
        "case when x = 0 then false else 4 / x > 3 end",
        [f, f, f, t, t, t, n, n, n],
    );
    check(
        "case when x = 0 then 1 = 2 when x is null then true else 4 / x > 3 end",
        [f, f, f, t, t, t, t, t, t],
    );
    check("coalesce(x = 0, true) or 4 / x = 4", [t, t, t, t, t, t, t, t, t]);
    check("x = 0 or y in (7, 4 / x - 3)", [t, t, t, f, t, n, n, n, n]);
    check("x not in (x, 4 / (x + 1))", [f, f, f, f, f, f, n, n, n]);
    check("x in (x, 4 / x)", [t, t, t, t, t, t, n, n, n]);
}

#[test]
fn three_valued_logic_is_kept() {
    let (t, f, n) = ("true", "false", "∅");
    check("x = 1 and y = 1", [f, f, f, f, t, n, f, n, n]);
    check("x = 1 or y = 1", [f, t, n, t, t, t, n, t, n]);
    check("x = 1 and null", [f, f, f, n, n, n, n, n, n]);
    check("null or x = 1", [n, n, n, t, t, t, n, n, n]);
    check("true and x = 1", [f, f, f, t, t, t, n, n, n]);
}

#[test]
fn an_open_right_side_that_errs_is_an_error_in_every_batch() {
    let batch = pairs();
    let program = compile(&batch.schema(), "y = 1 and 4 / x > 3", "bool").unwrap();
    assert!(program.evaluate(&batch).is_err());
    let outcomes: Vec<bool> = (0..9)
        .map(|row| program.evaluate(&batch.slice(row, 1)).is_ok())
        .collect();
    assert_eq!(outcomes, [true, false, false, true, true, true, true, true, true]);
}
