//! Window aggregations: which cutoff answers, and the fold of the rows of its windows.
//!
//! A cutoff's row is made from the source rows visible at the time asked, so it is not read but computed: rows of the
//! entities asked about are collected, sorted per entity in the order of rows, and only the cutoffs that answer
//! somebody are folded, when their values are read.
//!
//! ```text
//!            c - window          c            c + lag          t
//!  ──────────────┼───────────────┼───────────────┼─────────────┼──────>
//!                 (   rows here   ]  are the row   known from    asked here:
//!                                    of cutoff c   here on       the last such c answers
//! ```
//!
//! In reading order: `program`, `cutoffs`, `events`, `store`, `segment`, `spill`, `shard`, `folded`.

mod cutoffs;
mod events;
mod folded;
mod program;
mod segment;
mod shard;
mod spill;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use cutoffs::Cutoffs;
pub(crate) use events::Events;
pub(crate) use program::WindowProgram;
