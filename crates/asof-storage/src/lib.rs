//! Object-store locations.
