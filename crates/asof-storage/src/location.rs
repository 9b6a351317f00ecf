//! A location that was understood, and how one is.

use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

use crate::{StorageError, StorageOptions, cloud, http, local};

/// A place in an object store. Making one reads and creates nothing.
#[derive(Debug, Clone)]
pub struct Location {
    /// The store. That of a path on this machine begins at the root of the file system, so that folders on the way
    /// are created by the first write, not before.
    pub store: Arc<dyn ObjectStore>,
    /// The place in it; patterns such as `*` are part of it as they were written.
    pub path: Path,
    /// The store itself: `file:///`, `s3://bucket`, `https://host/`. Two locations in one store have equal roots.
    pub root: Url,
    /// The absolute path, when it is on this machine.
    pub local: Option<PathBuf>,
    /// The location as it was written.
    pub written: String,
}

impl Location {
    /// Whether it is on a web server, of which only single files are known: what others there are, it does not tell.
    pub fn is_web(&self) -> bool {
        matches!(self.root.scheme(), "http" | "https")
    }
}

impl fmt::Display for Location {
    /// The location as it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.written)
    }
}

/// Resolves `location`: a path (relative ones are relative to `base`), or a URL with `file`, `s3`, `gs`, `az` or
/// `https`.
///
/// Object stores take their settings from the environment, as the tools of each cloud do, and over it from the
/// options of the longest prefix of the location.
///
/// # Errors
/// When the location cannot be understood, or an option or setting is wrong. Whether anything lies there, and
/// whether the credentials open it, shows only at the first read.
pub fn resolve(location: &str, base: &FilePath, options: &StorageOptions) -> Result<Location, StorageError> {
    if location.is_empty() {
        return Err(StorageError::Empty);
    }
    match location.split_once("://") {
        None => local::resolve(location, FilePath::new(location), base),
        Some(("http" | "https", _)) => http::resolve(location, options),
        Some(("file", _)) => local::resolve(location, &local::url_path(location)?, base),
        Some((scheme, rest)) => cloud::resolve(location, scheme, rest, options),
    }
}

#[cfg(test)]
mod tests;
