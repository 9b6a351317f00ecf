//! The training set is what brute force says, whatever the engine's settings.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use asof_offline::Spine;
use asof_tests::case::Case;
use asof_tests::generate::cases;
use asof_tests::oracle::training_row;
use asof_tests::repository::spine_batch;
use asof_tests::value::value_at;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;

use crate::subject::{Settings, Subject, in_memory};
use crate::{config, is_long};

/// Settings that cut rows in unpleasant places, and memory that nothing fits in.
pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let batch_size = select(vec![1_usize, 2, 7, 49, 8192]);
    let memory = select(vec![1_u64, 1 << 10, 1 << 16, 1 << 20, 1 << 32]);
    (batch_size, 1..=8_usize, memory).prop_map(|(batch_size, partitions, memory)| Settings {
        batch_size,
        partitions,
        memory,
    })
}

/// How many of them a case is tried with.
fn tried() -> usize {
    if is_long() { 4 } else { 2 }
}

/// One row per spine row, in order, the spine untouched, features as the oracle has them.
pub(crate) fn check(case: &Case, training: &RecordBatch) {
    let spine = spine_batch(&case.spine);
    assert_eq!(training.num_rows(), spine.num_rows());
    for (at, column) in spine.columns().iter().enumerate() {
        assert_eq!(training.column(at), column, "spine columns stay as they are");
    }
    for (row, spine_row) in case.spine.iter().enumerate() {
        let features: Vec<_> = training.columns()[spine.num_columns()..]
            .iter()
            .map(|column| value_at(column, row))
            .collect();
        assert_eq!(features, training_row(case, spine_row), "row {row}: {spine_row:?}");
    }
}

/// Long spines take long: in the long form there are fewer of them.
fn long_spines() -> Config {
    let config = config(16);
    let cases = if is_long() {
        config.cases.div_ceil(10)
    } else {
        config.cases
    };
    Config { cases, ..config }
}

/// The spine in memory, or in a file with so many rows per row group.
fn spine_of(subject: &Subject, rows: &RecordBatch, row_group: Option<usize>) -> Spine {
    match row_group {
        Some(row_group) => subject.spine_file(rows, row_group),
        None => in_memory(rows.clone()),
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn the_training_set_is_what_brute_force_says(
        case in cases(),
        settings in vec(settings(), tried()),
        row_group in option::of(1_usize..10),
    ) {
        let subject = Subject::new(&case);
        let spine = spine_of(&subject, &spine_batch(&case.spine), row_group);
        let (rows, bytes) = subject.training_set(spine.clone(), Settings::PLAIN);
        check(&case, &rows);
        for settings in settings {
            let (rows, others) = subject.training_set(spine.clone(), settings);
            check(&case, &rows);
            prop_assert!(others == bytes, "{settings:?} give other bytes");
        }
    }
}

proptest! {
    #![proptest_config(long_spines())]

    /// Here the spine is so long that it has to be answered in pieces where there is little memory.
    #[test]
    fn a_long_spine_is_answered_like_its_rows(
        case in cases(),
        settings in vec(settings(), 1..=2),
        (length, stride) in (1_000_usize..4_000, 1_usize..1_000),
        row_group in option::of(100_usize..2_000),
    ) {
        prop_assume!(!case.spine.is_empty());
        let subject = Subject::new(&case);
        let short = spine_batch(&case.spine);
        let (answers, _) = subject.training_set(in_memory(short.clone()), Settings::PLAIN);
        check(&case, &answers);
        // Rows of the short one over and over, in another order each time.
        let which: UInt32Array = (0..length).map(|at| ((at * stride + at / 7) % case.spine.len()) as u32).collect();
        let spine = spine_of(&subject, &take_record_batch(&short, &which).unwrap(), row_group);
        let expected = take_record_batch(&answers, &which).unwrap();
        for mut settings in settings {
            // Where nothing fits, a batch is a pass over the sources.
            settings.batch_size = settings.batch_size.max(length / 20);
            let (rows, _) = subject.training_set(spine.clone(), settings);
            // Columns are compared bit for bit, NaN included.
            prop_assert!(rows == expected, "{settings:?} give other rows for a spine of {length}");
        }
    }
}
