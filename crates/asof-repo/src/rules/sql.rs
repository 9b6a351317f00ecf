//! Expressions are SQL that the expression compiler takes. The schemas of sources are not known here: what needs them
//! is checked with the sources.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use asof_model::definition::{Definitions, Feature, OnDemandView};
use asof_model::{ScalarType, ValueType, ViewName};

use crate::syntax::{OnDemandSyntax, SourceSyntax, Syntax, TimeSyntax, ViewSyntax, Word};
use crate::text::Sink;
use crate::{ExpressionChecker, ExpressionProblem, sql};

/// Columns with their types; `None`: not known.
pub(super) type Columns<'a> = Option<&'a [(String, DataType)]>;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax, whole: &Definitions, checker: &dyn ExpressionChecker) {
    for written in &syntax.sources {
        source(sink, written, None, checker);
    }
    for view in &syntax.feature_views {
        feature_view(sink, view, None, checker);
        expectations(sink, view, checker);
    }
    for view in &syntax.on_demand {
        if let Some(definition) = whole.on_demand_feature_views.get(view.name.value.as_str()) {
            on_demand(sink, view, definition, whole, checker);
        }
    }
}

/// The expressions of a source: its times and its filter.
pub(super) fn source(sink: &mut Sink, source: &SourceSyntax, columns: Columns<'_>, checker: &dyn ExpressionChecker) {
    let owner = format!("source `{}`", source.name.value);
    for time in [&source.event_time, &source.created_time].into_iter().flatten() {
        if let TimeSyntax::Expression(word) = time {
            let declared = Some(ValueType::Scalar(ScalarType::Timestamp));
            report(sink, &owner, word, checker.check_row(&word.value, columns, declared));
        }
    }
    if let Some(word) = &source.filter {
        report(sink, &owner, word, checker.check_condition(&word.value, columns));
    }
}

/// The expressions of a view over its source's row: its filter and its features.
pub(super) fn feature_view(sink: &mut Sink, view: &ViewSyntax, columns: Columns<'_>, checker: &dyn ExpressionChecker) {
    let name = &view.name.value;
    if let Some(word) = &view.filter {
        let found = checker.check_condition(&word.value, columns);
        report(sink, &format!("filter of feature view `{name}`"), word, found);
    }
    for feature in view.features.iter().flat_map(|features| &features.value) {
        let declared = feature.value_type.as_ref().map(|value_type| value_type.value);
        if let Some(word) = &feature.expr {
            let found = checker.check_row(&word.value, columns, declared);
            report(
                sink,
                &format!("feature `{}` of `{name}`", feature.name.value),
                word,
                found,
            );
        }
    }
    for feature in view.aggregation.iter().flat_map(|windows| &windows.value.features) {
        let declared = feature.value_type.as_ref().map(|value_type| value_type.value);
        if let Some(word) = &feature.expr {
            let found = checker.check_aggregate(&word.value, columns, declared);
            report(
                sink,
                &format!("feature `{}` of `{name}`", feature.name.value),
                word,
                found,
            );
        }
    }
}

/// Expectations read the view's own features, whose types are known without the source.
fn expectations(sink: &mut Sink, view: &ViewSyntax, checker: &dyn ExpressionChecker) {
    let features = view.all_features().map(|feature| {
        let value_type = feature.value_type.as_ref()?.value;
        Some((feature.name.value.clone(), value_type.arrow()))
    });
    let features: Option<Vec<(String, DataType)>> = features.collect();
    for expectation in &view.expect {
        if let Some(word) = &expectation.expr {
            let found = checker.check_condition(&word.value, features.as_deref());
            let owner = format!("expectation `{}` of `{}`", expectation.name.value, view.name.value);
            report(sink, &owner, word, found);
        }
    }
}

fn on_demand(
    sink: &mut Sink,
    view: &OnDemandSyntax,
    definition: &OnDemandView,
    whole: &Definitions,
    checker: &dyn ExpressionChecker,
) {
    let tables: Vec<(ViewName, Vec<Feature>)> = tables(definition, whole).into_iter().collect();
    for (feature, written) in definition.features.iter().zip(&view.features) {
        if let Some(word) = &written.expr {
            let found = checker.check_on_demand(&word.value, &tables, &definition.request, Some(feature.value_type));
            report(
                sink,
                &format!("feature `{}` of `{}`", feature.name, definition.name),
                word,
                found,
            );
        }
    }
}

/// The tables that the expressions of an on-demand view know, with their columns.
fn tables(view: &OnDemandView, whole: &Definitions) -> BTreeMap<ViewName, Vec<Feature>> {
    let mut tables: BTreeMap<ViewName, Vec<Feature>> = BTreeMap::new();
    for input in &view.inputs {
        let all = match whole.feature_views.get(&input.view) {
            Some(view) => view.features(),
            None => match whole.on_demand_feature_views.get(&input.view) {
                Some(view) => view.features(),
                None => Vec::new(),
            },
        };
        let asked = |feature: &Feature| {
            input
                .features
                .as_ref()
                .is_none_or(|asked| asked.contains(&feature.name))
        };
        let table = tables.entry(input.shown_as().clone()).or_default();
        for feature in all.into_iter().filter(asked) {
            if !table.contains(&feature) {
                table.push(feature);
            }
        }
    }
    tables
}

fn report(sink: &mut Sink, owner: &str, word: &Word, found: Result<(), ExpressionProblem>) {
    let Err(problem) = found else { return };
    let span = sql::span(sink, word, problem.span.as_ref());
    let report = sink.error(problem.code, span, format!("{owner}: {}", problem.message));
    if let Some(hint) = problem.hint {
        report.hint(hint);
    }
}
