//! The online answer at a time is the training row at that time, statuses included.

use asof_model::{FeatureStatus, Timestamp};
use asof_serving::Response;
use asof_tests::case::{Case, SpineRow, View};
use asof_tests::generate::cases;
use asof_tests::oracle::{Answer, answer, key_of, training_row};
use asof_tests::repository::spine_batch;
use asof_tests::value::{Value, value_at};
use proptest::prelude::*;

use crate::config;
use crate::subject::{Subject, in_memory};
use crate::training::{self, settings};

/// What each feature of the answer must say of `row`: value, status, event time.
fn expected(case: &Case, row: &SpineRow) -> Vec<(Value, FeatureStatus, Option<i64>)> {
    let mut all = Vec::new();
    let mut of_view = |view: &View, number: &Value| {
        let answer = answer(view, &key_of(view, row, number), row.at);
        for (feature, _) in view.features().iter().enumerate() {
            all.push(match &answer {
                Answer::NotFound => (Value::Null, FeatureStatus::NotFound, None),
                Answer::OutsideMaxAge(event) => (Value::Null, FeatureStatus::OutsideMaxAge, Some(*event)),
                Answer::Row(event, values) => (values[feature].clone(), of_value(&values[feature]), Some(*event)),
            });
        }
    };
    for view in &case.views {
        of_view(view, &row.number);
    }
    if let Some(view) = case.aliased() {
        of_view(view, &row.other);
    }
    let looked_up = all.len();
    let on_demand = training_row(case, row).split_off(looked_up);
    all.extend(
        on_demand
            .into_iter()
            .map(|value| (value.clone(), of_value(&value), None)),
    );
    all
}

fn of_value(value: &Value) -> FeatureStatus {
    if *value == Value::Null {
        FeatureStatus::NullValue
    } else {
        FeatureStatus::Present
    }
}

fn check(case: &Case, response: &Response) {
    assert_eq!(response.rows, case.spine.len());
    for (row, spine_row) in case.spine.iter().enumerate() {
        let got: Vec<_> = response
            .features
            .iter()
            .map(|feature| {
                let event = feature.event_times[row].map(Timestamp::micros);
                (value_at(&feature.values, row), feature.statuses[row], event)
            })
            .collect();
        assert_eq!(got, expected(case, spine_row), "row {row}: {spine_row:?}");
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn the_online_answer_is_the_training_row(case in cases(), settings in settings()) {
        // Every row is asked at the time of the lookup.
        let mut case = case;
        for row in &mut case.spine {
            row.at = case.now;
        }
        let subject = Subject::new(&case);
        training::check(&case, &subject.training_set(in_memory(spine_batch(&case.spine)), settings).0);
        check(&case, &subject.online(&case, settings));
    }
}
