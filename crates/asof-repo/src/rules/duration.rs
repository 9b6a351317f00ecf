//! Durations are above zero and fit 64 bits of microseconds.

use asof_model::{InvalidTimeSpan, TimeSpan};

use crate::DiagnosticCode;
use crate::text::{Sink, Span};
use crate::whose::Whose;

pub(crate) fn check(sink: &mut Sink, text: &str, span: Span, whose: Whose<'_>) {
    let Err(problem) = text.parse::<TimeSpan>() else {
        return;
    };
    let code = match problem {
        InvalidTimeSpan::Malformed(_) => DiagnosticCode::BadDuration,
        InvalidTimeSpan::Zero | InvalidTimeSpan::Negative | InvalidTimeSpan::Overflow => {
            DiagnosticCode::DurationOutOfRange
        }
    };
    sink.error(code, span, format!("{whose} cannot be `{text}`"))
        .label(problem.to_string());
}
