//! Compares what is online with the offline answer.
//!
//! The offline answer is what the ledger promises: the last row per entity among all rows visible at the end of the
//! last complete run, in the files that this run found. It is computed anew by the kernel that materializes, encoded by
//! the same codecs, and compared byte by byte. A row that is later online is none of the run's: it was pushed, or
//! materialized since.

mod compare;
mod explain;

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use asof_model::definition::{Definitions, FeatureView, Source};
use asof_model::{Clock, Keyspace, Timestamp, ViewName};
use asof_offline::{KeyFilter, OfflineEngine, OfflineError, RowsRequest};
use asof_online::{KeyspaceInfo, OnlineError, OnlineStore};
use compare::Comparer;
use futures::TryStreamExt;

pub use compare::{Comparison, Counts, Difference};

use crate::files::source_files;
use crate::{FileChanges, Ledger, MaterializeError, select};

/// How many entities are held in memory at once, about.
const ENTITIES_AT_ONCE: u64 = 1 << 21;

/// How many of a view's entities are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// So many, or up to about twice as many; all of a view that has fewer. Which ones depends on their keys only, and
    /// a smaller sample is part of a larger one.
    Sample(NonZeroU64),
    /// All of them, and also counted is what is online beyond.
    All,
}

/// What came of one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No run was complete, so nothing is promised.
    NotMaterialized,
    /// Files that the last complete run found are not what they were: the answer it brought online cannot be computed
    /// again.
    SourceChanged(FileChanges),
    /// It was compared.
    Compared(Comparison),
}

/// What came of one view, and where its rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewVerification {
    /// The view.
    pub view: ViewName,
    /// Its keyspace.
    pub keyspace: Keyspace,
    /// What came of it.
    pub verdict: Verdict,
}

impl ViewVerification {
    /// Whether nothing that is promised is missing or other than it should be, and all of it could be computed.
    pub fn holds(&self) -> bool {
        match &self.verdict {
            Verdict::NotMaterialized => true,
            Verdict::SourceChanged(_) => false,
            Verdict::Compared(comparison) => comparison.counts.missing == 0 && comparison.counts.differing == 0,
        }
    }
}

/// What a comparison tells while it goes on.
pub trait VerifyProgress: Send + Sync {
    /// A view's turn begins.
    fn view_started(&self, view: &ViewName);
    /// So many more rows were compared.
    fn rows_compared(&self, rows: u64);
}

/// Compares the online rows of views with the offline answer. Changes nothing.
#[derive(Clone)]
pub struct Verifier {
    engine: Arc<OfflineEngine>,
    store: Arc<dyn OnlineStore>,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier that reads sources through `engine`. The clock says which rows may have expired.
    pub fn new(engine: Arc<OfflineEngine>, store: Arc<dyn OnlineStore>, ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        Self {
            engine,
            store,
            ledger,
            clock,
        }
    }

    /// Compares a share of the rows of each view of `definitions`, in the order of their names. `views` empty: all that
    /// are online.
    ///
    /// With `at`, the online rows are compared with those that a full materialization up to that time would bring
    /// online from the files there are now, whatever the ledger says: what was not materialized yet is missing or
    /// differs then.
    ///
    /// # Errors
    /// When a named view is unknown, computed on demand or not online; when sources, ledger or store cannot be read.
    pub async fn verify(
        &self,
        definitions: &Definitions,
        views: &[String],
        share: Share,
        at: Option<Timestamp>,
        progress: &dyn VerifyProgress,
    ) -> Result<Vec<ViewVerification>, MaterializeError> {
        let mut verified = Vec::new();
        for (view, source) in select::views(definitions, views)? {
            progress.view_started(&view.name);
            let one = One {
                verifier: self,
                view: Arc::new(view.clone()),
                source: Arc::new(source.clone()),
                keyspace: Keyspace::of(&definitions.project, view, source),
                share,
                progress,
            };
            verified.push(ViewVerification {
                view: view.name.clone(),
                verdict: one.verify(at).await?,
                keyspace: one.keyspace,
            });
        }
        Ok(verified)
    }
}

/// One view to be verified.
struct One<'a> {
    verifier: &'a Verifier,
    view: Arc<FeatureView>,
    source: Arc<Source>,
    keyspace: Keyspace,
    share: Share,
    progress: &'a dyn VerifyProgress,
}

