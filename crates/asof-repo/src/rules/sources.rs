//! Definitions fit the schemas of their sources: columns are there, types fit, expressions have the types declared.

use std::collections::{BTreeMap, HashMap};

use arrow::datatypes::{DataType, Schema, SchemaRef};
use asof_model::conform::{can_conform, type_name};
use asof_model::{ScalarType, SourceName, ValueType};

use super::sql;
use crate::syntax::{EntitySyntax, SourceSyntax, Syntax, TimeSyntax, ViewSyntax};
use crate::text::{Sink, Span};
use crate::{DiagnosticCode, ExpressionChecker};

/// Reports what does not fit. Sources that `schemas` does not hold are passed over.
pub(crate) fn check_sources(
    sink: &mut Sink,
    syntax: &Syntax,
    schemas: &BTreeMap<SourceName, Result<SchemaRef, String>>,
    checker: Option<&dyn ExpressionChecker>,
) {
    let entities = syntax
        .entities
        .iter()
        .map(|entity| (entity.name.value.as_str(), entity));
    let entities: HashMap<&str, &EntitySyntax> = entities.collect();
    for source in &syntax.sources {
        let schema = match schemas.get(source.name.value.as_str()) {
            None => continue,
            Some(Ok(schema)) => schema,
            Some(Err(problem)) => {
                let span = source.path.as_ref().map_or(source.name.span, |path| path.span);
                let message = format!("source `{}` cannot be read: {problem}", source.name.value);
                sink.error(DiagnosticCode::SourceUnreadable, span, message)
                    .hint("`--no-sources` validates without looking at sources");
                continue;
            }
        };
        let columns: Vec<(String, DataType)> = schema
            .fields()
            .iter()
            .map(|field| (field.name().clone(), field.data_type().clone()))
            .collect();
        let mut data = Data { sink, source, schema };
        for (time, what) in [
            (&source.event_time, "event time"),
            (&source.created_time, "created time"),
        ] {
            if let Some(TimeSyntax::Column(column)) = time {
                data.column(&column.value, column.span, ScalarType::Timestamp.into(), what);
            }
        }
        let reads = |view: &&ViewSyntax| view.source.as_ref().is_some_and(|word| word.value == source.name.value);
        let views: Vec<&ViewSyntax> = syntax.feature_views.iter().filter(reads).collect();
        for view in &views {
            data.view(view, &entities);
        }
        if let Some(checker) = checker {
            sql::source(sink, source, Some(&columns), checker);
            for view in views {
                sql::feature_view(sink, view, Some(&columns), checker);
            }
        }
    }
}

/// A source and what its files hold.
struct Data<'a> {
    sink: &'a mut Sink,
    source: &'a SourceSyntax,
    schema: &'a Schema,
}

impl Data<'_> {
    /// The columns that a view reads by name: its join keys, and its features without an expression.
    fn view(&mut self, view: &ViewSyntax, entities: &HashMap<&str, &EntitySyntax>) {
        for word in &view.entities {
            let keys = entities
                .get(word.value.as_str())
                .map_or(&[][..], |entity| &entity.join_keys);
            for key in keys {
                if let Some(key_type) = key.key_type {
                    let what = format!("join key of entity `{}`", word.value);
                    self.column(&key.name.value, word.span, key_type.into(), &what);
                }
            }
        }
        for feature in view.features.iter().flat_map(|features| &features.value) {
            if let (Some(value_type), None) = (&feature.value_type, &feature.expr) {
                let what = format!("feature of `{}`", view.name.value);
                self.column(&feature.name.value, feature.name.span, value_type.value, &what);
            }
        }
    }

    /// Column `name`, which is `what`, is there, and its values fit `wanted` without loss.
    fn column(&mut self, name: &str, span: Span, wanted: ValueType, what: &str) {
        let source = &self.source.name;
        let Some((_, field)) = self.schema.column_with_name(name) else {
            let known = self.schema.fields().iter().map(|field| field.name().as_str());
            self.sink
                .error(
                    DiagnosticCode::MissingColumn,
                    span,
                    format!("source `{}` has no column `{name}` ({what})", source.value),
                )
                .nearest(name, known.clone())
                .hint(format!("its columns are {}", known.collect::<Vec<_>>().join(", ")));
            return;
        };
        if !can_conform(field.data_type(), wanted) {
            self.sink
                .error(
                    DiagnosticCode::ColumnType,
                    span,
                    format!(
                        "column `{name}` of source `{}` is {}, which does not fit {wanted} without loss ({what})",
                        source.value,
                        type_name(field.data_type())
                    ),
                )
                .hint("change the declared type, or convert with `expr: \"cast(... as ...)\"`");
        }
    }
}
