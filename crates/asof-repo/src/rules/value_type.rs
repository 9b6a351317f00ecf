//! Features and request fields have one of the known types.

use asof_model::{ScalarType, ValueType};

use crate::DiagnosticCode;
use crate::text::{Sink, Span};
use crate::whose::Whose;

/// What other systems call the types, for hints.
const ELSEWHERE: [(&str, &str); 18] = [
    ("bigint", "int64"),
    ("binary", "bytes"),
    ("boolean", "bool"),
    ("date", "timestamp"),
    ("datetime", "timestamp"),
    ("double", "float64"),
    ("float", "float64"),
    ("int", "int64"),
    ("int16", "int32"),
    ("int8", "int32"),
    ("integer", "int64"),
    ("long", "int64"),
    ("number", "float64"),
    ("real", "float32"),
    ("smallint", "int32"),
    ("str", "string"),
    ("text", "string"),
    ("varchar", "string"),
];

pub(crate) fn check(sink: &mut Sink, text: &str, span: Span, whose: Whose<'_>) {
    if text.parse::<ValueType>().is_err() {
        unknown(sink, text, span, whose);
    }
}

pub(super) fn unknown(sink: &mut Sink, text: &str, span: Span, whose: Whose<'_>) {
    let names = ScalarType::ALL.map(ScalarType::name);
    let report = sink.error(
        DiagnosticCode::UnknownType,
        span,
        format!("{whose} is `{text}`, which is no type"),
    );
    let lower = text.to_lowercase();
    let report = match ELSEWHERE.iter().find(|(word, _)| *word == lower) {
        Some((_, ours)) => report.hint(format!("did you mean `{ours}`?")),
        None => report.nearest(text, names.into_iter()),
    };
    report.hint(format!("allowed: {}, and array<T> of features", names.join(", ")));
}
