//! From an expression's text to its syntax tree, and from places in the tree back to bytes of the text.

use std::ops::Range;

use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::session;

/// The longest expression that is read, in bytes. A chain of operators makes a tree as deep as the chain is long,
/// and a text of this length cannot make one that is too deep to be walked.
const MAX_BYTES: usize = 8 * 1024;

/// Reads `sql` as one expression.
pub(crate) fn parse(sql: &str) -> Result<Expr, ExpressionError> {
    let refused = |message: String| ExpressionError::new(ExpressionErrorKind::Parse, message);
    if sql.len() > MAX_BYTES {
        return Err(ExpressionError::new(
            ExpressionErrorKind::TooComplex,
            format!(
                "the expression has {} bytes, more than the {MAX_BYTES} allowed",
                sql.len()
            ),
        )
        .hint("split it into several features"));
    }
    if sql.trim().is_empty() {
        return Err(refused("the expression is empty".to_owned()));
    }
    let state = session::state();
    let dialect = state.config().options().sql_parser.dialect;
    let parsed = state
        .sql_to_expr_with_alias(sql, &dialect)
        .map_err(|e| read_error(sql, &e))?;
    match parsed.alias {
        None => Ok(parsed.expr),
        Some(alias) => Err(refused(format!("an expression may not be given a name (`as {alias}`)"))
            .hint("the feature's name is its `name`")
            .at(range(sql, alias.span))),
    }
}

fn read_error(sql: &str, error: &DataFusionError) -> ExpressionError {
    let DataFusionError::SQL(parser, _) = error.find_root() else {
        return ExpressionError::new(ExpressionErrorKind::Parse, first_line(&error.to_string()));
    };
    match parser.as_ref() {
        ParserError::RecursionLimitExceeded => {
            ExpressionError::new(ExpressionErrorKind::TooComplex, "the expression nests too deeply")
                .hint("split it into several features")
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            let (message, span) = match text.rsplit_once(" at Line: ") {
                Some((message, place)) => (message, place_of(sql, place)),
                None => (text.as_str(), text.ends_with("EOF").then_some(sql.len()..sql.len())),
            };
            ExpressionError::new(ExpressionErrorKind::Parse, lower_first(message)).at(span)
        }
    }
}

/// The bytes of the token that starts at `place`, which reads `<line>, Column: <column>`.
fn place_of(sql: &str, place: &str) -> Option<Range<usize>> {
    let (line, column) = place.split_once(", Column: ")?;
    let start = offset(
        sql,
        Location {
            line: line.parse().ok()?,
            column: column.parse().ok()?,
        },
    )?;
    let rest = &sql[start..];
    let word = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let first = rest.chars().next().map_or(0, char::len_utf8);
    Some(start..start + word.max(first))
}

/// The bytes of `span`, or nothing for a node without a place.
pub(crate) fn range(sql: &str, span: Span) -> Option<Range<usize>> {
    let (start, end) = (offset(sql, span.start)?, offset(sql, span.end)?);
    (start < end).then_some(start..end)
}

/// The byte offset of a place that is counted in lines and characters from one.
fn offset(sql: &str, place: Location) -> Option<usize> {
    let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let start = match line {
        0 => 0,
        line => sql.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let mut characters = sql[start..].char_indices();
    characters
        .nth(column)
        .map(|(at, _)| start + at)
        .or_else(|| (sql[start..].chars().count() == column).then_some(sql.len()))
}

/// The first line of a foreign error, its first letter small and without a closing period, as our messages are.
pub(crate) fn first_line(text: &str) -> String {
    lower_first(text.lines().next().unwrap_or_default())
}

fn lower_first(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut characters = text.chars();
    match characters.next() {
        // A word in capitals is a keyword or a type and stays one.
        Some(first) if !characters.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bytes_even_behind_wide_characters_and_line_ends() {
        let sql = "'é' = \n x +";
        assert_eq!(offset(sql, Location { line: 1, column: 5 }), Some(5));
        assert_eq!(offset(sql, Location { line: 2, column: 2 }), Some(9));
        assert_eq!(offset(sql, Location { line: 2, column: 5 }), Some(12));
        assert_eq!(offset(sql, Location { line: 2, column: 6 }), None);
        assert_eq!(offset(sql, Location { line: 3, column: 1 }), None);
        assert_eq!(offset(sql, Location { line: 0, column: 0 }), None);
    }
}
