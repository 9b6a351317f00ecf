//! The one set of SQL functions and options with which every expression is read.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use datafusion::execution::SessionStateDefaults;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::Volatility;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::prelude::SessionConfig;

use crate::interval::IntervalPlanner;

/// What a function's name stands for.
pub(crate) enum FunctionClass {
    /// A function of one row's values that always gives the same answer for them.
    Scalar,
    /// A function that may give another answer each time.
    NonDeterministic,
    /// An aggregate function of DataFusion; whether Asof folds it too is another question.
    Aggregate,
    /// A function that only a SQL window gives a meaning.
    Window,
    /// No function.
    Unknown,
}

/// The shared planner state. It is built once per process and holds no data.
pub(crate) fn state() -> &'static SessionState {
    static STATE: OnceLock<SessionState> = OnceLock::new();
    STATE.get_or_init(|| {
        let mut config = SessionConfig::new();
        // Columns keep the case in which they are written: Parquet's column names are case-sensitive.
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(IntervalPlanner::new())];
        planners.extend(SessionStateDefaults::default_expr_planners());
        SessionStateBuilder::new()
            .with_config(config)
            .with_expr_planners(planners)
            .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
            .build()
    })
}

fn aggregate_names() -> &'static BTreeSet<String> {
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let functions = SessionStateDefaults::default_aggregate_functions();
        let names = functions
            .iter()
            .flat_map(|f| f.aliases().iter().cloned().chain([f.name().to_owned()]));
        names.collect()
    })
}

fn window_names() -> &'static BTreeSet<String> {
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let functions = SessionStateDefaults::default_window_functions();
        let names = functions
            .iter()
            .flat_map(|f| f.aliases().iter().cloned().chain([f.name().to_owned()]));
        names.collect()
    })
}

/// What `name`, in lower case where it was not quoted, stands for.
pub(crate) fn classify(name: &str) -> FunctionClass {
    if let Some(function) = state().scalar_functions().get(name) {
        return if function.signature().volatility == Volatility::Immutable {
            FunctionClass::Scalar
        } else {
            FunctionClass::NonDeterministic
        };
    }
    if aggregate_names().contains(name) {
        FunctionClass::Aggregate
    } else if window_names().contains(name) {
        FunctionClass::Window
    } else {
        FunctionClass::Unknown
    }
}

/// The names of all functions of one row, sorted, so that the nearest of them is the same each time.
pub(crate) fn scalar_names() -> &'static BTreeSet<String> {
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    NAMES.get_or_init(|| state().scalar_functions().keys().cloned().collect())
}
