//! Paths on this machine.

use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use url::Url;

use crate::{Location, StorageError};

/// The location of the file or folder `path`; relative paths are relative to `base`.
pub(crate) fn resolve(written: &str, path: &FilePath, base: &FilePath) -> Result<Location, StorageError> {
    let invalid = |problem: String| StorageError::InvalidPath {
        location: written.to_owned(),
        problem,
        advice: "write a path of UTF-8 text",
    };
    let base = std::path::absolute(base).map_err(|error| invalid(error.to_string()))?;
    let file = normalize(&base.join(path));
    let text = file.to_str().ok_or_else(|| invalid("it is not UTF-8".to_owned()))?;
    let path = Path::parse(text).map_err(|error| invalid(error.to_string()))?;
    Ok(Location {
        store: Arc::new(LocalFileSystem::new()),
        path,
        root: Url::parse("file:///").expect("a constant that is a URL"),
        local: Some(file),
        written: written.to_owned(),
    })
}

/// The path of a `file://` URL.
pub(crate) fn url_path(written: &str) -> Result<PathBuf, StorageError> {
    let invalid = |problem: String| StorageError::InvalidPath {
        location: written.to_owned(),
        problem,
        advice: "write file:///folder, or just the path",
    };
    let url = Url::parse(written).map_err(|error| invalid(error.to_string()))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("`?` and `#` have another meaning in a file URL".to_owned()));
    }
    url.to_file_path()
        .map_err(|()| invalid("it names another machine".to_owned()))
}

/// Takes `.` and `..` out of an absolute path by its text alone, because the path may hold patterns or not exist yet.
fn normalize(path: &FilePath) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => normal.push(component),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_taken_out_and_the_root_stays() {
        let cases = [
            ("/a/./b/../c/*.parquet", "/a/c/*.parquet"),
            ("/../a/..", "/"),
            ("/a//b/", "/a/b"),
        ];
        for (path, expected) in cases {
            assert_eq!(normalize(FilePath::new(path)), FilePath::new(expected), "{path}");
        }
    }
}
