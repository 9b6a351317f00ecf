//! Where a piece of a SQL expression stands in the YAML scalar that holds it.

use std::ops::Range;

use crate::syntax::Word;
use crate::text::{Sink, Span};

/// The place of the bytes `range` of the text of `word`; the whole scalar where that cannot be said.
pub(crate) fn span(sink: &Sink, word: &Word, range: Option<&Range<usize>>) -> Span {
    let found = range.and_then(|range| locate(sink.slice(word.span), &word.value, range));
    match found {
        Some(range) => Span {
            start: word.span.start + range.start as u32,
            end: word.span.start + range.end as u32,
            ..word.span
        },
        None => word.span,
    }
}

/// Walks along the scalar as it is written and skips what is not part of its text: quotes, escapes, indentation.
fn locate(written: &str, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let mut at = match written.chars().next()? {
        '|' | '>' => written.find('\n')? + 1,
        '"' | '\'' => 1,
        _ => 0,
    };
    let mut start = None;
    for (place, wanted) in text.char_indices() {
        if place >= range.end {
            break;
        }
        loop {
            let found = written.get(at..)?.chars().next()?;
            // A line break that is folded reads as a space.
            let same = found == wanted || (wanted == ' ' && found == '\n');
            if same {
                break;
            }
            if !(found.is_whitespace() || found == '\'' || found == '\\') {
                return None;
            }
            at += found.len_utf8();
        }
        if place >= range.start && start.is_none() {
            start = Some(at);
        }
        at += written[at..].chars().next()?.len_utf8();
    }
    start.map(|start| start..at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_found_in_every_style_of_scalar() {
        let piece = |written: &str, text: &str, wanted: &str| {
            let at = text.find(wanted).expect("the piece is in the text");
            locate(written, text, &(at..at + wanted.len())).map(|range| written[range].to_owned())
        };
        assert_eq!(piece("a > 25", "a > 25", "25").as_deref(), Some("25"));
        assert_eq!(piece("\"a > 25\"", "a > 25", "25").as_deref(), Some("25"));
        assert_eq!(
            piece("'a = ''x'' and b'", "a = 'x' and b", "and").as_deref(),
            Some("and")
        );
        assert_eq!(
            piece("\"a = \\\"é\\\" or b\"", "a = \"é\" or b", "or b").as_deref(),
            Some("or b")
        );
        assert_eq!(piece("|\n    a\n    + bc\n", "a\n+ bc\n", "bc").as_deref(), Some("bc"));
        assert_eq!(piece(">-\n    a\n    + bc\n", "a + bc", "bc").as_deref(), Some("bc"));
        assert_eq!(piece("\"a\\tb\"", "a\tb", "b"), None);
    }
}
