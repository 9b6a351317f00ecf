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
//! Neither side is sorted or hashed but the spine, which is the small one. It is indexed by key (each entity's times
//! ascending, its *slots*); then feature rows stream past in any order, from any number of partitions:
//!
//! ```text
//!  spine ──> index: key -> slots t1 <= t2 <= …
//!                               │
//!  feature row (known at k) ────┴─> first slot with t >= k: keep the row if it is later than the one there
//!
//!  at the end                       each slot inherits from the one before, unless that is too old by now
//!  output                           spine rows in order, each with its slot's row
//! ```
//!
//! Time is one probe and one binary search (over the spine's times of that entity) per feature row. Memory is the
//! spine, a record per slot and partition, and at most about twice the winning rows; nothing grows with the rows
//! that do not win. (Window aggregations keep the rows of the spine's entities that are within reach.)

mod answers;
mod collect;
mod exec;
mod index;
mod winners;

pub(crate) use answers::{Answers, Found, RowRef, Values};
pub(crate) use collect::{Question, Rule, collect};
pub(crate) use exec::{AsofJoinExec, JoinInput, JoinLookup};
pub(crate) use index::{Entities, Index};