impl One<'_> {
    async fn verify(&self, at: Option<Timestamp>) -> Result<Verdict, MaterializeError> {
        let mut request = RowsRequest {
            view: Arc::clone(&self.view),
            source: Arc::clone(&self.source),
            at: Timestamp::from_micros(0),
            after: None,
            files: None,
            keys: None,
        };
        let done = self.verifier.ledger.last_complete(&self.keyspace).await?;
        match (at, &done) {
            (Some(at), _) => request.at = at,
            (None, None) => return Ok(Verdict::NotMaterialized),
            (None, Some(done)) => {
                let present = source_files(&self.verifier.engine, &self.view.name, &self.source).await?;
                let changes = FileChanges::between(&done.files, &present);
                if !changes.only_grew() {
                    return Ok(Verdict::SourceChanged(changes));
                }
                request.at = done.to;
                request.files = Some(done.files.iter().map(|file| file.path.clone()).collect());
            }
        }
        let stored = self.stored().await?;
        let is_emptied = done.as_ref().is_some_and(|done| done.is_lost(stored.as_ref()));
        // A store that was emptied has no rows, but the run may have brought many.
        let brought = done.map_or(0, |done| done.rows.read);
        let rows = stored.map_or(0, |info| info.rows).max(brought);
        self.compare(request, rows, is_emptied).await.map(Verdict::Compared)
    }

    /// What the store has of the keyspace.
    async fn stored(&self) -> Result<Option<KeyspaceInfo>, MaterializeError> {
        let known = self.verifier.store.keyspaces().await;
        let known = known.map_err(|source| self.online(source))?;
        Ok(known.into_iter().find(|info| info.keyspace == self.keyspace))
    }

    /// Compares the rows that are asked for with the stored ones, of which there are about `rows`.
    async fn compare(
        &self,
        mut request: RowsRequest,
        rows: u64,
        is_emptied: bool,
    ) -> Result<Comparison, MaterializeError> {
        let verifier = self.verifier;
        let now = verifier.clock.now();
        let store = verifier.store.as_ref();
        let mut comparer = Comparer::new(&self.view, &self.keyspace, store, request.at, now, is_emptied);
        let (of, taken) = parts(self.share, rows);
        for index in 0..taken {
            request.keys = (of > 1).then_some(KeyFilter::Shard { index, of });
            let batches = verifier.engine.latest_rows(&request).await;
            let mut batches = batches.map_err(|source| self.offline(source))?;
            while let Some(batch) = batches.try_next().await.map_err(|source| self.offline(source))? {
                comparer.take(&batch).await?;
                self.progress.rows_compared(batch.rows() as u64);
            }
        }
        let mut comparison = comparer.finish();
        if self.share == Share::All {
            let stored = store.scan(&self.keyspace).await;
            let stored = stored.map_err(|source| self.online(source))?.len() as u64;
            comparison.extra = Some(stored.saturating_sub(comparison.counts.found()));
        }
        Ok(comparison)
    }

    fn online(&self, source: OnlineError) -> MaterializeError {
        MaterializeError::Online {
            view: self.view.name.clone(),
            source,
        }
    }

    fn offline(&self, source: OfflineError) -> MaterializeError {
        MaterializeError::Offline {
            view: self.view.name.clone(),
            source: Box::new(source),
        }
    }
}

/// Into how many parts the entities of a view are divided that has `rows`, and how many of them are taken.
fn parts(share: Share, rows: u64) -> (u32, u32) {
    let parts = |of: u64| u32::try_from(of.max(1)).unwrap_or(1 << 31);
    match share {
        // Powers of two, so that a part of a finer division lies in one of a coarser one.
        Share::Sample(wanted) => (1 << parts(rows / wanted).ilog2(), 1),
        Share::All => {
            let of = parts(rows.div_ceil(ENTITIES_AT_ONCE));
            (of, of)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_one_part_of_about_the_size_asked_for() {
        let sample = |wanted, rows| parts(Share::Sample(NonZeroU64::new(wanted).unwrap()), rows);
        assert_eq!(sample(1_000, 0), (1, 1));
        assert_eq!(sample(1_000, 1_999), (1, 1));
        assert_eq!(sample(1_000, 2_000), (2, 1));
        assert_eq!(sample(1_000, 3_999), (2, 1));
        assert_eq!(sample(1_000, 1_000_000), (512, 1));
        assert_eq!(sample(1, u64::MAX), (1 << 31, 1));
    }

    #[test]
    fn all_are_taken_in_parts_that_fit() {
        assert_eq!(parts(Share::All, 0), (1, 1));
        assert_eq!(parts(Share::All, ENTITIES_AT_ONCE), (1, 1));
        assert_eq!(parts(Share::All, ENTITIES_AT_ONCE + 1), (2, 2));
        assert_eq!(parts(Share::All, 20_000_000), (10, 10));
    }
}
