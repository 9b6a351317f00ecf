//! A case as a feature repository: YAML text and record batches.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};

use crate::case::{Body, COLUMNS, Case, File, Key, SpineRow, View};
use crate::value::{Kind, Value, to_array};

/// The definitions of `case`, with the sources at `data/<view>/`.
pub fn definitions(case: &Case) -> String {
    let mut yaml = String::from(
        "entities:\n\
         \x20 - {name: number, join_keys: [{name: number, type: int64}]}\n\
         \x20 - {name: word, join_keys: [{name: word, type: string}]}\n\
         sources:\n",
    );
    for view in &case.views {
        let name = &view.name;
        let _ = writeln!(
            yaml,
            "  - {{name: {name}, parquet: {{path: data/{name}/}}, event_time: event, created_time: created}}"
        );
    }
    yaml.push_str("feature_views:\n");
    for view in &case.views {
        yaml.push_str(&feature_view(view));
    }
    if case.on_demand {
        let input = format!("v0.{}", case.views[0].features()[0].0);
        let _ = writeln!(
            yaml,
            "on_demand_feature_views:\n  - name: extra\n    request: [{{name: request, type: int64}}]\n    \
             inputs: [v0]\n    features:\n      \
             - {{name: missing, type: bool, expr: \"{input} is null\"}}\n      \
             - {{name: next, type: int64, expr: \"request + 1\"}}\n      \
             - {{name: asked_at, type: timestamp, expr: \"as_of()\"}}"
        );
    }
    yaml.push_str("feature_services:\n  - name: all\n    features:\n");
    for view in &case.views {
        let _ = writeln!(yaml, "      - {}", view.name);
    }
    if let Some(view) = case.aliased() {
        let _ = writeln!(
            yaml,
            "      - {{view: {}, as: again, join_key_map: {{number: other}}}}",
            view.name
        );
    }
    if case.on_demand {
        yaml.push_str("      - extra\n");
    }
    yaml
}

fn feature_view(view: &View) -> String {
    let entities: Vec<&str> = view
        .keys
        .iter()
        .map(|key| if *key == Key::Number { "number" } else { "word" })
        .collect();
    let mut yaml = format!(
        "  - name: {0}\n    source: {0}\n    entities: [{1}]\n",
        view.name,
        entities.join(", ")
    );
    if let Some(ttl) = view.ttl {
        let _ = writeln!(yaml, "    ttl: {ttl}us");
    }
    if let Some(lag) = view.lag {
        let _ = writeln!(yaml, "    availability_lag: {lag}us");
    }
    if view.visible_from_created {
        yaml.push_str("    visible_from: created_time\n");
    }
    let names = view.features();
    match &view.body {
        Body::Rows(features) => {
            yaml.push_str("    features:\n");
            for (feature, (name, kind)) in features.iter().zip(&names) {
                let _ = writeln!(
                    yaml,
                    "      - {{name: {name}, type: {}, expr: \"{}\"}}",
                    kind.yaml(),
                    feature.sql()
                );
            }
        }
        Body::Windows(every, features) => {
            let _ = writeln!(yaml, "    aggregation:\n      every: {every}us\n      features:");
            for ((aggregate, window), (name, kind)) in features.iter().zip(&names) {
                let _ = writeln!(
                    yaml,
                    "        - {{name: {name}, type: {}, expr: \"{}\", window: {window}us}}",
                    kind.yaml(),
                    aggregate.sql()
                );
            }
        }
    }
    yaml
}

/// The rows of one source file.
pub fn source_batch(file: &File) -> RecordBatch {
    let rows = &file.rows;
    let time = |time: Option<i64>| time.map_or(Value::Null, Value::Time);
    let mut columns = vec![
        (
            "number",
            Kind::Int64,
            rows.iter().map(|row| row.number.clone()).collect::<Vec<_>>(),
        ),
        ("word", Kind::Text, rows.iter().map(|row| row.word.clone()).collect()),
        ("event", Kind::Time, rows.iter().map(|row| time(row.event)).collect()),
        (
            "created",
            Kind::Time,
            rows.iter().map(|row| time(row.created)).collect(),
        ),
    ];
    for (at, (name, kind)) in COLUMNS.into_iter().enumerate() {
        if !file.lacks.contains(&at) {
            columns.push((name, kind, rows.iter().map(|row| row.columns[at].clone()).collect()));
        }
    }
    batch(&columns, |name, array| {
        let narrow = match name {
            "number" | "n" => DataType::Int32,
            "i" => DataType::Int16,
            "f" => DataType::Float32,
            _ => return array,
        };
        if file.is_narrow {
            cast(&array, &narrow).expect("numbers are cast to numbers")
        } else {
            array
        }
    })
}

/// The spine, with a label column of row numbers.
pub fn spine_batch(rows: &[SpineRow]) -> RecordBatch {
    let label = (0_i64..).take(rows.len()).map(Value::Int64).collect();
    let columns = [
        ("label", Kind::Int64, label),
        (
            "event_timestamp",
            Kind::Time,
            rows.iter().map(|row| Value::Time(row.at)).collect(),
        ),
        (
            "number",
            Kind::Int64,
            rows.iter().map(|row| row.number.clone()).collect(),
        ),
        ("word", Kind::Text, rows.iter().map(|row| row.word.clone()).collect()),
        ("other", Kind::Int64, rows.iter().map(|row| row.other.clone()).collect()),
        (
            "request",
            Kind::Int64,
            rows.iter().map(|row| row.request.clone()).collect(),
        ),
    ];
    batch(&columns, |_, array| array)
}

/// A batch of the columns, each as `dress` leaves it.
fn batch(columns: &[(&str, Kind, Vec<Value>)], dress: impl Fn(&str, ArrayRef) -> ArrayRef) -> RecordBatch {
    let arrays: Vec<_> = columns
        .iter()
        .map(|(name, kind, values)| dress(name, to_array(*kind, values)))
        .collect();
    let fields: Vec<Field> = columns
        .iter()
        .zip(&arrays)
        .map(|((name, ..), array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")
}
