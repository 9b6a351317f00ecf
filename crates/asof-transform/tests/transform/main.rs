//! What expressions mean, what is refused, and that values do not depend on how rows come together.

mod aggregates;
mod checker;
mod guards;
mod on_demand;
mod refusals;
mod rows;
mod splits;
mod support;
