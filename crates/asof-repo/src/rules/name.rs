//! Names follow one rule, so that each can stand in SQL, in a column header and in a key.

use crate::DiagnosticCode;
use crate::text::{Sink, Span};
use crate::whose::Whose;

pub(crate) fn check(sink: &mut Sink, text: &str, span: Span, whose: Whose<'_>) {
    let Err(problem) = asof_model::check_name(text) else {
        return;
    };
    let report = sink
        .error(DiagnosticCode::BadName, span, format!("{whose} cannot be `{text}`"))
        .label(problem.to_string());
    if let Some(repaired) = repair(text) {
        report.hint(format!("`{repaired}` would do"));
    }
}

/// The text with a single underscore for every run of characters that no name may have, if that is a name and loses
/// no letter.
fn repair(text: &str) -> Option<String> {
    let parts = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty());
    let repaired = parts.collect::<Vec<_>>().join("_");
    let loses = text.chars().any(|c| c.is_alphanumeric() && !c.is_ascii());
    (!loses && asof_model::check_name(&repaired).is_ok()).then_some(repaired)
}
