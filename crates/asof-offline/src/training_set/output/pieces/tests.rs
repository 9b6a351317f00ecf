//! Blocks are cut at the same rows whatever batches the rows come in.

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use futures::executor::block_on;
use futures::stream;

use super::*;

fn rows(from: usize, to: usize) -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(from as i64..to as i64));
    RecordBatch::try_from_iter([("n", numbers)]).expect("one column")
}

/// Blocks of `count` rows that come in batches of `batch_rows`: the lengths of their pieces, and how each block ends.
fn cut(count: usize, batch_rows: usize, group_rows: u64, file_rows: u64) -> Vec<(Vec<usize>, bool)> {
    let batches: Vec<_> = (0..count)
        .step_by(batch_rows)
        .map(|at| Ok(rows(at, (at + batch_rows).min(count))))
        .collect();
    let mut blocks = Blocks::new(
        stream::iter(batches).boxed(),
        &rows(0, 0).schema(),
        group_rows,
        file_rows,
    );
    let (mut found, mut next) = (Vec::new(), 0);
    loop {
        let block = block_on(blocks.next()).expect("no batch is an error");
        for piece in &block.pieces {
            for number in piece.column(0).as_primitive::<Int64Type>().values() {
                assert_eq!(*number, next, "every row comes once, in order");
                next += 1;
            }
        }
        found.push((
            block.pieces.iter().map(RecordBatch::num_rows).collect(),
            block.ends_file,
        ));
        if block.is_last {
            assert_eq!(next, count as i64);
            return found;
        }
    }
}

#[test]
fn batches_do_not_show_in_blocks() {
    for (count, group_rows, file_rows) in [
        (100_000, 1 << 20, u64::MAX),
        (100_000, 30_000, u64::MAX),
        (100_000, 1 << 20, 20_000),
        (100_000, 7_000, 20_000),
        (65_536, 65_536, 65_536),
        (16_384, 8_192, 16_384),
        (10, 1, 3),
        (0, 5, 5),
    ] {
        let expected = cut(count, 1 << 20, group_rows, file_rows);
        for batch_rows in [3, 8_192, 8_193, 16_384, 50_000] {
            assert_eq!(
                cut(count, batch_rows, group_rows, file_rows),
                expected,
                "{count} {group_rows} {file_rows}"
            );
        }
    }
}

#[test]
fn pieces_end_where_row_groups_and_files_do() {
    let expected = [
        (vec![7_000], false),
        (vec![7_000], false),
        (vec![6_000], true),
        (vec![7_000], false),
        (vec![3_000], true),
    ];
    assert_eq!(cut(30_000, 8_192, 7_000, 20_000), expected);
    let whole = |pieces| (vec![8_192; pieces], false);
    assert_eq!(
        cut(8_192 * 10, 100, 1 << 20, u64::MAX),
        [whole(8), (vec![8_192; 2], true)]
    );
    assert_eq!(cut(8_192 * 8, 100, 1 << 20, u64::MAX), [whole(8), (vec![], true)]);
    assert_eq!(cut(0, 1, 1 << 20, 10), [(vec![], true)]);
}
