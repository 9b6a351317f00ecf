//! asof-materialize
