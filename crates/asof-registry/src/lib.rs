//! asof-registry
