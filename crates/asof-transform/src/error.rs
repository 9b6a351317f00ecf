//! Why an expression is refused, and why the evaluation of an accepted one can still fail.

use std::fmt;
use std::ops::Range;

use asof_model::ValueType;

/// What is wrong with an expression, for code that must tell the cases apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpressionErrorKind {
    /// The text is not one SQL expression.
    Parse,
    /// The text is too long, or nests too deeply.
    TooComplex,
    /// A column, input or request field that is not there.
    UnknownColumn {
        /// The name as written.
        name: String,
        /// The known name nearest to it.
        nearest: Option<String>,
    },
    /// The expression's type does not fit the declared one without loss.
    WrongType {
        /// The type that the definition declares.
        declared: ValueType,
        /// The Arrow type that the expression has.
        actual: String,
    },
    /// A function whose answer does not follow from its arguments.
    NonDeterministic {
        /// The function's name.
        function: String,
    },
    /// An aggregate function where a row is computed, or inside another aggregate function.
    AggregateNotAllowed {
        /// The function's name.
        function: String,
    },
    /// A window feature without any aggregate function.
    AggregateMissing,
    /// A column of the source outside of every aggregate function of a window feature.
    BareColumn {
        /// The column's name.
        name: String,
    },
    /// A function over a SQL window (`over (…)`).
    WindowFunctionNotAllowed {
        /// The function's name.
        function: String,
    },
    /// A query inside the expression.
    SubqueryNotAllowed,
    /// A function that is not there.
    UnknownFunction {
        /// The name as written.
        name: String,
        /// The known name nearest to it.
        nearest: Option<String>,
    },
    /// Anything else: types that no operator joins, a wrong number of arguments, syntax without a meaning here.
    Other,
}

/// An expression that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    /// The feature, condition or column that the expression computes, where the caller named one.
    pub name: Option<Box<str>>,
    /// What is wrong.
    pub kind: Box<ExpressionErrorKind>,
    /// The same in words, without the name.
    pub message: Box<str>,
    /// What to do about it, where that is known.
    pub hint: Option<Box<str>>,
    /// The place in the expression's text: a range of bytes.
    pub span: Option<Range<usize>>,
}

impl ExpressionError {
    pub(crate) fn new(kind: ExpressionErrorKind, message: impl Into<Box<str>>) -> Self {
        Self {
            name: None,
            kind: Box::new(kind),
            message: message.into(),
            hint: None,
            span: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn at(mut self, span: Option<Range<usize>>) -> Self {
        self.span = span;
        self
    }

    pub(crate) fn of(mut self, name: &str) -> Self {
        self.name.get_or_insert_with(|| name.into());
        self
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "`{name}`: ")?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ExpressionError {}

/// An accepted expression that met rows it cannot be computed for, such as a division by zero or a cast of a text
/// that is no number; or a batch that lacks a column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` (`{expression}`): {reason}")]
pub struct EvaluationError {
    /// The feature, condition or column that the expression computes.
    pub name: String,
    /// The expression's text.
    pub expression: String,
    /// What happened.
    pub reason: String,
}
