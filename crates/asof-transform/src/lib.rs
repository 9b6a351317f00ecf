//! asof-transform
