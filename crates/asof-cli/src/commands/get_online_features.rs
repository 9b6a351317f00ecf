//! `asof get-online-features`: feature vectors from the online store.

use std::collections::BTreeMap;

use asof_model::definition::RequestField;
use asof_model::retrieval::FeatureNames;
use asof_model::{ScalarType, Timestamp, ValueType};
use asof_serving::json::{self, JsonRequest};
use asof_serving::{FeatureServer, Prepared, Response, Selection};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::clock;
use crate::args::Global;
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::table::table;
use crate::workspace::Workspace;

const EXAMPLES: &str = "\
Examples:
  asof get-online-features --service acceptance_model --entity driver_id=1001 --request pickup_distance_km=7.5
  asof get-online-features --features driver_hourly:conv_rate --entity driver_id=1001 --entity driver_id=1002
  asof get-online-features --features trips:count --entity origin=JFK,carrier=B6 --output json";

/// Which features are asked for: a service, or a list.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SelectionArgs {
    /// A feature service.
    #[arg(long, value_name = "S")]
    service: Option<String>,
    /// Features, each as view:feature, or a view for all of its features.
    #[arg(long, value_name = "V:F,…", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    features: Vec<String>,
}

impl SelectionArgs {
    /// The selection of one service.
    pub(crate) fn service(name: &str) -> Self {
        Self {
            service: Some(name.to_owned()),
            features: Vec::new(),
        }
    }

    /// The same as a value.
    pub(crate) fn selection(&self) -> Selection {
        match &self.service {
            Some(service) => Selection::Service(service.clone()),
            None => Selection::Features(self.features.clone()),
        }
    }
}

/// Options of `asof get-online-features`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OnlineArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// The join keys of one entity row; give it once per row.
    #[arg(long = "entity", value_name = "K=V[,K=V]")]
    entities: Vec<String>,
    /// Request fields, the same for every row.
    #[arg(long = "request", value_name = "F=V,…")]
    request: Vec<String>,
    /// Call features view__feature.
    #[arg(long)]
    full_feature_names: bool,
    /// Answer as of this time instead of now (RFC 3339).
    #[arg(long, value_name = "T")]
    as_of: Option<Timestamp>,
}

pub(crate) async fn run(global: &Global, args: &OnlineArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let snapshot = workspace.live(printer).await?;
    let store = workspace.online_store().await?;
    let server = FeatureServer::new(store, clock(args.as_of));
    server.load(snapshot.version.0, snapshot.definitions.clone())?;
    let names = if args.full_feature_names {
        FeatureNames::Full
    } else {
        FeatureNames::Short
    };
    let selection = args.selection.selection();
    let prepared = server.prepare(&selection, names)?;
    let request = JsonRequest {
        selection,
        names,
        columns: columns(&prepared, args)?,
    };
    let (columns, rows) = request.columns(&prepared)?;
    let response = prepared.answer(&columns, rows).await?;
    printer.result(|| human(&response), || json::response(&response));
    Ok(())
}

/// The values of each column, one per row.
fn columns(prepared: &Prepared, args: &OnlineArgs) -> CliResult<BTreeMap<String, Vec<Value>>> {
    let mut columns: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (at, entity) in args.entities.iter().enumerate() {
        for (name, text) in assignments(entity)? {
            let values = columns.entry(name.to_owned()).or_default();
            if values.len() != at {
                let problem = if values.len() > at {
                    "is given twice"
                } else {
                    "is missing in an earlier --entity"
                };
                return Err(CliError::refused(format!("`{name}` of --entity {entity} {problem}")));
            }
            values.push(value(prepared.input(name)?, text)?);
        }
    }
    let rows = args.entities.len().max(1);
    for request in &args.request {
        for (name, text) in assignments(request)? {
            let value = value(prepared.input(name)?, text)?;
            if columns.insert(name.to_owned(), vec![value; rows]).is_some() {
                return Err(CliError::refused(format!("`{name}` is given twice")));
            }
        }
    }
    Ok(columns)
}

