//! The point-in-time join.
//!
//! # The as-of contract
//!
//! For each row of the spine and each lookup, the operator finds the view's row that answers at the spine row's
//! as-of time `t`:
//!
//! - Candidates have the spine row's key, `event_time + availability_lag <= t`, with `visible_from: created_time`
//!   also `created_time <= t` (a missing created time holds nothing back), and with a `ttl` also
//!   `event_time >= t - ttl`. All ends are inclusive.
//! - The last candidate by `(event_time, created_time, file, row number)` wins, a missing created time lowest. It
//!   wins whole: its nulls stay null.
//! - A null in a key matches nothing, for the views with that key.
//! - Out comes exactly one row per spine row, in the spine's order, its own columns untouched; then each lookup's
//!   features, null where nothing was found.
//! - For a view with windows, its rows are the cutoffs (see [`crate::windows`]), judged by the same rules.
//! - Partitions and batch sizes have no effect on any value.
//!
//! # How
//!
//! Neither side is sorted, and nothing is held but the spine's keys and times and what wins. The spine is indexed by
//! key (each entity's times ascending, its *slots*), once for all lookups on the same columns. Then two passes over
//! the row groups of each source, by all threads:
//!
//! ```text
//!  spine ──> index: key -> slots t1 <= t2 <= …
//!                               │
//!  key pass: keys and times ────┴─> first slot with t >= when the row became known: the later row stays there
//!                                   at the end each slot inherits from the one before, unless that is too old by now
//!  value pass: the features of the rows that won, and of no other, dealt out by ranges of the spine
//!  output: range by range, the spine's rows again, each with its slot's row
//! ```
//!
//! Time is one probe and one binary search (over the spine's times of that entity) per feature row. Memory is a few
//! words per spine row, and the winners of one range; nothing grows with the rows that do not win. When the winners of
//! all ranges do not fit the memory, those whose turn comes last go to temporary files; when the index does not fit,
//! the spine goes through in several passes. (Window aggregations keep the rows of the spine's entities that are
//! within reach.)
//!
//! In reading order: `exec`, `pass`, `index`, `collect`, `contest`, `fetch`, `output`.

mod bits;
mod bucket;
mod collect;
mod contest;
mod entities;
mod exec;
mod fetch;
mod gather;
mod index;
mod int_table;
mod latest;
mod lookup_keys;
mod output;
mod pass;
mod row_set;
mod sizes;
mod values;

pub(crate) use bits::AtomicBits;
pub(crate) use collect::{Answers, Question, Rule, collect};
pub(crate) use contest::Outcome;
pub(crate) use entities::Entities;
pub(crate) use exec::{AsofJoinExec, JoinInput, JoinLookup};
pub(crate) use gather::gather;
#[cfg(test)]
pub(crate) use index::SlotsBuilder;
pub(crate) use index::{Index, Slots};
pub(crate) use int_table::NO_ENTITY;
pub(crate) use lookup_keys::{LookupKeys, are_ints};
pub(crate) use values::{NO_ROW, ValueBatch, ValueSource};
