//! The law of no skew, tested: random feature repositories and a brute-force oracle written from the contract.
//!
//! The oracle shares no code with the engines. It knows rows as plain values, tries every row for every answer, and
//! is slow and obvious on purpose. The properties stand in `tests/law`.
//!
//! In reading order: [`value`], [`case`], [`generate`], [`oracle`], [`repository`].

pub mod case;
pub mod generate;
pub mod oracle;
pub mod repository;
pub mod value;
