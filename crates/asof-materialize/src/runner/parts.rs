//! What has to be read for a task, cut into parts that can be done one by one.

use std::sync::Arc;

use asof_model::Timestamp;
use asof_model::definition::ViewBody;
use asof_offline::{FeatureStream, KeyFilter, RowReader, RowSet, RowsRequest};
use asof_online::KeyspaceLife;
use futures::TryStreamExt;
use xxhash_rust::xxh3::Xxh3;

use super::{LocalRunner, offline};
use crate::expectations::Expectations;
use crate::reads::{Late, Reads};
use crate::runs::{Open, Part};
use crate::{BrokenExpectation, FileChanges, MaterializeError, RecordedFile, Scope, ViewTask};

/// What a task comes to, given what is online and which files there are.
#[derive(Debug, Clone)]
pub(super) struct Planned<'a> {
    task: &'a ViewTask,
    pub(super) reads: Reads,
    pub(super) files: Vec<RecordedFile>,
    pub(super) changes: FileChanges,
    /// The life of the keyspace before anything is written.
    pub(super) life: KeyspaceLife,
}

impl<'a> Planned<'a> {
    pub(super) fn new(task: &'a ViewTask, scope: &Scope, files: Vec<RecordedFile>, life: KeyspaceLife) -> Self {
        let recorded: &[RecordedFile] = match scope {
            Scope::UpTo { done: Some(done), .. } => &done.files,
            Scope::UpTo { done: None, .. } | Scope::Interval { .. } => &[],
        };
        let changes = FileChanges::between(recorded, &files);
        Self {
            task,
            reads: Reads::plan(&task.view, scope, &changes),
            files,
            changes,
            life,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.reads.fresh.is_none() && self.reads.late.is_none()
    }

    /// A hash of everything that decides which rows go where: who has the same has the same to do.
    pub(super) fn inputs(&self) -> u64 {
        let mut hash = Xxh3::new();
        let mut add = |text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        add("asof run 1");
        add(&self.task.keyspace.to_string());
        add(&format!(
            "{:?} {:?} {}",
            self.task.scope.from(),
            self.task.scope.to(),
            self.life.birth
        ));
        add(&format!("{:?}", self.reads));
        for file in &self.files {
            add(&file.path);
            add(&format!("{} {:?} {}", file.size, file.etag, file.modified_micros));
        }
        hash.digest()
    }

    /// A request for rows of all files.
    pub(super) fn request(&self, at: Timestamp, after: Option<Timestamp>, keys: Option<KeyFilter>) -> RowsRequest {
        RowsRequest {
            view: Arc::clone(&self.task.view),
            source: Arc::clone(&self.task.source),
            at,
            after,
            files: None,
            keys,
        }
    }

    /// A request for rows of new files.
    pub(super) fn late_request(&self, late: &Late) -> RowsRequest {
        let mut request = self.request(late.at, None, None);
        request.files = Some(late.files.iter().cloned().collect());
        request
    }
}

/// The parts of a task.
pub(super) struct Parts {
    fresh: Option<Fresh>,
    pub(super) late: Option<Late>,
}

/// Rows of all files.
enum Fresh {
    /// Rows that were found.
    Rows {
        reader: RowReader,
        found: RowSet,
        shards: Vec<RowSet>,
    },
    /// Rows that are computed from others, for one part of the entities after the other.
    Windows { request: RowsRequest, of: u32 },
}

impl Parts {
    /// Finds the rows of a task, and checks them.
    pub(super) async fn find(
        runner: &LocalRunner,
        task: &ViewTask,
        planned: &Planned<'_>,
    ) -> Result<(Self, Vec<BrokenExpectation>), MaterializeError> {
        let fresh = match &planned.reads.fresh {
            None => None,
            Some(fresh) => {
                let request = planned.request(task.scope.to(), fresh.after, None);
                Some(match &task.view.body {
                    ViewBody::Windows(_) => Fresh::Windows {
                        request,
                        of: runner.shards.get(),
                    },
                    ViewBody::Rows(_) => {
                        let found = runner.engine.find_latest(&request).await;
                        let found = found.map_err(|source| offline(task, source))?;
                        tracing::debug!(view = %task.view.name, report = ?found.report, "rows found");
                        Fresh::rows(runner, task, &request, found.rows, runner.rows_per_shard).await?
                    }
                })
            }
        };
        Self {
            fresh,
            late: planned.reads.late.clone(),
        }
        .checked(runner, task, planned)
        .await
    }