/// The parts of `k=v,k=v`. A comma belongs to the value before it unless a name and `=` follow.
fn assignments(text: &str) -> CliResult<Vec<(&str, &str)>> {
    let mut parts: Vec<(&str, &str)> = Vec::new();
    let mut rest = text;
    loop {
        let Some((name, tail)) = rest.split_once('=') else {
            return Err(CliError::refused(format!("`{rest}` is not of the form name=value")));
        };
        let next = tail.match_indices(',').map(|(at, _)| at).find(|at| {
            tail[at + 1..]
                .split_once('=')
                .is_some_and(|(name, _)| asof_model::check_name(name).is_ok())
        });
        let Some(at) = next else {
            parts.push((name, tail));
            return Ok(parts);
        };
        parts.push((name, &tail[..at]));
        rest = &tail[at + 1..];
    }
}

/// `text` as a JSON value for a column; `null` is null, but for columns of text.
///
/// # Errors
/// When it is no value of the column's type; what only JSON's reader can tell is left to it.
fn value(column: &RequestField, text: &str) -> CliResult<Value> {
    let scalar = match column.value_type {
        ValueType::Scalar(scalar) => scalar,
        ValueType::Array(_) => return Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into())),
    };
    let parsed = match scalar {
        ScalarType::String | ScalarType::Bytes => return Ok(text.into()),
        _ if text == "null" => return Ok(Value::Null),
        ScalarType::Timestamp => return Ok(text.into()),
        ScalarType::Bool => text.parse::<bool>().ok().map(Value::from),
        ScalarType::Int32 => text.parse::<i32>().ok().map(Value::from),
        ScalarType::Int64 => text.parse::<i64>().ok().map(Value::from),
        ScalarType::Float32 | ScalarType::Float64 => text.parse::<f64>().ok().map(float),
    };
    parsed.ok_or_else(|| CliError::refused(format!("`{text}` is no {scalar}, as `{}` wants", column.name)))
}

/// JSON has no such numbers as infinity and NaN; its reader takes them as text.
fn float(number: f64) -> Value {
    match serde_json::Number::from_f64(number) {
        Some(number) => number.into(),
        None if number.is_nan() => "NaN".into(),
        None if number > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// One table per row: feature, value, status and the age of the row it comes from.
fn human(response: &Response) -> String {
    let keys: Vec<_> = response
        .keys
        .iter()
        .map(|(name, column)| (name, json::values(column)))
        .collect();
    let features: Vec<_> = response
        .features
        .iter()
        .map(|feature| (feature, json::values(&feature.values)))
        .collect();
    let blocks = (0..response.rows).map(|row| {
        let key: Vec<String> = keys
            .iter()
            .map(|(name, values)| format!("{name}={}", show(&values[row])))
            .collect();
        let lines = features.iter().map(|(feature, values)| {
            let time = feature.event_times[row].map_or_else(String::new, |time| time.to_string());
            vec![
                feature.output.name.clone(),
                show(&values[row]),
                feature.statuses[row].to_string(),
                time,
            ]
        });
        let title = if key.is_empty() {
            String::new()
        } else {
            format!("{}\n", key.join(", "))
        };
        format!(
            "{title}{}",
            table(&["feature", "value", "status", "event time"], &[], lines)
        )
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// A JSON value as a person writes it: text without quotes, nothing as `-`.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_starts_a_new_name_only_before_an_equals_sign() {
        let parts = |text| assignments(text).map_err(|_| ());
        assert_eq!(parts("a=1,b=2"), Ok(vec![("a", "1"), ("b", "2")]));
        assert_eq!(parts("a=x,y"), Ok(vec![("a", "x,y")]));
        assert_eq!(parts("a="), Ok(vec![("a", "")]));
        assert_eq!(parts("a=b=c"), Ok(vec![("a", "b=c")]));
        assert_eq!(parts("a"), Err(()));
    }
}
