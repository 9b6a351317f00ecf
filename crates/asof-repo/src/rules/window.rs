//! A window is a whole multiple of the distance between cutoffs.

use crate::DiagnosticCode;
use crate::syntax::Syntax;
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    let aggregations = syntax.feature_views.iter().filter_map(|view| view.aggregation.as_ref());
    for aggregation in aggregations {
        let Some(every) = &aggregation.value.every else {
            continue;
        };
        for feature in &aggregation.value.features {
            let Some(window) = feature
                .window
                .as_ref()
                .filter(|window| !window.value.is_multiple_of(every.value))
            else {
                continue;
            };
            sink.error(
                DiagnosticCode::WindowNotMultiple,
                window.span,
                format!(
                    "window {} of feature `{}` is not a multiple of {}",
                    window.value, feature.name.value, every.value
                ),
            )
            .related(every.span, "the distance between cutoffs");
        }
    }
}
