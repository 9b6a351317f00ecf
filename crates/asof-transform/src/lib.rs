//! The one compiler of SQL expressions: text is checked, compiled once, and computed over batches of rows, by the same
//! code for training sets, for materialization and for requests.
//!
//! ```text
//!  text ──parse──> tree ──check (names, functions, aggregates)──> flat tree ──plan (DataFusion)──> columns
//! ```
//!
//! DataFusion gives SQL its meaning: operators, functions, types, integer division, three-valued logic. Asof adds what
//! features need beyond it: an expression is refused unless its value follows from its row alone; values do not depend
//! on how rows come together in batches; and its type must fit the declared one without loss.
//!
//! In reading order: [`RowProgram`], [`Condition`], [`OnDemandProgram`], [`AggregateProgram`], [`Groups`],
//! [`SqlChecker`], [`ExpressionError`], [`EvaluationError`].

mod aggregate;
mod check;
mod checker;
mod compile;
mod error;
mod guard;
mod interval;
mod on_demand;
mod row;
mod scope;
mod session;
mod text;

pub use aggregate::{AggregateProgram, Groups};
pub use checker::SqlChecker;
pub use error::{EvaluationError, ExpressionError, ExpressionErrorKind};
pub use on_demand::OnDemandProgram;
pub use row::{Condition, RowProgram, column_expression};
