//! The files of a source: a file, a folder, a glob, or any of these in an object store.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use asof_model::definition::Source;
use asof_storage::{Location, StorageOptions, resolve};
use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::hive::{Partitions, partitions_of};
use crate::OfflineError;

/// A file that belongs to a source, not opened yet.
#[derive(Debug, Clone)]
pub(crate) struct ListedFile {
    pub(crate) meta: ObjectMeta,
    /// The path in errors and in the order of rows; see [`SourceFile`](super::SourceFile).
    pub(crate) path: String,
    /// Where it lies, when it is on this machine.
    pub(crate) local: Option<PathBuf>,
    pub(crate) partitions: Partitions,
}

impl ListedFile {
    /// The error that this is not the file that it was.
    pub(crate) fn changed(&self, change: &str) -> OfflineError {
        OfflineError::FileChanged {
            file: self.path.clone(),
            change: change.to_owned(),
        }
    }
}

/// The files of a source, sorted by path.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) files: Vec<ListedFile>,
}

const GLOB: [char; 3] = ['*', '?', '['];

/// `*` stays in one folder, `**` crosses them, and hidden files are matched only by patterns that say the dot.
const MATCH: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Lists the files of `source`, sorted by path.
///
/// # Errors
/// When the location is wrong, cannot be listed, or holds no Parquet file.
pub(crate) async fn list(source: &Source, base: &FilePath, options: &StorageOptions) -> Result<Listing, OfflineError> {
    // Nothing in a web server's URL is a pattern, as there is no telling what files there are.
    let is_web = source.path.starts_with("http://") || source.path.starts_with("https://");
    let (folder, pattern) = if is_web {
        (source.path.as_str(), None)
    } else {
        split_glob(&source.path)
    };
    let storage = |error| OfflineError::Storage {
        source_name: source.name.to_string(),
        error: Box::new(error),
    };
    let location = resolve(folder, base, options).map_err(storage)?;
    let pattern = pattern
        .map(Pattern::new)
        .transpose()
        .map_err(|error| OfflineError::Glob {
            source_name: source.name.to_string(),
            path: source.path.clone(),
            error,
        })?;
    let unreadable = |error| OfflineError::List {
        source_name: source.name.to_string(),
        path: source.path.clone(),
        error,
    };
    let mut files = match single(&location, pattern.is_none()).await.map_err(unreadable)? {
        Some(file) => vec![file],
        None if is_web => {
            return Err(OfflineError::WebListing {
                source_name: source.name.to_string(),
                path: source.path.clone(),
            });
        }
        None => below(&location, pattern.as_ref()).await.map_err(unreadable)?,
    };
    for file in &mut files {
        file.path = if is_web {
            source.path.clone()
        } else {
            shown(&location, &file.meta.location, base)
        };
        if location.local.is_some() {
            let path = LocalFileSystem::new().path_to_filesystem(&file.meta.location);
            file.local = Some(path.map_err(unreadable)?);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if files.is_empty() {
        return Err(OfflineError::NoFiles {
            source_name: source.name.to_string(),
            path: source.path.clone(),
        });
    }
    Ok(Listing {
        store: location.store,
        files,
    })
}

/// The part of a path before its first pattern, and the pattern from there on.
fn split_glob(path: &str) -> (&str, Option<&str>) {
    let Some(at) = path.find(GLOB) else {
        return (path, None);
    };
    match path[..at].rfind('/') {
        Some(0) => ("/", Some(&path[1..])),
        Some(slash) => (&path[..slash], Some(&path[slash + 1..])),
        None => (".", Some(path)),
    }
}

/// The file at the location itself, if one may be and is there.
async fn single(location: &Location, wanted: bool) -> Result<Option<ListedFile>, object_store::Error> {
    if !wanted || location.path.is_root() {
        return Ok(None);
    }
    match location.store.head(&location.path).await {
        Ok(meta) => Ok(Some(ListedFile {
            meta,
            path: String::new(),
            local: None,
            partitions: Partitions::new(),
        })),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The Parquet files below the location, at any depth.
async fn below(location: &Location, pattern: Option<&Pattern>) -> Result<Vec<ListedFile>, object_store::Error> {
    let mut listed = location.store.list(Some(&location.path));
    let mut files = Vec::new();
    loop {
        let meta = match listed.try_next().await {
            Ok(Some(meta)) => meta,
            Ok(None) | Err(object_store::Error::NotFound { .. }) => break,
            Err(error) => return Err(error),
        };
        let Some(relative) = relative_to(&location.path, &meta.location) else {
            continue;
        };
        let belongs = match pattern {
            Some(pattern) => pattern.matches_with(relative, MATCH),
            None => is_data_file(relative),
        };
        if belongs {
            let folders = relative.rsplit_once('/').map_or("", |(folders, _)| folders);
            let partitions = partitions_of(folders.split('/'));
            files.push(ListedFile {
                meta,
                path: String::new(),
                local: None,
                partitions,
            });
        }
    }
    Ok(files)
}

fn relative_to<'a>(folder: &Path, file: &'a Path) -> Option<&'a str> {
    let rest = file.as_ref().strip_prefix(folder.as_ref())?;
    Some(rest.strip_prefix('/').unwrap_or(rest))
}

/// Whether a file in a source's folder holds its data: `*.parquet`, with nothing on the way hidden (`.`) or set
/// aside (`_`). A folder such as `_day=1` is a partition all the same.
fn is_data_file(relative: &str) -> bool {
    let aside = |part: &str| part.starts_with('.') || (part.starts_with('_') && !part.contains('='));
    relative.ends_with(".parquet") && !relative.split('/').any(aside)
}

fn shown(location: &Location, file: &Path, base: &FilePath) -> String {
    if location.local.is_none() {
        return format!("{}/{file}", location.root.as_str().trim_end_matches('/'));
    }
    let absolute = format!("/{file}");
    let base = std::path::absolute(base).ok();
    let relative = base.and_then(|base| {
        FilePath::new(&absolute)
            .strip_prefix(base)
            .ok()?
            .to_str()
            .map(str::to_owned)
    });
    relative.unwrap_or(absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_its_first_pattern() {
        assert_eq!(split_glob("data/w"), ("data/w", None));
        assert_eq!(split_glob("data/*/x.parquet"), ("data", Some("*/x.parquet")));
        assert_eq!(split_glob("*.parquet"), (".", Some("*.parquet")));
        assert_eq!(split_glob("/*.parquet"), ("/", Some("*.parquet")));
        assert_eq!(split_glob("s3://b/a/d=[12]/x"), ("s3://b/a", Some("d=[12]/x")));
    }

    #[test]
    fn hidden_files_and_those_set_aside_are_no_data() {
        for path in ["a.parquet", "x/y/a.parquet", "_day=1/a.parquet"] {
            assert!(is_data_file(path), "{path}");
        }
        for path in [
            "_a.parquet",
            ".a.parquet",
            "_tmp/a.parquet",
            ".x/a.parquet",
            "a.csv",
            "a.parquet.crc",
        ] {
            assert!(!is_data_file(path), "{path}");
        }
    }
}
