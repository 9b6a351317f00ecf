//! asof-proto
