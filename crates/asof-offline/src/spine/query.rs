//! Spines that a query makes from the sources.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use asof_model::definition::Source;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::prelude::{DataFrame, SQLOptions, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use futures::StreamExt;

use super::blocking;
use super::rows::Rows;
use super::scan::SourceScan;
use super::spool::Spool;
use crate::{OfflineEngine, OfflineError};

/// Runs a query over sources, and keeps what comes out.
///
/// # Errors
/// When it is no query, or cannot be run.
pub(super) async fn run(
    sql: &str,
    sources: &[Arc<Source>],
    engine: &OfflineEngine,
) -> Result<(SchemaRef, Rows, u128), OfflineError> {
    // On one thread the order of rows is the same each time, even where the query does not say it.
    let context = session(engine, 1)?;
    let tables: BTreeMap<&str, &Arc<Source>> = sources.iter().map(|source| (source.name.as_str(), source)).collect();
    let refused = |error: DataFusionError| match OfflineError::from(error) {
        OfflineError::Engine(error) => OfflineError::SpineQuery {
            error: text_of(&error),
            tables: tables
                .keys()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", "),
        },
        ours => ours,
    };
    let state = context.state();
    let statement = state
        .sql_to_statement(sql, &state.config().options().sql_parser.dialect)
        .map_err(refused)?;
    if !matches!(&statement, Statement::Statement(inner) if matches!(**inner, ast::Statement::Query(_))) {
        return Err(OfflineError::SpineQueryKind);
    }
    // The footers of a source are read only if the query names it.
    for table in state.resolve_table_references(&statement).map_err(refused)? {
        if let Some(source) = tables.get(table.table()) {
            let opened = Arc::new(engine.open(source).await?);
            let scan = SourceScan::columns(opened, engine.options.partitions);
            let name = source.name.as_str();
            let frame = context.read_table(Arc::new(scan))?;
            let frame = match &source.filter {
                Some(filter) => {
                    let condition = state.create_logical_expr(filter, frame.schema()).map_err(refused)?;
                    frame.filter(condition)?
                }
                None => frame,
            };
            context.register_table(datafusion::common::TableReference::bare(name), frame.into_view())?;
        }
    }
    let only_queries = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let plan = state.statement_to_plan(statement).await.map_err(refused)?;
    only_queries.verify_plan(&plan).map_err(refused)?;
    if let Some(function) = non_deterministic(&plan).map_err(refused)? {
        return Err(OfflineError::SpineQueryFunction { function });
    }
    let frame = context.execute_logical_plan(plan).await.map_err(refused)?;
    keep(frame).await.map_err(|error| match error {
        OfflineError::Engine(error) => refused(*error),
        ours => ours,
    })
}

/// An error of DataFusion as a clause.
fn text_of(error: &DataFusionError) -> String {
    let text = error.message().replace("datafusion.public.", "");
    text.trim_end_matches(['.', '\n', ' ']).to_owned()
}

/// A session in the engine's memory, in which names keep the case in which they are written.
pub(super) fn session(engine: &OfflineEngine, threads: usize) -> Result<SessionContext, OfflineError> {
    let task = engine.context()?;
    let mut config = task.session_config().clone().with_target_partitions(threads.max(1));
    config.options_mut().sql_parser.enable_ident_normalization = false;
    Ok(SessionContext::new_with_config_rt(config, task.runtime_env()))
}

/// The rows of a frame, and a hash of them.
pub(super) async fn keep(frame: DataFrame) -> Result<(SchemaRef, Rows, u128), OfflineError> {
    let mut batches = frame.execute_stream().await?;
    let schema = batches.schema();
    let mut spool = Spool::new(Arc::clone(&schema));
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        spool = blocking(move || {
            spool.push(batch)?;
            Ok(spool)
        })
        .await?;
    }
    let (rows, hash) = blocking(|| spool.finish()).await?;
    Ok((schema, rows, hash))
}

/// A function in the plan that may give another answer each time.
fn non_deterministic(plan: &LogicalPlan) -> Result<Option<String>, DataFusionError> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::ScalarFunction(call) = part
                    && call.func.signature().volatility != Volatility::Immutable
                {
                    found = Some(call.func.name().to_owned());
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}
