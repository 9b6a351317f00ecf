//! The offline engine against every rule of the semantics, one test per sentence.

mod files;
mod fixture;
mod join;
mod latest;
mod latest_found;
mod made_spines;
mod manifest;
mod output;
mod sources;
mod spines;
mod traces;
mod web;
mod windows;
