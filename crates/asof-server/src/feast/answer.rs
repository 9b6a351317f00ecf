//! An answer in Feast's shape: the join keys as columns, then the features.

use arrow::array::Array;
use asof_model::{FeatureStatus, Timestamp};
use asof_proto::feast::serving::get_online_features_response::FeatureVector;
use asof_proto::feast::serving::{
    FeatureList, FieldStatus, GetOnlineFeaturesResponse, GetOnlineFeaturesResponseMetadata,
};
use asof_serving::Response;

use super::value;

pub(super) fn write(response: &Response) -> GetOnlineFeaturesResponse {
    let mut names = Vec::with_capacity(response.keys.len() + response.features.len());
    let mut results = Vec::with_capacity(names.capacity());
    for (name, key) in &response.keys {
        let status = |row| {
            if key.is_null(row) {
                FieldStatus::NullValue
            } else {
                FieldStatus::Present
            }
        };
        names.push(name.to_string());
        results.push(FeatureVector {
            values: value::to_wire(key),
            statuses: (0..key.len()).map(|row| status(row).into()).collect(),
            event_timestamps: vec![time(None); key.len()],
        });
    }
    for feature in &response.features {
        names.push(feature.output.name.clone());
        results.push(FeatureVector {
            values: value::to_wire(&feature.values),
            statuses: feature.statuses.iter().map(|s| field_status(*s).into()).collect(),
            event_timestamps: feature.event_times.iter().copied().map(time).collect(),
        });
    }
    GetOnlineFeaturesResponse {
        metadata: Some(GetOnlineFeaturesResponseMetadata {
            feature_names: Some(FeatureList { val: names }),
            feature_view_metadata: Vec::new(),
        }),
        results,
        status: false,
    }
}

fn field_status(status: FeatureStatus) -> FieldStatus {
    match status {
        FeatureStatus::Present => FieldStatus::Present,
        FeatureStatus::NullValue => FieldStatus::NullValue,
        FeatureStatus::NotFound => FieldStatus::NotFound,
        FeatureStatus::OutsideMaxAge => FieldStatus::OutsideMaxAge,
    }
}

/// The epoch where there is no time.
fn time(time: Option<Timestamp>) -> prost_types::Timestamp {
    let micros = time.map_or(0, Timestamp::micros);
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: (micros.rem_euclid(1_000_000) * 1_000) as i32,
    }
}
