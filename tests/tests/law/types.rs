//! Every type of key and of value, in other clothes in the source and in the spine, up to the online answer.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, TimeUnit};
use asof_model::{FeatureStatus, Timestamp};
use asof_testkit::{Table, TempRepository, write_parquet};

use crate::subject::{Settings, Subject, in_memory};

/// A type with three of its values.
struct Sample {
    name: &'static str,
    values: ArrayRef,
    /// How the source holds them.
    source: DataType,
}

fn sample(name: &'static str, values: impl Array + 'static, source: DataType) -> Sample {
    let values = Arc::new(values);
    Sample { name, values, source }
}

fn times(values: Vec<Option<i64>>) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(values).with_timezone("UTC")
}

const NANOS: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The types of features. Each array type comes with the scalar type that its items have.
fn features() -> Vec<Sample> {
    let quiet = [0x7ff8_0000_0000_0abc, 0x8000_0000_0000_0000, 0xfff8_0000_0000_0123].map(f64::from_bits);
    let narrow = [0x7fc0_0abc, 0x8000_0000, 0xffc0_0123].map(f32::from_bits);
    vec![
        sample(
            "bool",
            BooleanArray::from(vec![Some(true), None, Some(false)]),
            DataType::Boolean,
        ),
        sample(
            "int32",
            Int32Array::from(vec![Some(1), None, Some(-128)]),
            DataType::Int8,
        ),
        sample(
            "int64",
            Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]),
            DataType::Int64,
        ),
        sample("float32", Float32Array::from(narrow.to_vec()), DataType::Float32),
        sample("float64", Float64Array::from(quiet.to_vec()), DataType::Float64),
        sample(
            "string",
            StringArray::from(vec![Some(""), Some("a\0é"), None]),
            dictionary(),
        ),
        sample(
            "bytes",
            BinaryArray::from_opt_vec(vec![Some(b""), Some(b"\xff\0"), None]),
            DataType::LargeBinary,
        ),
        sample("timestamp", times(vec![Some(-1), None, Some(1_001)]), NANOS),
    ]
}

/// The types of join keys with how the spine holds them. No two keys of one type are equal.
fn keys() -> Vec<(Sample, DataType)> {
    let zone = DataType::Timestamp(TimeUnit::Millisecond, Some("+02:00".into()));
    vec![
        (
            sample("string", StringArray::from(vec!["", "a", "é"]), DataType::LargeUtf8),
            dictionary(),
        ),
        (
            sample(
                "bytes",
                BinaryArray::from_vec(vec![b"", b"\0", b"\xff\0"]),
                DataType::LargeBinary,
            ),
            DataType::BinaryView,
        ),
        (
            sample(
                "bool",
                BooleanArray::from(vec![Some(true), Some(false), None]),
                DataType::Boolean,
            ),
            DataType::Boolean,
        ),
        (
            sample("int32", Int32Array::from(vec![0, 1, -1]), DataType::Int16),
            DataType::Int32,
        ),
        (
            sample("int64", Int64Array::from(vec![0, 1, -1]), DataType::Int32),
            DataType::Int32,
        ),
        (
            sample(
                "timestamp",
                times(vec![Some(0), Some(-1_000), Some(86_400_000_000)]),
                NANOS,
            ),
            zone,
        ),
    ]
}

/// A list of two, an empty list, and a list of one.
fn lists(items: &ArrayRef) -> ArrayRef {
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths([2, 0, 1]);
    Arc::new(ListArray::new(field, offsets, Arc::clone(items), None))
}

/// The name in the YAML and the three values of every feature.
fn all_features() -> Vec<(String, String, ArrayRef, DataType)> {
    let mut all = Vec::new();
    for Sample { name, values, source } in features() {
        let large = DataType::LargeList(Arc::new(Field::new_list_field(source.clone(), true)));
        all.push((format!("many_{name}"), format!("array<{name}>"), lists(&values), large));
        all.push((format!("one_{name}"), name.to_owned(), values, source));
    }
    all
}

