//! Ranges of an object, downloaded.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use super::pieces::Pieces;
use crate::OfflineError;
use crate::error::ReadError;
use crate::source::location::ListedFile;

/// A request costs about as much time as this many bytes: what lies nearer is downloaded along with its neighbours.
pub(super) const NEAR: u64 = 1 << 20;

/// What is longer is asked for in several requests: one connection gives only so many bytes a second, and a request has
/// to end within the store's timeout.
const LONGEST: u64 = 16 << 20;

/// Requests for one file at once.
const CONCURRENT: usize = 8;

/// Downloads sorted, disjoint ranges.
pub(super) async fn download(
    store: &Arc<dyn ObjectStore>,
    file: &ListedFile,
    ranges: &[Range<u64>],
) -> Result<Pieces, OfflineError> {
    let requests: Vec<Range<u64>> = ranges.iter().flat_map(|range| split(range, LONGEST)).collect();
    let mut answers = futures::stream::iter(requests)
        .map(|range| piece(store, file, range))
        .buffered(CONCURRENT);
    let mut pieces = Vec::with_capacity(ranges.len());
    for range in ranges {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut whole = BytesMut::new();
        while let Some(answer) = answers.try_next().await? {
            if answer.len() == length {
                pieces.push(answer);
                break;
            }
            whole.reserve(length - whole.len());
            whole.extend_from_slice(&answer);
            if whole.len() == length {
                pieces.push(whole.freeze());
                break;
            }
        }
    }
    Ok(Pieces::new(ranges, pieces))
}

/// Cuts a range into parts of at most `longest` bytes.
pub(super) fn split(range: &Range<u64>, longest: u64) -> impl Iterator<Item = Range<u64>> + use<> {
    let end = range.end;
    (range.start..end)
        .step_by(usize::try_from(longest).unwrap_or(usize::MAX))
        .map(move |start| start..end.min(start + longest))
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
