//! What is refused before anything is planned, found on the syntax tree, where names still have their places.
//!
//! The same walk prepares the tree: columns become quoted identifiers with one flat name, `as_of()` becomes a column,
//! and, where aggregate functions are allowed, each call of one becomes a column that holds its results.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::Function;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectNamePart, Query, Spanned,
    Subscript, Value, VisitMut, VisitorMut,
};

use crate::aggregate::{AggregateCall, AggregateFunction, Calls};
use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::scope::{AS_OF, Scope};
use crate::session::{self, FunctionClass};
use crate::text;

/// The deepest tree that is accepted. Planning and evaluation walk it by recursion.
const MAX_DEPTH: usize = 128;

/// A checked expression, ready to be planned over the flat names of its columns.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) expr: Expr,
    /// The flat names of the columns that it reads.
    pub(crate) columns: BTreeSet<String>,
}

/// Where aggregate functions stand.
pub(crate) enum Aggregates<'a> {
    /// Nowhere: a row is computed. Inside the arguments of the function named, if any.
    Refused(Option<&'a str>),
    /// Collected into these calls.
    Collected(&'a mut Calls),
}

/// Reads and checks `sql`, whose columns are those of `scope`.
pub(crate) fn check(sql: &str, scope: &Scope, aggregates: Aggregates<'_>) -> Result<Checked, ExpressionError> {
    let expr = text::parse(sql)?;
    check_expr(expr, sql, scope, aggregates)
}

fn check_expr(
    mut expr: Expr,
    sql: &str,
    scope: &Scope,
    aggregates: Aggregates<'_>,
) -> Result<Checked, ExpressionError> {
    let mut checker = Checker {
        sql,
        scope,
        aggregates,
        columns: BTreeSet::new(),
        depth: 0,
    };
    match expr.visit(&mut checker) {
        ControlFlow::Continue(()) => Ok(Checked {
            columns: checker.columns,
            expr,
        }),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Checker<'a> {
    sql: &'a str,
    scope: &'a Scope,
    aggregates: Aggregates<'a>,
    columns: BTreeSet<String>,
    depth: usize,
}

type Flow = ControlFlow<Box<ExpressionError>>;

impl VisitorMut for Checker<'_> {
    type Break = Box<ExpressionError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        let span = text::range(self.sql, query.span());
        ControlFlow::Break(Box::new(subquery().at(span)))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        self.depth += 1;
        match self.visit(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }

    fn post_visit_expr(&mut self, _expr: &mut Expr) -> Flow {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

impl Checker<'_> {
    fn visit(&mut self, expr: &mut Expr) -> Result<(), ExpressionError> {
        if self.depth > MAX_DEPTH {
            let message = format!("the expression nests deeper than {MAX_DEPTH} levels");
            let error = ExpressionError::new(ExpressionErrorKind::TooComplex, message);
            return Err(error.hint("split it into several features"));
        }
        match expr {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                Err(subquery().at(text::range(self.sql, expr.span())))
            }
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => Err(other("`*` stands only in `count(*)`")),
            Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => {
                let message = format!("`{}` is a placeholder, and nothing fills it", value.value);
                Err(other(message).at(text::range(self.sql, value.span)))
            }
            Expr::CompoundFieldAccess { access_chain, .. } => {
                access_chain.iter_mut().for_each(name_to_subscript);
                Ok(())
            }
            Expr::Identifier(ident) => {
                *expr = self.column(std::slice::from_ref(ident))?;
                Ok(())
            }
            Expr::CompoundIdentifier(parts) => {
                *expr = self.column(parts)?;
                Ok(())
            }
            Expr::Function(function) => {
                if let Some(replacement) = self.function(function)? {
                    *expr = replacement;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The flat form of a column.
    fn column(&mut self, idents: &[Ident]) -> Result<Expr, ExpressionError> {
        let span = self.span_of(idents);
        let parts: Vec<&str> = idents.iter().map(|ident| ident.value.as_str()).collect();
        let (flat, taken) = self.scope.resolve(&parts).map_err(|error| error.at(span.clone()))?;
        if matches!(self.aggregates, Aggregates::Collected(_)) {
            let message = format!("column `{flat}` stands outside of every aggregate function");
            let hint = format!("say which of the window's values is meant, as in `last_value({flat})`");
            let kind = ExpressionErrorKind::BareColumn { name: flat };
            return Err(ExpressionError::new(kind, message).hint(hint).at(span));
        }
        let first = Ident::with_quote('"', flat.clone());
        self.columns.insert(flat);
        Ok(match &idents[taken..] {
            [] => Expr::Identifier(first),
            rest => Expr::CompoundIdentifier([first].into_iter().chain(rest.iter().cloned()).collect()),
        })
    }

    fn span_of(&self, idents: &[Ident]) -> Option<Range<usize>> {
        let first = text::range(self.sql, idents.first()?.span)?;
        let last = text::range(self.sql, idents.last()?.span)?;
        Some(first.start..last.end)
    }

    /// Checks a call. Returns what stands in its place, if not itself.
    fn function(&mut self, function: &mut Function) -> Result<Option<Expr>, ExpressionError> {
        let [ObjectNamePart::Identifier(ident)] = function.name.0.as_slice() else {
            let error = unknown_function(&function.name.to_string(), std::iter::empty());
            return Err(error.at(text::range(self.sql, function.name.span())));
        };
        let span = text::range(self.sql, ident.span);
        let name = match ident.quote_style {
            Some(_) => ident.value.clone(),
            None => ident.value.to_lowercase(),
        };
        if function.over.is_some() {
            let kind = ExpressionErrorKind::WindowFunctionNotAllowed { function: name.clone() };
            let message = format!("`{name}(…) over (…)` looks at other rows of a query, and there is no query here");
            let error = ExpressionError::new(kind, message).hint("use a view with `aggregation`");
            return Err(error.at(span));
        }
        if name == "as_of" {
            return self.as_of(function).map(Some).map_err(|error| error.at(span));
        }
        if let Some(aggregate) = AggregateFunction::from_name(&name) {
            return self
                .aggregate(aggregate, &name, function)
                .map(Some)
                .map_err(|error| or_at(error, span));
        }
        let error = match session::classify(&name) {
            FunctionClass::Scalar if function.filter.is_none() => {
                name_arguments(function);
                return Ok(None);
            }
            FunctionClass::Scalar => other(format!("`{name}` is no aggregate function, so it takes no `filter`")),
            FunctionClass::NonDeterministic => non_deterministic(&name),
            FunctionClass::Aggregate if matches!(self.aggregates, Aggregates::Refused(_)) => self.not_allowed(&name),
            FunctionClass::Aggregate => other(format!("aggregate function `{name}` is not supported over windows"))
                .hint(format!("there are {}", AggregateFunction::names().join(", "))),
            FunctionClass::Window => {
                let kind = ExpressionErrorKind::WindowFunctionNotAllowed { function: name.clone() };
                ExpressionError::new(kind, format!("window function `{name}` has no meaning without a query"))
                    .hint("use a view with `aggregation`")
            }
            FunctionClass::Unknown => {
                let aggregates = match self.aggregates {
                    Aggregates::Refused(_) => Vec::new(),
                    Aggregates::Collected(_) => AggregateFunction::names(),
                };
                let as_of = self.scope.has_as_of().then_some("as_of");
                unknown_function(&name, aggregates.into_iter().chain(as_of))
            }
        };
        Err(error.at(span))
    }

    fn as_of(&mut self, function: &Function) -> Result<Expr, ExpressionError> {
        if !self.scope.has_as_of() {
            return Err(other(
                "`as_of()` has a meaning in on-demand views only; a source's row knows no question",
            ));
        }
        match &function.args {
            FunctionArguments::List(list) if list.args.is_empty() && function.filter.is_none() => {
                self.columns.insert(AS_OF.to_owned());
                Ok(Expr::Identifier(Ident::with_quote('"', AS_OF)))
            }
            _ => Err(other("`as_of()` takes no arguments")),
        }
    }

    fn aggregate(
        &mut self,
        aggregate: AggregateFunction,
        name: &str,
        function: &mut Function,
    ) -> Result<Expr, ExpressionError> {
        let (sql, scope) = (self.sql, self.scope);
        if matches!(self.aggregates, Aggregates::Refused(_)) {
            return Err(self.not_allowed(name));
        }
        let inside = |expr: Expr| check_expr(expr, sql, scope, Aggregates::Refused(Some(name)));
        let call = AggregateCall::read(aggregate, name, function, inside)?;
        match &mut self.aggregates {
            Aggregates::Collected(calls) => Ok(Expr::Identifier(Ident::with_quote('"', calls.add(call)))),
            Aggregates::Refused(_) => Err(self.not_allowed(name)),
        }
    }

    fn not_allowed(&self, name: &str) -> ExpressionError {
        let kind = ExpressionErrorKind::AggregateNotAllowed {
            function: name.to_owned(),
        };
        match self.aggregates {
            Aggregates::Refused(Some(outer)) => {
                let message = format!("aggregate function `{name}` stands inside `{outer}`, which is one itself");
                ExpressionError::new(kind, message)
            }
            _ => ExpressionError::new(
                kind,
                format!("aggregate function `{name}` needs many rows, and here is one"),
            )
            .hint("use a view with `aggregation`"),
        }
    }
}

/// `.name` as `['name']`, which means the same and holds no identifier that could be taken for a column.
fn name_to_subscript(access: &mut AccessExpr) {
    if let AccessExpr::Dot(Expr::Identifier(ident)) = access {
        let index = Expr::value(Value::SingleQuotedString(ident.value.clone()));
        *access = AccessExpr::Subscript(Subscript::Index { index });
    }
}

/// `name => value` with the name as a name, not as an expression that could be taken for a column.
fn name_arguments(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    for argument in &mut list.args {
        if let FunctionArg::ExprNamed {
            name: Expr::Identifier(name),
            arg,
            operator,
        } = argument
        {
            *argument = FunctionArg::Named {
                name: name.clone(),
                arg: std::mem::replace(arg, FunctionArgExpr::Wildcard),
                operator: operator.clone(),
            };
        }
    }
}

fn or_at(error: ExpressionError, span: Option<Range<usize>>) -> ExpressionError {
    match error.span {
        Some(_) => error,
        None => error.at(span),
    }
}

fn other(message: impl Into<Box<str>>) -> ExpressionError {
    ExpressionError::new(ExpressionErrorKind::Other, message)
}

fn subquery() -> ExpressionError {
    let message = "a query inside an expression is not allowed";
    ExpressionError::new(ExpressionErrorKind::SubqueryNotAllowed, message)
        .hint("make the other table a source with a view of its own")
}

fn non_deterministic(name: &str) -> ExpressionError {
    let kind = ExpressionErrorKind::NonDeterministic {
        function: name.to_owned(),
    };
    let hint = "a feature must follow from its row; in on-demand views, `as_of()` is the time it is asked for";
    ExpressionError::new(kind, format!("`{name}` gives another answer each time")).hint(hint)
}

fn unknown_function<'a>(name: &str, more: impl Iterator<Item = &'a str>) -> ExpressionError {
    let known = session::scalar_names().iter().map(String::as_str).chain(more);
    let nearest = asof_model::nearest::nearest(name, known).map(str::to_owned);
    let hint = nearest.as_ref().map(|near| format!("did you mean `{near}`?").into());
    let name = name.to_owned();
    let message = format!("there is no function `{name}`");
    ExpressionError {
        hint,
        ..ExpressionError::new(ExpressionErrorKind::UnknownFunction { name, nearest }, message)
    }
}
