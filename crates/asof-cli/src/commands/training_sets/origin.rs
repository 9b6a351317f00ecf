//! Where each value of a row comes from, for people and as JSON.

use arrow::array::ArrayRef;
use asof_model::TimeSpan;
use asof_model::definition::ViewBody;
use asof_model::retrieval::{RetrievalPlan, ValueRef};
use asof_offline::{RejectedRow, Rejection, RowTrace, StepTrace, TracedAnswer, TracedRow, TracedValue};
use asof_serving::json::values;
use serde_json::{Map, Value, json};

use crate::commands::get_online_features::show;
use crate::table::plural;

/// A traced row of a training set.
pub(super) struct Origins<'a> {
    pub(super) plan: &'a RetrievalPlan,
    pub(super) trace: &'a RowTrace,
    /// The values that the training set has, output by output.
    pub(super) made: &'a [Value],
}

impl Origins<'_> {
    /// The features whose value now is not the one that the training set has.
    pub(super) fn differing(&self) -> Vec<&str> {
        let outputs = self.plan.outputs.iter().zip(self.made);
        outputs
            .filter(|(output, made)| self.value(output.from) != **made)
            .map(|(output, _)| output.name.as_str())
            .collect()
    }

    fn value(&self, from: ValueRef) -> Value {
        let values = match from {
            ValueRef::Lookup { lookup, feature } => &self.trace.lookups[lookup].values[feature],
            ValueRef::OnDemand { step, feature } => &self.trace.steps[step].values[feature],
        };
        first(&values.value)
    }

    /// One object per feature of the training set, in its order.
    pub(super) fn json(&self) -> Vec<Value> {
        let outputs = self.plan.outputs.iter().zip(self.made);
        outputs
            .map(|(output, made)| {
                let mut object = Map::new();
                object.insert("name".to_owned(), json!(output.name));
                object.insert("value".to_owned(), made.clone());
                self.describe(output.from, &mut object);
                Value::Object(object)
            })
            .collect()
    }

    /// Adds where a value comes from.
    fn describe(&self, from: ValueRef, object: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        match from {
            ValueRef::Lookup { lookup, feature } => {
                let trace = &self.trace.lookups[lookup];
                put("view", json!(trace.view.as_str()));
                put("feature", json!(trace.values[feature].feature.as_str()));
                put("source", json!(trace.source.as_str()));
                let keys = trace.keys.iter().map(|(column, value)| (column.clone(), first(value)));
                put("keys", Value::Object(keys.collect()));
                put("rows_of_key", json!(trace.rows_of_key));
                match &trace.answer {
                    TracedAnswer::NullKey => {
                        put("row", Value::Null);
                    }
                    TracedAnswer::Row(row) => {
                        put("row", row.as_ref().map_or(Value::Null, row_json));
                    }
                    TracedAnswer::Cutoff { cutoff, windows } => {
                        put("cutoff", json!(cutoff.map(|cutoff| cutoff.to_string())));
                        let own = self.window(lookup, feature);
                        put("window", json!(own.map(|window| window.to_string())));
                        let windows = windows.iter().map(|window| {
                            json!({
                                "window": window.window.to_string(),
                                "rows": window.rows,
                                "first": window.first.as_ref().map(row_json),
                                "last": window.last.as_ref().map(row_json),
                            })
                        });
                        put("windows", windows.collect());
                    }
                }
                put("rejected", trace.rejected.iter().map(rejected_json).collect());
            }
            ValueRef::OnDemand { step, feature } => {
                let trace = &self.trace.steps[step];
                put("view", json!(trace.view.as_str()));
                put("feature", json!(trace.values[feature].feature.as_str()));
                let inputs = trace.inputs.iter().enumerate().map(|(at, (name, value))| {
                    let mut input = Map::new();
                    input.insert("name".to_owned(), json!(name));
                    input.insert("value".to_owned(), first(value));
                    match self.plan.on_demand[step].inputs.get(at) {
                        Some(from) => self.describe(from.from, &mut input),
                        None => {
                            input.insert("request".to_owned(), json!(true));
                        }
                    }
                    Value::Object(input)
                });
                put("inputs", inputs.collect());
            }
        }
    }

    /// The window of a feature of an aggregated view.
    fn window(&self, lookup: usize, feature: usize) -> Option<TimeSpan> {
        let lookup = &self.plan.lookups[lookup];
        match &lookup.view.body {
            ViewBody::Windows(aggregation) => Some(aggregation.features[lookup.features[feature]].window),
            ViewBody::Rows(_) => None,
        }
    }

    /// View by view.
    pub(super) fn human(&self) -> String {
        let lookups = (0..self.trace.lookups.len()).map(|at| self.lookup(at));
        let steps = self.trace.steps.iter().map(step_text);
        lookups.chain(steps).collect::<Vec<_>>().join("\n\n")
    }

    fn lookup(&self, at: usize) -> String {
        let trace = &self.trace.lookups[at];
        let keys = trace
            .keys
            .iter()
            .map(|(column, value)| format!("{column} = {}", text(value)));
        let keys = keys.collect::<Vec<_>>().join(", ");
        let on = if keys.is_empty() {
            String::new()
        } else {
            format!(" of {keys}")
        };
        let mut lines = vec![format!("{}{on}", trace.view)];
        lines.extend(value_lines(&trace.values));
        let rows = plural(trace.rows_of_key, "row", "rows");
        match &trace.answer {
            TracedAnswer::NullKey => lines.push("  a join key is null, so nothing matches".to_owned()),
            TracedAnswer::Row(Some(row)) => lines.push(format!("  from            {}", row_text(row))),
            TracedAnswer::Row(None) | TracedAnswer::Cutoff { cutoff: None, .. } => {
                lines.push(format!(
                    "  nothing answers, of {rows} of `{}` with this key",
                    trace.source
                ));
            }
            TracedAnswer::Cutoff {
                cutoff: Some(cutoff),
                windows,
            } => {
                lines.push(format!("  from            the cutoff {cutoff}"));
                for window in windows {
                    lines.push(format!(
                        "  {:<15} {}",
                        format!("window {}", window.window),
                        plural(window.rows, "row", "rows")
                    ));
                    let end = |what: &str, row: &Option<TracedRow>| {
                        row.as_ref().map(|row| format!("    {what:<13} {}", row_text(row)))
                    };
                    lines.extend(end("first", &window.first));
                    lines.extend(end("last", &window.last).filter(|_| window.rows > 1));
                }
            }
        }
        for rejected in &trace.rejected {
            lines.push(format!("  {:<15} {}", reason(rejected.reason), row_text(&rejected.row)));
        }
        lines.join("\n")
    }
}

