//! asof-online
