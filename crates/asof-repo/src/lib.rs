//! Definitions as text: reads the YAML of a feature repository into validated values, or says everything wrong with it.
//!
//! Text comes in as bytes and values go out; nothing here opens a file, and SQL is judged by whoever implements
//! [`ExpressionChecker`].
//!
//! ```text
//!  SourceFile ──yaml──> Node ──shape (driven by keys)──> syntax ──rules──> Definitions
//!                         └───────────────┴───────────────┴──> Diagnostic, each with code and place
//! ```
//!
//! In reading order: [`SourceFile`], [`Repository`], [`Diagnostic`], [`DiagnosticCode`], [`ExpressionChecker`],
//! [`render_human`], [`schema()`], [`document`], [`plan`].

pub mod document;
pub mod plan;

mod build;
mod code;
mod connection;
mod diagnostic;
mod expression;
mod file;
mod keys;
mod reference;
mod render;
mod repository;
mod rules;
mod schema;
mod shape;
mod sql;
mod syntax;
mod text;
mod whose;
mod yaml;

pub use code::DiagnosticCode;
pub use diagnostic::{Diagnostic, Place, Related, Severity};
pub use expression::{ExpressionChecker, ExpressionProblem};
pub use file::{MAX_FILE_BYTES, STORE_FILE, SourceFile, is_definition_file};
pub use reference::diagnostics_reference;
pub use render::{Coloring, render_human, to_json};
pub use repository::Repository;
pub use schema::schema;