fn step_text(step: &StepTrace) -> String {
    let mut lines = vec![format!("{} (on demand)", step.view)];
    lines.extend(value_lines(&step.values));
    let inputs = step.inputs.iter();
    lines.extend(inputs.map(|(name, value)| format!("  from            {name} = {}", text(value))));
    lines.join("\n")
}

fn value_lines(values: &[TracedValue]) -> impl Iterator<Item = String> {
    values
        .iter()
        .map(|value| format!("  {} = {}", value.feature, text(&value.value)))
}

fn row_text(row: &TracedRow) -> String {
    let created = row.created_time.map(|created| format!(", created {created}"));
    format!(
        "{} row {} (row group {}, its row {}), event {}{}",
        row.file,
        row.row,
        row.row_group,
        row.row_in_group,
        row.event_time,
        created.unwrap_or_default()
    )
}

fn row_json(row: &TracedRow) -> Value {
    json!({
        "file": row.file,
        "row": row.row,
        "row_group": row.row_group,
        "row_in_group": row.row_in_group,
        "event_time": row.event_time.to_string(),
        "created_time": row.created_time.map(|created| created.to_string()),
    })
}

fn rejected_json(rejected: &RejectedRow) -> Value {
    let mut json = row_json(&rejected.row);
    json["reason"] = json!(reason(rejected.reason).replace(' ', "_"));
    json
}

fn reason(reason: Rejection) -> &'static str {
    match reason {
        Rejection::Future => "future",
        Rejection::NotYetVisible => "not yet visible",
        Rejection::Expired => "expired",
        Rejection::Superseded => "superseded",
    }
}

fn first(value: &ArrayRef) -> Value {
    values(value).into_iter().next().unwrap_or(Value::Null)
}

fn text(value: &ArrayRef) -> String {
    show(&first(value))
}
