//! Since when a keyspace is no longer read.

use std::collections::{BTreeMap, BTreeSet};

use asof_model::{Keyspace, Timestamp};
use futures::{StreamExt, TryStreamExt};

use super::{CONCURRENT_READS, KeyspacesError, Survey, Version};
use crate::live::waiting_views;
use crate::{Ledger, MaterializeError};

/// Since when the keyspace is surely no longer read: since the first version after its last one that is complete went
/// live. `None`: there is no such version.
///
/// A version between, whose own keyspaces went since, may have replaced it earlier. That only keeps it longer.
pub(super) async fn replaced(
    survey: &mut Survey<'_>,
    since: &mut OnlineSince<'_>,
    keyspace: &Keyspace,
) -> Result<Option<Timestamp>, KeyspacesError> {
    let has = |version: &Version| version.keyspaces.contains(keyspace);
    let after = survey.versions.iter().rposition(has).map_or(0, |last| last + 1);
    for version in &survey.versions[after..] {
        let keyspaces = version.keyspaces.iter().cloned();
        if waiting_views(keyspaces, &mut survey.online).await?.is_empty() {
            let online = since.all(&version.keyspaces).await?;
            return Ok(Some(
                online.map_or(version.applied, |online| online.max(version.applied)),
            ));
        }
    }
    Ok(None)
}

/// Since when keyspaces are online without a break, each looked up once. Times before `back_to` may come out later than
/// they are, but not later than that.
pub(super) struct OnlineSince<'a> {
    ledger: &'a Ledger,
    back_to: Timestamp,
    known: BTreeMap<Keyspace, Option<Timestamp>>,
}

impl<'a> OnlineSince<'a> {
    pub(super) fn new(ledger: &'a Ledger, back_to: Timestamp) -> Self {
        Self {
            ledger,
            back_to,
            known: BTreeMap::new(),
        }
    }

    /// Since when all of them are online that are online at all; `None`: none is.
    async fn all(&mut self, keyspaces: &BTreeSet<Keyspace>) -> Result<Option<Timestamp>, MaterializeError> {
        let (ledger, back_to) = (self.ledger, self.back_to);
        let unknown: Vec<Keyspace> = (keyspaces.iter())
            .filter(|keyspace| !self.known.contains_key(keyspace))
            .cloned()
            .collect();
        let found = futures::stream::iter(unknown).map(|keyspace| async move {
            let since = ledger.online_since(&keyspace, back_to).await?;
            Ok::<_, MaterializeError>((keyspace, since))
        });
        let found: Vec<_> = found.buffer_unordered(CONCURRENT_READS).try_collect().await?;
        self.known.extend(found);
        Ok(keyspaces.iter().filter_map(|keyspace| self.known[keyspace]).max())
    }
}
