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

use super::delta;
use super::hive::{PartitionColumn, Partitions, partitions_of};
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
    /// A file whose name for people is not known yet.
    fn new(meta: ObjectMeta, partitions: Partitions) -> Self {
        Self {
            meta,
            path: String::new(),
            local: None,
            partitions,
        }
    }

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
    /// The partition columns with their types, where something tells them. `None`: the files' folders are all there is.
    pub(crate) partition_columns: Option<Vec<PartitionColumn>>,
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
    let mut partition_columns = None;
    let mut files = match single(&location, pattern.is_none()).await.map_err(unreadable)? {
        Some(file) => vec![file],
        None if is_web => {
            return Err(OfflineError::WebListing {
                source_name: source.name.to_string(),
                path: source.path.clone(),
            });
        }
        None => {
            let listed = below(&location).await.map_err(unreadable)?;
            match (&pattern, table_format(&listed)) {
                (None, Some(TableFormat::Delta)) => {
                    let table = delta::read(&location.store, &listed).await;
                    let table = table.map_err(|problem| OfflineError::Delta {
                        source_name: source.name.to_string(),
                        path: source.path.clone(),
                        problem,
                    })?;
                    partition_columns = Some(table.partition_columns);
                    table
                        .files
                        .into_iter()
                        .map(|(meta, partitions)| ListedFile::new(meta, partitions))
                        .collect()
                }
                (None, Some(TableFormat::Other { format, reason })) => {
                    return Err(OfflineError::TableFormat {
                        source_name: source.name.to_string(),
                        path: source.path.clone(),
                        format,
                        reason,
                    });
                }
                _ => data_files(listed, pattern.as_ref()),
            }
        }
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
        partition_columns,
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
        Ok(meta) => Ok(Some(ListedFile::new(meta, Partitions::new()))),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is below the location at any depth, by its path from there.
async fn below(location: &Location) -> Result<Vec<(String, ObjectMeta)>, object_store::Error> {
    let mut listed = location.store.list(Some(&location.path));
    let mut files = Vec::new();
    loop {
        match listed.try_next().await {
            Ok(Some(meta)) => {
                let relative = relative_to(&location.path, &meta.location).map(str::to_owned);
                files.extend(relative.map(|relative| (relative, meta)));
            }
            Ok(None) | Err(object_store::Error::NotFound { .. }) => return Ok(files),
            Err(error) => return Err(error),
        }
    }
}

/// The Parquet files of a folder, or those that match a pattern.
fn data_files(listed: Vec<(String, ObjectMeta)>, pattern: Option<&Pattern>) -> Vec<ListedFile> {
    let belongs = |relative: &str| match pattern {
        Some(pattern) => pattern.matches_with(relative, MATCH),
        None => is_data_file(relative),
    };
    let files = listed.into_iter().filter(|(relative, _)| belongs(relative));
    let files = files.map(|(relative, meta)| {
        let folders = relative.rsplit_once('/').map_or("", |(folders, _)| folders);
        ListedFile::new(meta, partitions_of(folders.split('/')))
    });
    files.collect()
}

/// What a folder is that is more than its files: not all of them count, and there may be rows that do not.
enum TableFormat {
    Delta,
    /// One that is not read.
    Other {
        format: &'static str,
        reason: &'static str,
    },
}

fn table_format(listed: &[(String, ObjectMeta)]) -> Option<TableFormat> {
    let other = |format, reason| Some(TableFormat::Other { format, reason });
    for (path, _) in listed {
        let is_json = FilePath::new(path)
            .extension()
            .is_some_and(|extension| extension == "json");
        if path.starts_with(delta::LOG) {
            return Some(TableFormat::Delta);
        }
        if path.contains("/_delta_log/") {
            return other("a folder of Delta tables", "make each table a source of its own");
        }
        if path.starts_with(".hoodie/") {
            return other("a Hudi table", "there is no library for it that fits DataFusion 55");
        }
        if path.starts_with("metadata/") && path.contains(".metadata.") && is_json {
            return other(
                "an Iceberg table",
                "its library, iceberg 0.10, is made for DataFusion 53; Asof has DataFusion 55",
            );
        }
    }
    None
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
