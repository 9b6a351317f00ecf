//! Conforming, type by type.