/// One view of all features per type of key.
fn definitions() -> String {
    let mut yaml = "sources: [{name: s, parquet: {path: data.parquet}, event_time: day}]\nentities:\n".to_owned();
    for (Sample { name, .. }, _) in keys() {
        let _ = writeln!(
            yaml,
            "  - {{name: e_{name}, join_keys: [{{name: k_{name}, type: {name}}}]}}"
        );
    }
    yaml.push_str("feature_views:\n");
    for (Sample { name, .. }, _) in keys() {
        let _ = writeln!(
            yaml,
            "  - name: by_{name}\n    entities: [e_{name}]\n    source: s\n    features:"
        );
        for (feature, value_type, ..) in all_features() {
            let _ = writeln!(
                yaml,
                "      - {{name: {feature}_by_{name}, type: {value_type}, expr: {feature}}}"
            );
        }
    }
    let views: Vec<String> = keys().iter().map(|(key, _)| format!("by_{}", key.name)).collect();
    let _ = writeln!(
        yaml,
        "feature_services: [{{name: all, features: [{}]}}]",
        views.join(", ")
    );
    yaml
}

fn source() -> RecordBatch {
    let mut table = Table::new().column("day", Arc::new(Date32Array::from(vec![10; 3])));
    for (key, _) in keys() {
        table = table.column(&format!("k_{}", key.name), cast(&key.values, &key.source).unwrap());
    }
    for (name, _, values, source) in all_features() {
        table = table.column(&name, cast(&values, &source).unwrap());
    }
    table.batch()
}

/// Which row of the source each row of the spine asks for.
fn asked() -> UInt32Array {
    UInt32Array::from(vec![Some(2), Some(0), None, Some(1), Some(0)])
}

fn spine() -> RecordBatch {
    let mut table = Table::new().column("event_timestamp", Arc::new(Date32Array::from(vec![10; 5])));
    for (key, dress) in keys() {
        let keys = take(&key.values, &asked(), None).unwrap();
        table = table.column(&format!("k_{}", key.name), cast(&keys, &dress).unwrap());
    }
    table.batch()
}

#[test]
fn every_type_of_key_and_value_comes_through_both_sides_bit_for_bit() {
    let folder = TempRepository::new(&[]).unwrap();
    write_parquet(folder.file("data.parquet"), &[source()]).unwrap();
    let subject = Subject::of(folder, &definitions());
    let spine = spine();
    let settings = Settings {
        batch_size: 2,
        partitions: 3,
        ..Settings::PLAIN
    };
    let (training, _) = subject.training_set(in_memory(spine.clone()), settings);
    let own: Vec<usize> = (0..spine.num_columns()).collect();
    assert_eq!(training.project(&own).unwrap(), spine, "the spine stays as it is");
    let online = subject.answer(&spine, Timestamp::from_micros(10 * 86_400_000_000), settings);
    let mut at = 0;
    for (key, _) in keys() {
        // A null key matches nothing.
        let matched: UInt32Array = asked()
            .iter()
            .map(|row| row.filter(|row| key.values.is_valid(*row as usize)))
            .collect();
        for (feature, _, values, _) in all_features() {
            let expected = take(&values, &matched, None).unwrap();
            let name = format!("by_{0}__{feature}_by_{0}", key.name);
            let trained = training.column_by_name(&name).unwrap();
            // Data are compared by their bits, NaN and -0.0 included.
            assert_eq!(trained.to_data(), expected.to_data(), "{name} of the training set");
            let answer = &online.features[at];
            assert_eq!(answer.output.name, name);
            assert_eq!(answer.values.to_data(), expected.to_data(), "{name} online");
            let statuses = (0..5).map(|row| match (matched.is_valid(row), expected.is_valid(row)) {
                (false, _) => FeatureStatus::NotFound,
                (true, false) => FeatureStatus::NullValue,
                (true, true) => FeatureStatus::Present,
            });
            assert_eq!(answer.statuses, statuses.collect::<Vec<_>>(), "{name}");
            at += 1;
        }
    }
    assert_eq!(online.features.len(), at);
}
