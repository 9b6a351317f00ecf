//! Settings may name environment variables, as `${NAME}`; each must be set.

use std::collections::BTreeMap;

use crate::DiagnosticCode;
use crate::text::{Sink, Span};
use crate::whose::Whose;

pub(crate) fn check(sink: &mut Sink, env: &BTreeMap<String, String>, text: &str, span: Span, whose: Whose<'_>) {
    match expand(text, env) {
        Ok(_) => {}
        Err(Problem::Unset(name)) => {
            sink.error(
                DiagnosticCode::UnsetVariable,
                span,
                format!("{whose} needs the environment variable `{name}`, which is not set"),
            )
            .nearest(&name, env.keys().map(String::as_str));
        }
        Err(Problem::Malformed) => {
            sink.error(
                DiagnosticCode::BadVariable,
                span,
                format!("{whose} has a `${{` that is not followed by a name and `}}`"),
            )
            .hint("write `${NAME}`");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Unset(String),
    Malformed,
}

/// `text` with the variables' values in place of their names. What a value holds is not looked at again.
pub(crate) fn expand(text: &str, env: &BTreeMap<String, String>) -> Result<String, Problem> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').ok_or(Problem::Malformed)?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Problem::Malformed);
        }
        expanded.push_str(before);
        expanded.push_str(env.get(name).ok_or_else(|| Problem::Unset(name.to_owned()))?);
        rest = tail;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_once_and_must_be_set() {
        let env = BTreeMap::from([("A".to_owned(), "x${B}".to_owned())]);
        assert_eq!(expand("$1 ${A}/${A}", &env), Ok("$1 x${B}/x${B}".to_owned()));
        assert_eq!(expand("${B}", &env), Err(Problem::Unset("B".to_owned())));
        for bad in ["${", "${}", "${A", "${A B}", "${${A}}"] {
            assert_eq!(expand(bad, &env), Err(Problem::Malformed), "{bad}");
        }
    }
}