    /// The parts of a run that is open.
    pub(super) async fn open(
        runner: &LocalRunner,
        task: &ViewTask,
        planned: &Planned<'_>,
        open: &Open,
    ) -> Result<(Self, Vec<BrokenExpectation>), MaterializeError> {
        let windows = open.plan.parts.iter().find_map(|part| match part {
            Part::Keys { of, .. } => Some(*of),
            Part::Rows { .. } | Part::Late { .. } => None,
        });
        let fresh = match (&planned.reads.fresh, windows) {
            (None, _) => None,
            (Some(fresh), Some(of)) => Some(Fresh::Windows {
                request: planned.request(task.scope.to(), fresh.after, None),
                of,
            }),
            (Some(fresh), None) => {
                let request = planned.request(task.scope.to(), fresh.after, None);
                let found = RowSet::from_bytes(&open.rows().await?);
                let found = found.map_err(|error| open.damaged(error.to_string()))?;
                Some(Fresh::rows(runner, task, &request, found, open.plan.rows_per_shard).await?)
            }
        };
        let parts = Self {
            fresh,
            late: planned.reads.late.clone(),
        };
        if parts.parts() != open.plan.parts {
            return Err(open.damaged("its shards are not those of its rows".to_owned()));
        }
        parts.checked(runner, task, planned).await
    }

    /// The shards of a run.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = match &self.fresh {
            None => Vec::new(),
            Some(Fresh::Rows { shards, .. }) => shards.iter().map(|rows| Part::Rows { rows: rows.len() }).collect(),
            Some(Fresh::Windows { of, .. }) => (0..*of).map(|index| Part::Keys { index, of: *of }).collect(),
        };
        parts.extend(self.late.iter().map(|late| Part::Late {
            files: late.files.len() as u64,
        }));
        parts
    }

    /// The rows that were found, for whoever joins.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        match &self.fresh {
            Some(Fresh::Rows { found, .. }) => Some(found.to_bytes()),
            Some(Fresh::Windows { .. }) | None => None,
        }
    }

    pub(super) fn has_fresh(&self) -> bool {
        self.fresh.is_some()
    }

    /// The rows of a shard; `None`: it is that of the late rows.
    pub(super) async fn read(
        &self,
        runner: &LocalRunner,
        task: &ViewTask,
        shard: usize,
    ) -> Result<Option<FeatureStream>, MaterializeError> {
        let rows = match &self.fresh {
            Some(Fresh::Rows { reader, shards, .. }) if shard < shards.len() => reader.read(&shards[shard]),
            Some(Fresh::Windows { request, of }) if shard < *of as usize => {
                let mut request = request.clone();
                request.keys = (*of > 1).then_some(KeyFilter::Shard {
                    index: shard as u32,
                    of: *of,
                });
                runner.engine.latest_rows(&request).await
            }
            _ => return Ok(None),
        };
        rows.map(Some).map_err(|source| offline(task, source))
    }

    /// Checks all rows by the view's expectations, before any is written.
    async fn checked(
        self,
        runner: &LocalRunner,
        task: &ViewTask,
        planned: &Planned<'_>,
    ) -> Result<(Self, Vec<BrokenExpectation>), MaterializeError> {
        let mut expectations = Expectations::compile(&task.view)?;
        if task.view.expectations.is_empty() {
            return Ok((self, Vec::new()));
        }
        for shard in 0..self.parts().len() {
            let mut rows = match (self.read(runner, task, shard).await?, &self.late) {
                (Some(rows), _) => rows,
                (None, Some(late)) => runner.stream(task, &planned.late_request(late)).await?,
                (None, None) => continue,
            };
            while let Some(batch) = rows.try_next().await.map_err(|source| offline(task, source))? {
                expectations.check(&batch)?;
            }
        }
        let warnings = expectations.finish()?;
        Ok((self, warnings))
    }
}

impl Fresh {
    async fn rows(
        runner: &LocalRunner,
        task: &ViewTask,
        request: &RowsRequest,
        found: RowSet,
        rows_per_shard: u64,
    ) -> Result<Self, MaterializeError> {
        let reader = runner.engine.row_reader(request).await;
        Ok(Self::Rows {
            reader: reader.map_err(|source| offline(task, source))?,
            shards: found.shards(rows_per_shard),
            found,
        })
    }
}

impl LocalRunner {
    /// The rows of a request, in memory that follows neither rows nor entities where the view's rows are those of its
    /// source.
    pub(super) async fn stream(
        &self,
        task: &ViewTask,
        request: &RowsRequest,
    ) -> Result<FeatureStream, MaterializeError> {
        let stream = match &task.view.body {
            ViewBody::Windows(_) => self.engine.latest_rows(request).await,
            ViewBody::Rows(_) => {
                async {
                    let found = self.engine.find_latest(request).await?;
                    self.engine.row_reader(request).await?.read(&found.rows)
                }
                .await
            }
        };
        stream.map_err(|source| offline(task, source))
    }
}
