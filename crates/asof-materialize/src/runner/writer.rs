//! Where rows go: through the codecs, and into the store, while the next are read.

use std::sync::Arc;

use asof_model::Timestamp;
use asof_offline::{FeatureBatch, FeatureStream};
use asof_online::OnlineError;
use futures::{StreamExt, TryStreamExt, future};
use xxhash_rust::xxh3::Xxh3;

use super::{LocalRunner, offline, online};
use crate::encode::ViewCodecs;
use crate::{MaterializeError, Progress, RowCounts, ViewTask};

/// How many batches of one shard are on their way to the store at once: one is encoded while another is awaited.
const IN_FLIGHT: usize = 3;

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) rows: RowCounts,
    pub(super) bytes: u64,
    pub(super) checksum: u64,
    pub(super) newest: Option<Timestamp>,
}

impl Written {
    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.checksum = self.checksum.wrapping_add(other.checksum);
        self.newest = self.newest.max(other.newest);
    }
}

/// Writes the rows of one task.
pub(super) struct Writer<'a> {
    runner: &'a LocalRunner,
    task: &'a ViewTask,
    progress: &'a dyn Progress,
    codecs: Arc<ViewCodecs>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(runner: &'a LocalRunner, task: &'a ViewTask, progress: &'a dyn Progress) -> Self {
        Self {
            runner,
            task,
            progress,
            codecs: Arc::new(ViewCodecs::of(&task.view)),
        }
    }

    /// Writes all rows, unless `stopping` says to stop: then those that were read, and `None`.
    pub(super) async fn write_all(
        &self,
        rows: FeatureStream,
        stopping: impl Fn() -> bool,
    ) -> Result<Option<Written>, MaterializeError> {
        let mut stopped = false;
        let mut total = Written::default();
        {
            let batches = rows
                .map_err(|source| offline(self.task, source))
                .take_while(|_| {
                    stopped = stopped || stopping();
                    future::ready(!stopped)
                })
                .map_ok(|batch| self.write(batch));
            let mut writes = batches.try_buffer_unordered(IN_FLIGHT);
            while let Some(written) = writes.try_next().await? {
                total.add(written);
            }
        }
        Ok((!stopped).then_some(total))
    }

    /// Encodes and writes some rows, on any thread.
    pub(super) async fn write(&self, batch: FeatureBatch) -> Result<Written, MaterializeError> {
        let (codecs, store) = (Arc::clone(&self.codecs), Arc::clone(&self.runner.store));
        let (keyspace, ttl) = (self.task.keyspace.clone(), self.task.view.admission.ttl);
        let view = self.task.view.name.clone();
        let writing = tokio::spawn(async move {
            let (keys, rows) = codecs.encode(&batch)?;
            let mut written = Written::default();
            if keys.is_empty() {
                return Ok(written);
            }
            for (key, row) in keys.iter().zip(rows.iter()) {
                let key = key.unwrap_or_default();
                written.bytes += (key.len() + row.len()) as u64;
                let mut hash = Xxh3::new();
                hash.update(key);
                hash.update(row);
                written.checksum = written.checksum.wrapping_add(hash.digest());
            }
            let newest = batch.event_times.values().iter().max();
            written.newest = newest.map(|micros| Timestamp::from_micros(*micros));
            let done = store.write(&keyspace, &keys, &rows, ttl).await;
            let done = done.map_err(|source| MaterializeError::Online { view, source })?;
            written.rows = RowCounts {
                read: keys.len() as u64,
                written: done.written,
                kept: done.kept,
            };
            Ok(written)
        });
        let written = writing
            .await
            .map_err(|source| online(self.task, OnlineError::Task { source }))??;
        self.progress.rows_done(&self.task.view.name, written.rows.read);
        Ok(written)
    }
}
