//! asof-offline
