//! `visible_from: created_time` needs rows that have a created time.

use crate::DiagnosticCode;
use crate::syntax::{SourceSyntax, Syntax, ViewSyntax};
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    for view in &syntax.feature_views {
        let Some(place) = view.visible_from_created else {
            continue;
        };
        let name = &view.name.value;
        if let Some(source) = source(syntax, view).filter(|source| source.created_time.is_none()) {
            sink.error(
                DiagnosticCode::NoCreatedTime,
                place,
                format!("feature view `{name}` needs a created time, which its source does not have"),
            )
            .related(source.name.span, "this source has no `created_time`");
        }
    }
}

fn source<'a>(syntax: &'a Syntax, view: &ViewSyntax) -> Option<&'a SourceSyntax> {
    let name = view.source.as_ref()?;
    syntax.sources.iter().find(|source| source.name.value == name.value)
}
