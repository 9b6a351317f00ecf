//! What expressions mean, what is refused, and that values do not depend on how rows come together.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod aggregates;
mod checker;
mod guards;
mod on_demand;
mod refusals;
mod rows;
mod splits;
mod support;
