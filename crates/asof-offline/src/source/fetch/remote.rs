//! Ranges of an object, downloaded.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use super::pieces::Pieces;
use crate::OfflineError;
use crate::error::ReadError;
use crate::source::location::ListedFile;

/// A request costs about as much time as this many bytes: what lies nearer is downloaded along with its neighbours.
pub(super) const NEAR: u64 = 1 << 20;

/// Requests for one file at once.
const CONCURRENT: usize = 8;

/// Downloads sorted, disjoint ranges.
pub(super) async fn download(
    store: &Arc<dyn ObjectStore>,
    file: &ListedFile,
    ranges: &[Range<u64>],
) -> Result<Pieces, OfflineError> {
    let pieces: Vec<Bytes> = futures::stream::iter(ranges.to_vec())
        .map(|range| piece(store, file, range))
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    Ok(Pieces::new(ranges, pieces))
}

/// Downloads one range, of the content that was listed and of no other.
pub(crate) async fn piece(
    store: &Arc<dyn ObjectStore>,
    file: &ListedFile,
    range: Range<u64>,
) -> Result<Bytes, OfflineError> {
    let listed = &file.meta;
    let options = GetOptions {
        range: Some(GetRange::Bounded(range.clone())),
        // A weak tag never matches by the rules of HTTP, and a tag without quotes is not one.
        if_match: listed.e_tag.clone().filter(|tag| tag.starts_with('"')),
        ..GetOptions::default()
    };
    let refused = |error| match error {
        object_store::Error::Precondition { .. } => file.changed("its content is another"),
        object_store::Error::NotFound { .. } => file.changed("it is gone"),
        error => OfflineError::Read {
            file: file.path.clone(),
            error: ReadError::Store(error),
        },
    };
    let answer = store.get_opts(&listed.location, options).await.map_err(refused)?;
    if let Some(change) = change(listed, &answer.meta) {
        return Err(file.changed(&change));
    }
    let bytes = answer.bytes().await.map_err(refused)?;
    if bytes.len() as u64 == range.end - range.start {
        Ok(bytes)
    } else {
        Err(file.changed(&format!("bytes {} to {} are not all there", range.start, range.end)))
    }
}

/// How the object that answers differs from the one that was listed.
fn change(listed: &ObjectMeta, found: &ObjectMeta) -> Option<String> {
    if found.size != listed.size {
        return Some(format!("it had {} bytes and has {}", listed.size, found.size));
    }
    // A listing gives the tag without its quotes in some stores.
    let bare = |tag: &Option<String>| tag.as_deref().map(|tag| tag.trim_matches('"').to_owned());
    match (bare(&listed.e_tag), bare(&found.e_tag)) {
        (Some(before), Some(now)) => (before != now).then(|| format!("its entity tag was {before} and is {now}")),
        // An answer gives the time in whole seconds.
        _ if found.last_modified.timestamp() != listed.last_modified.timestamp() => Some(format!(
            "it was last modified at {} and now at {}",
            listed.last_modified, found.last_modified
        )),
        _ => None,
    }
}
