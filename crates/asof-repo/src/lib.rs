//! asof-repo
