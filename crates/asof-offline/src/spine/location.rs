//! Spines that are more than a file on this machine: folders, globs, and all of these in object stores.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use asof_model::SourceName;
use asof_model::definition::{Metadata, Source, TimeColumn};
use asof_storage::StorageOptions;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::io::AsyncWriteExt;

use super::file::LocalFile;
use crate::OfflineError;
use crate::source::{ListedFile, Partitions, list};

/// Files downloaded at once.
const DOWNLOADS: usize = 4;

/// A file of a spine, on this machine.
#[derive(Debug)]
pub(super) struct SpineFile {
    pub(super) file: LocalFile,
    pub(super) partitions: Partitions,
}

/// The path of the one file that `location` names, if it names a file of this machine.
pub(super) fn local_file(location: &str) -> Option<PathBuf> {
    let path = Path::new(location);
    let may_be_more = location.contains("://") || location.contains(['*', '?', '[']);
    (path.is_file() || !(may_be_more || path.is_dir())).then(|| path.to_owned())
}

/// Whether a file of this name is CSV; every other is Parquet.
pub(super) fn is_csv(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

/// The files at a location, sorted by path: opened on this machine, downloaded from elsewhere. Relative paths start
/// at the working directory.
pub(super) async fn files(location: &str, storage: &StorageOptions) -> Result<Vec<SpineFile>, OfflineError> {
    let base = Path::new(".");
    let listing = list(&as_source(location), base, storage).await.map_err(of_spine)?;
    let store = listing.store;
    let open = |listed: ListedFile| {
        let store = Arc::clone(&store);
        async move {
            let file = match &listed.local {
                Some(path) => LocalFile::open(path)?,
                None => download(store.as_ref(), &listed).await?,
            };
            let partitions = listed.partitions;
            Ok(SpineFile { file, partitions })
        }
    };
    let files = futures::stream::iter(listing.files.into_iter().map(open));
    files.buffered(DOWNLOADS).try_collect().await
}

/// Copies a file to one that has no name here.
async fn download(store: &dyn ObjectStore, listed: &ListedFile) -> Result<LocalFile, OfflineError> {
    let failed = |error| OfflineError::SpineDownload {
        file: listed.path.clone(),
        error,
    };
    let spool = |error| OfflineError::Spool { error };
    let temporary = tempfile::tempfile().map_err(spool)?;
    let mut to = tokio::fs::File::from_std(temporary);
    let mut bytes = store.get(&listed.meta.location).await.map_err(failed)?.into_stream();
    while let Some(block) = bytes.try_next().await.map_err(failed)? {
        to.write_all(&block).await.map_err(spool)?;
    }
    to.flush().await.map_err(spool)?;
    LocalFile::of(to.into_std().await, listed.path.clone())
}

/// Files are listed by the rules of sources.
fn as_source(location: &str) -> Source {
    Source {
        name: SourceName::try_new("spine").expect("a word is a name"),
        path: location.to_owned(),
        event_time: TimeColumn::Column(String::new()),
        created_time: None,
        filter: None,
        metadata: Metadata::default(),
    }
}

/// What listing found wrong, said of the spine.
fn of_spine(error: OfflineError) -> OfflineError {
    match error {
        OfflineError::Storage { error, .. } => OfflineError::SpineStorage { error },
        OfflineError::Glob { path, error, .. } => OfflineError::SpineGlob { path, error },
        OfflineError::List { path, error, .. } => OfflineError::SpineDownload { file: path, error },
        OfflineError::NoFiles { path, .. } => OfflineError::SpineNoFiles { path },
        other => other,
    }
}
