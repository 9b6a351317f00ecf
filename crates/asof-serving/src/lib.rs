//! asof-serving
