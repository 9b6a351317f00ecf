//! What names mean inside an expression: the columns of a source's row, or the inputs and request fields of an
//! on-demand view.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use asof_model::nearest;

use crate::error::{ExpressionError, ExpressionErrorKind};

/// The name under which `as_of()` is a column. No column of a request can have it: names have no parentheses.
pub(crate) const AS_OF: &str = "as_of()";

/// How many names a hint lists.
const LISTED: usize = 8;

/// One column that an expression may read.
#[derive(Debug, Clone)]
struct ScopeColumn {
    /// The input it belongs to; `None` for columns of the row or request itself.
    table: Option<String>,
    name: String,
    data_type: DataType,
}

/// The columns that an expression may read.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    columns: Vec<ScopeColumn>,
    /// Whether `columns` is all there is. If not, every name is accepted.
    known: bool,
    /// Whether this is a request's scope, in which `as_of()` has a meaning.
    request: bool,
}

impl Scope {
    /// The row of a source; `None` if its columns are not known.
    pub(crate) fn row(schema: Option<&Schema>) -> Self {
        let fields = schema.map(Schema::fields).into_iter().flatten();
        Self {
            columns: fields
                .map(|field| ScopeColumn {
                    table: None,
                    name: field.name().clone(),
                    data_type: plain(field.data_type()),
                })
                .collect(),
            known: schema.is_some(),
            request: false,
        }
    }

    /// The inputs and request fields of an on-demand view: `(table, column, type)` each.
    pub(crate) fn request(columns: impl Iterator<Item = (Option<String>, String, DataType)>) -> Self {
        Self {
            columns: columns
                .map(|(table, name, data_type)| ScopeColumn { table, name, data_type })
                .collect(),
            known: true,
            request: true,
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    pub(crate) fn has_as_of(&self) -> bool {
        self.request
    }

    /// The columns named in `used`, each nullable, as the schema that expressions are compiled against.
    pub(crate) fn schema(&self, used: &BTreeSet<String>) -> SchemaRef {
        let as_of = used.contains(AS_OF).then(|| {
            let data_type = asof_model::ScalarType::Timestamp.arrow();
            Field::new(AS_OF, data_type, true)
        });
        let mut seen = BTreeSet::new();
        let fields = self.columns.iter().filter_map(|column| {
            let name = flat_name(column.table.as_deref(), &column.name);
            // Two columns of one name: the first one is meant, as everywhere in Arrow.
            (used.contains(&name) && seen.insert(name.clone()))
                .then(|| Field::new(name, column.data_type.clone(), true))
        });
        Arc::new(Schema::new(fields.chain(as_of).collect::<Vec<_>>()))
    }

    /// The flat name of the column that `parts` start with, and how many of the parts it takes.
    pub(crate) fn resolve(&self, parts: &[&str]) -> Result<(String, usize), ExpressionError> {
        let first = parts.first().copied().unwrap_or_default();
        if !self.known || self.has(None, first) {
            return Ok((first.to_owned(), 1));
        }
        match parts.get(1) {
            Some(second) if self.has(Some(first), second) => Ok((flat_name(Some(first), second), 2)),
            _ => Err(self.unknown(parts)),
        }
    }

    fn has(&self, table: Option<&str>, name: &str) -> bool {
        self.columns
            .iter()
            .any(|column| column.table.as_deref() == table && column.name == name)
    }

    fn unknown(&self, parts: &[&str]) -> ExpressionError {
        let written = parts.join(".");
        let error = |message: String, nearest: Option<String>| {
            let hint = nearest.as_ref().map(|near| format!("did you mean `{near}`?").into());
            let name = written.clone();
            let kind = ExpressionErrorKind::UnknownColumn { name, nearest };
            ExpressionError {
                hint,
                ..ExpressionError::new(kind, message)
            }
        };
        let all: BTreeSet<String> = self
            .columns
            .iter()
            .map(|column| flat_name(column.table.as_deref(), &column.name))
            .collect();
        let what = if self.request {
            "input or request field"
        } else {
            "column"
        };
        let tables: BTreeSet<&str> = self.columns.iter().filter_map(|c| c.table.as_deref()).collect();
        if let [table, name, ..] = parts
            && self.request
        {
            if !tables.contains(table) {
                let near = nearest::nearest(table, tables.iter().copied()).map(|near| format!("{near}.{name}"));
                let error = error(format!("`{table}` is not an input of this view"), near);
                return or_list(error, "its inputs are", tables.into_iter());
            }
            let of_table = || self.columns.iter().filter(|c| c.table.as_deref() == Some(table));
            let near =
                nearest::nearest(name, of_table().map(|c| c.name.as_str())).map(|near| format!("{table}.{near}"));
            let error = error(format!("`{table}` has no feature `{name}`"), near);
            return or_list(error, "it has", of_table().map(|c| c.name.as_str()));
        }
        let last = parts.last().copied().unwrap_or_default();
        let qualified = all
            .iter()
            .find(|flat| flat.split_once('.').is_some_and(|(_, name)| name == last));
        let near = match qualified {
            Some(flat) if self.request => Some(flat.as_str()),
            // The source's name in front of one of its columns.
            _ if all.contains(last) => Some(last),
            _ => nearest::nearest(&written, all.iter().map(String::as_str)),
        };
        let error = error(format!("there is no {what} `{written}`"), near.map(str::to_owned));
        or_list(error, "there are", all.iter().map(String::as_str))
    }
}

/// Gives an error without a hint the list of what there is.
fn or_list<'a>(error: ExpressionError, lead: &str, names: impl Iterator<Item = &'a str>) -> ExpressionError {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if error.hint.is_some() || names.is_empty() {
        return error;
    }
    let more = if names.len() > LISTED { ", …" } else { "" };
    let listed = names[..names.len().min(LISTED)].join(", ");
    error.hint(format!("{lead} {listed}{more}"))
}

/// The one name of a column: `table.column`, or `column`.
pub(crate) fn flat_name(table: Option<&str>, name: &str) -> String {
    match table {
        Some(table) => format!("{table}.{name}"),
        None => name.to_owned(),
    }
}

/// The type in which a column is handed to expressions: encodings that pack repeated values are undone, because an
/// operator may look at packed values that no row of the batch has.
pub(crate) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        other => other.clone(),
    }
}
