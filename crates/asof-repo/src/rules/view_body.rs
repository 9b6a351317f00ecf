//! A feature view has a feature row per source row (`features`) or per cutoff (`aggregation`): one of the two.

use crate::DiagnosticCode;
use crate::syntax::Syntax;
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    for view in &syntax.feature_views {
        let name = &view.name.value;
        match (&view.features, &view.aggregation) {
            (Some(features), Some(aggregation)) => {
                sink.error(
                    DiagnosticCode::ViewBody,
                    aggregation.span,
                    format!("feature view `{name}` has both `features` and `aggregation`"),
                )
                .related(features.span, "its `features`")
                .hint("keep one, or make two views of it");
            }
            (None, None) => {
                sink.error(
                    DiagnosticCode::ViewBody,
                    view.name.span,
                    format!("feature view `{name}` has neither `features` nor `aggregation`"),
                )
                .hint("a view without features answers nothing; add one of the two");
            }
            _ => {}
        }
    }
}
