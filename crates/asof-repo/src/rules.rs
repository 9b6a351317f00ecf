//! The rules of definitions, one per file.
//!
//! Rules about a single value are called by the walk in [`shape`](crate::shape); those about several definitions are
//! called here.

pub(crate) mod cron;
pub(crate) mod duration;
pub(crate) mod impute;
pub(crate) mod key_type;
pub(crate) mod name;
pub(crate) mod redis;
pub(crate) mod setting;
pub(crate) mod value_type;

mod alias;
mod created_time;
mod duplicate_entry;
mod duplicate_name;
mod feature_names;
mod input_types;
mod join_keys;
mod on_demand_order;
mod projection;
mod retrieval;
mod sources;
mod sql;
mod view_body;
mod view_references;
mod window;

pub(crate) use on_demand_order::MAX_CHAIN;
pub(crate) use sources::check_sources;

use asof_model::ProjectName;
use asof_model::definition::Definitions;

use crate::build::build;
use crate::syntax::Syntax;
use crate::text::Sink;
use crate::{Diagnostic, DiagnosticCode, ExpressionChecker};

/// Reports what is wrong between definitions, and gives those that are whole. All of them are if `sink` holds no
/// error afterwards.
pub(crate) fn check(
    sink: &mut Sink,
    syntax: &Syntax,
    project: &ProjectName,
    checker: Option<&dyn ExpressionChecker>,
) -> Definitions {
    duplicate_name::check(sink, syntax);
    duplicate_entry::check(sink, syntax);
    if !hides_definitions(&sink.diagnostics) {
        view_references::check(sink, syntax);
        projection::check(sink, syntax);
    }
    view_body::check(sink, syntax);
    window::check(sink, syntax);
    created_time::check(sink, syntax);
    join_keys::check(sink, syntax);
    alias::check(sink, syntax);
    on_demand_order::check(sink, syntax);
    // What follows looks at whole definitions only, so that one mistake is not reported again as its consequences.
    let whole = build(sink, syntax, project);
    input_types::check(sink, syntax, &whole);
    feature_names::check(sink, syntax, &whole);
    impute::check(sink, syntax, &whole);
    retrieval::check(sink, syntax, &whole);
    if let Some(checker) = checker {
        sql::check(sink, syntax, &whole, checker);
    }
    whole
}

/// Whether a file could not be read, so that an unknown name may well be defined in it.
fn hides_definitions(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| {
        matches!(
            diagnostic.code,
            DiagnosticCode::NotUtf8
                | DiagnosticCode::FileTooLarge
                | DiagnosticCode::NotYaml
                | DiagnosticCode::TooDeep
                | DiagnosticCode::AliasBomb
                | DiagnosticCode::BadAlias
        )
    })
}
