//! Diagnostics for people and for machines.

use std::borrow::Cow;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::{Diagnostic, Place, Severity, SourceFile};

/// Whether a text may carry colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coloring {
    /// Plain text.
    Plain,
    /// Text with the escape codes of a terminal.
    Colored,
}

/// Lines longer than this are cut around the underlined part.
const MAX_LINE: usize = 400;

/// The diagnostics with the lines of `files` underlined, one after the other.
pub fn render_human(diagnostics: &[Diagnostic], files: &[SourceFile], coloring: Coloring) -> String {
    let renderer = match coloring {
        Coloring::Plain => Renderer::plain(),
        Coloring::Colored => Renderer::styled(),
    };
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&renderer.render(&report(diagnostic, files)));
        text.push_str("\n\n");
    }
    text
}

fn report<'a>(diagnostic: &'a Diagnostic, files: &'a [SourceFile]) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut main = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.as_str())
        .element(snippet(
            &diagnostic.place,
            &diagnostic.label,
            AnnotationKind::Primary,
            files,
        ));
    for related in &diagnostic.related {
        main = main.element(snippet(&related.place, &related.label, AnnotationKind::Context, files));
    }
    for hint in &diagnostic.hints {
        main = main.element(Level::HELP.message(hint.as_str()));
    }
    vec![main]
}

/// The lines of a place, and nothing more of the file: rendering must not cost the size of the file each time.
fn snippet<'a>(
    place: &'a Place,
    label: &'a str,
    kind: AnnotationKind,
    files: &'a [SourceFile],
) -> annotate_snippets::Element<'a> {
    let origin = || {
        annotate_snippets::Origin::path(place.file.as_str())
            .line(place.line)
            .char_column(place.column)
            .into()
    };
    let Some(file) = files.iter().find(|file| file.path == place.file) else {
        return origin();
    };
    if place.is_file() {
        return origin();
    }
    let text = String::from_utf8_lossy(&file.bytes);
    let (Some(before), Some(marked), Some(after)) =
        (text.get(..place.start), text.get(place.range()), text.get(place.end..))
    else {
        return origin();
    };
    let mut from = before.rfind('\n').map_or(0, |at| at + 1);
    let mut to = place.end + after.find('\n').unwrap_or(after.len());
    if to - from > MAX_LINE && !marked.contains('\n') {
        from = text.floor_char_boundary(from.max(place.start.saturating_sub(MAX_LINE / 2)));
        to = text.ceil_char_boundary(to.min(place.end.min(place.start + MAX_LINE / 2) + MAX_LINE / 4));
    }
    let marks = place.start - from..place.end.min(to) - from;
    let shown = text[from..to].trim_end_matches('\r');
    let marks = marks.start.min(shown.len())..marks.end.min(shown.len());
    let label = (!label.is_empty()).then_some(label);
    Snippet::source(Cow::<str>::Owned(shown.to_owned()))
        .line_start(place.line)
        .path(place.file.as_str())
        .annotation(kind.span(marks).label(label))
        .into()
}

/// The diagnostics as a JSON array, for machines.
pub fn to_json(diagnostics: &[Diagnostic]) -> Value {
    diagnostics
        .iter()
        .map(|diagnostic| {
            let mut value = json!({
                "code": diagnostic.code.as_str(),
                "severity": diagnostic.severity.as_str(),
                "message": diagnostic.message,
            });
            merge(&mut value, place_json(&diagnostic.place));
            value["label"] = json!(diagnostic.label);
            value["hints"] = json!(diagnostic.hints);
            value["related"] = diagnostic
                .related
                .iter()
                .map(|related| {
                    let mut value = place_json(&related.place);
                    value["label"] = json!(related.label);
                    value
                })
                .collect();
            value
        })
        .collect()
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

fn place_json(place: &Place) -> Value {
    json!({
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    })
}
