//! Where rows go: through the checks, the codecs, and into the store.

use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use asof_offline::FeatureBatch;
use asof_online::OnlineStore;

use crate::encode::ViewCodecs;
use crate::expectations::Expectations;
use crate::{BrokenExpectation, MaterializeError, Progress, RowCounts, ViewTask};

/// Takes the rows of one task.
pub(super) struct Sink<'a> {
    task: &'a ViewTask,
    store: &'a dyn OnlineStore,
    progress: &'a dyn Progress,
    codecs: ViewCodecs,
    expectations: Expectations<'a>,
    /// Rows that wait until all are checked; `None`: there is no need to wait.
    held: Option<Vec<(EncodedKeys, EncodedRows)>>,
    counts: RowCounts,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        task: &'a ViewTask,
        store: &'a dyn OnlineStore,
        progress: &'a dyn Progress,
    ) -> Result<Self, MaterializeError> {
        let expectations = Expectations::compile(&task.view)?;
        Ok(Self {
            task,
            store,
            progress,
            codecs: ViewCodecs::of(&task.view),
            held: expectations.can_fail().then(Vec::new),
            expectations,
            counts: RowCounts::default(),
        })
    }

    /// Checks rows, and writes them or holds them back.
    pub(super) async fn take(&mut self, batch: &FeatureBatch) -> Result<(), MaterializeError> {
        self.expectations.check(batch)?;
        let (keys, rows) = self.codecs.encode(batch)?;
        if keys.is_empty() {
            return Ok(());
        }
        self.counts.read += keys.len() as u64;
        match &mut self.held {
            Some(held) => held.push((keys, rows)),
            None => self.write(&keys, &rows).await?,
        }
        Ok(())
    }

    /// Writes what was held back, if all rows may be written.
    pub(super) async fn finish(mut self) -> Result<(RowCounts, Vec<BrokenExpectation>), MaterializeError> {
        let held = self.held.take().unwrap_or_default();
        let warnings = self.expectations.finish()?;
        for (keys, rows) in held {
            self.write(&keys, &rows).await?;
        }
        Ok((self.counts, warnings))
    }

    async fn write(&mut self, keys: &EncodedKeys, rows: &EncodedRows) -> Result<(), MaterializeError> {
        let done = (self.store)
            .write(&self.task.keyspace, keys, rows, self.task.view.admission.ttl)
            .await;
        let done = done.map_err(|source| MaterializeError::Online {
            view: self.task.view.name.clone(),
            source,
        })?;
        self.counts.written += done.written;
        self.counts.kept += done.kept;
        self.progress.rows_done(&self.task.view.name, keys.len() as u64);
        Ok(())
    }
}
