//! Join keys have a type in which equality has one meaning: no floats, no arrays.

use asof_model::{ScalarType, ValueType};

use super::value_type;
use crate::DiagnosticCode;
use crate::text::{Sink, Span};
use crate::whose::Whose;

pub(crate) fn check(sink: &mut Sink, text: &str, span: Span, whose: Whose<'_>) {
    let (code, label) = match text.parse() {
        Ok(ValueType::Scalar(scalar)) if scalar.is_key() => return,
        Ok(ValueType::Scalar(_)) => (
            DiagnosticCode::FloatKey,
            "a float cannot be a key: NaN and -0.0 have no one meaning",
        ),
        Ok(ValueType::Array(_)) => (DiagnosticCode::ArrayKey, "an array cannot be a key"),
        Err(_) => return value_type::unknown(sink, text, span, whose),
    };
    let allowed: Vec<_> = ScalarType::ALL
        .into_iter()
        .filter(|t| t.is_key())
        .map(ScalarType::name)
        .collect();
    sink.error(code, span, format!("{whose} cannot be `{text}`"))
        .label(label)
        .hint(format!("allowed: {}", allowed.join(", ")));
}
