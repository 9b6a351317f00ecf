//! The embedded store: what goes beyond the conformance suite.
