//! The training set is what brute force says, whatever the engine's settings.

use arrow::array::RecordBatch;
use asof_tests::case::Case;
use asof_tests::generate::cases;
use asof_tests::oracle::training_row;
use asof_tests::repository::spine_batch;
use asof_tests::value::value_at;
use proptest::prelude::*;

use crate::config;
use crate::subject::Subject;

/// Settings that cut rows in unpleasant places: rows per batch and partitions.
const SETTINGS: [(usize, usize); 10] = [
    (8192, 1),
    (1, 1),
    (2, 3),
    (7, 2),
    (49, 8),
    (8192, 8),
    (1, 8),
    (2, 5),
    (7, 4),
    (49, 1),
];

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

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn the_training_set_is_what_brute_force_says(case in cases(), settings in proptest::sample::subsequence(&SETTINGS[1..], 2)) {
        let subject = Subject::new(&case);
        let (batch_size, partitions) = SETTINGS[0];
        let (rows, bytes) = subject.training(&case, batch_size, partitions);
        check(&case, &rows);
        let settings = if std::env::var_os("ASOF_LAW_CASES").is_some() { SETTINGS[1..].to_vec() } else { settings };
        for (batch_size, partitions) in settings {
            let (rows, others) = subject.training(&case, batch_size, partitions);
            check(&case, &rows);
            prop_assert!(others == bytes, "batches of {} rows and {} partitions give other bytes", batch_size, partitions);
        }
    }
}
