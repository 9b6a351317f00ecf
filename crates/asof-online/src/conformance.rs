//! The checks that every online store passes.
