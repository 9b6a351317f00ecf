//! Runs under way: how the work of one task is cut into shards, who does which, and what has been done.
//!
//! A run is found by what it has to do: whoever has the same to do (the same rows of the same files into the same
//! keyspace, which is still the same one) joins the run that is open, or takes up one that was left. So two processes
//! share the work, and a run that was killed goes on where it was.
//!
//! # Objects
//!
//! All lie in `<registry>/runs/<project>/<run>/` and are created only if they are not there yet; none is changed.
//!
//! | object | what |
//! |---|---|
//! | `rows.bin` | the rows that go online, where shards are parts of them; written first, deleted at the end |
//! | `plan.json` | what the run has to do, and its shards |
//! | `shards/<shard>/<event>.json` | what happened to a shard, events numbered from 1 |
//! | `end.json` | how the run ended |
//!
//! # Leases
//!
//! The last event of a shard is its state. To claim a shard is to create its next event; nobody else can. A claim holds
//! for [`LEASE`] and is renewed by more events. Claims that ran out, and those whose clock was far ahead, count for
//! nothing. Writes are idempotent, so that two who do one shard after all do no harm.

mod format;
mod id;
mod owner;
mod shard;

use std::sync::Arc;
use std::time::Duration;

use asof_model::{Keyspace, ProjectName, Timestamp};
use asof_online::KeyspaceLife;
use asof_registry::Registry;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

pub use id::{InvalidRunId, RunId};
pub(crate) use owner::Owner;
pub(crate) use shard::Claim;
pub use shard::{ShardDone, ShardEvent, ShardStatus};

use crate::MaterializeError;
use crate::objects::{self, out_of_reach, usable};

/// How long a claim holds.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// A shard of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// So many of the run's rows.
    Rows {
        /// How many.
        rows: u64,
    },
    /// The entities whose keys' hash leaves `index` when divided by `of`.
    Keys {
        /// Which part, from 0.
        index: u32,
        /// Of how many.
        of: u32,
    },
    /// Rows of new files that are older than what was online before.
    Late {
        /// How many files.
        files: u64,
    },
}

/// What a run has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPlan {
    /// Where rows go.
    pub keyspace: Keyspace,
    /// The registry version that defined the view.
    pub registry_version: u64,
    /// The start of the interval, itself outside; `None`: whatever is not online yet.
    pub from: Option<Timestamp>,
    /// The end of the interval, itself inside.
    pub to: Timestamp,
    /// When the run was planned.
    pub planned: Timestamp,
    /// The life of the keyspace then.
    pub life: KeyspaceLife,
    /// About how many rows a shard has, where shards are parts of the rows.
    pub rows_per_shard: u64,
    /// The shards.
    pub parts: Vec<Part>,
}

impl RunPlan {
    /// How many rows are to be written; `None`: that is not known before.
    pub fn rows(&self) -> Option<u64> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Rows { rows } => Some(*rows),
                Part::Keys { .. } | Part::Late { .. } => None,
            })
            .sum()
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnding {
    /// All is written, and the ledger says so.
    Done,
    /// Somebody cancelled it.
    Cancelled,
    /// What it had written was lost: the online store was emptied or set back.
    Lost,
}

/// How and when a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnd {
    /// How.
    pub ending: RunEnding,
    /// When.
    pub at: Timestamp,
}

/// A run, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStatus {
    /// The run.
    pub id: RunId,
    /// What it has to do.
    pub plan: RunPlan,
    /// Its shards, in their order.
    pub shards: Vec<ShardStatus>,
    /// How it ended; `None`: it did not.
    pub end: Option<RunEnd>,
}

/// The runs of all views, next to the registry that defines them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runs {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Runs {
    /// The runs of the registry that lies at `registry` in `store`. Nothing is read or made until it is used.
    pub fn new(store: Arc<dyn ObjectStore>, registry: Path) -> Self {
        Self {
            store,
            prefix: registry.join("runs"),
        }
    }

    /// The runs of `registry`. Nothing is read or made until it is used.
    pub fn beside(registry: &Registry) -> Self {
        Self::new(registry.object_store().clone(), registry.prefix().clone())
    }

    /// The project's runs, those planned last first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list(&self, project: &ProjectName) -> Result<Vec<RunStatus>, MaterializeError> {
        let mut runs = Vec::new();
        for id in self.ids(project).await? {
            runs.extend(self.status(project, &id).await?);
        }
        runs.sort_by(|a, b| (b.plan.planned, &b.id).cmp(&(a.plan.planned, &a.id)));
        Ok(runs)
    }

    /// A run and how far it is; `None`: there is none of that name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn status(&self, project: &ProjectName, id: &RunId) -> Result<Option<RunStatus>, MaterializeError> {
        let folder = self.folder(project, id);
        let Some(plan) = self.plan(&folder).await? else {
            return Ok(None);
        };
        let events = self.events(&folder, plan.parts.len()).await?;
        let mut shards = Vec::with_capacity(plan.parts.len());
        for (part, numbers) in plan.parts.iter().zip(events) {
            let mut status = ShardStatus::new(*part);
            for number in numbers {
                status.add(self.event(&folder, shards.len(), number).await?);
            }
            shards.push(status);
        }
        Ok(Some(RunStatus {
            id: id.clone(),
            plan,
            shards,
            end: self.end_of(&folder).await?,
        }))
    }

    /// Ends a run that did not end; `false`: it had ended.
    ///
    /// # Errors
    /// When the registry cannot be written.
    pub async fn end(&self, project: &ProjectName, id: &RunId, end: RunEnd) -> Result<bool, MaterializeError> {
        let folder = self.folder(project, id);
        let path = folder.clone().join("end.json");
        let ended = objects::create(self.store.as_ref(), &path, format::end_to_bytes(end)).await?;
        // They are of use to nobody now, and much the largest object.
        let rows = folder.join("rows.bin");
        match self.store.delete(&rows).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(ended),
            Err(source) => Err(out_of_reach(&rows, source)),
        }
    }

    /// The open run with these inputs, or the id that the next one gets.
    pub(crate) async fn find(
        &self,
        keyspace: &Keyspace,
        inputs: u64,
    ) -> Result<(RunId, Option<Open>), MaterializeError> {
        let attempts = self.ids(&keyspace.project).await?.into_iter();
        let last = attempts
            .filter(|id| id.view == keyspace.view && id.inputs == inputs)
            .map(|id| id.attempt)
            .max();
        let id = |attempt| RunId {
            view: keyspace.view.clone(),
            inputs,
            attempt,
        };
        let Some(last) = last else {
            return Ok((id(1), None));
        };
        let folder = self.folder(&keyspace.project, &id(last));
        if self.end_of(&folder).await?.is_some() {
            return Ok((id(last + 1), None));
        }
        let open = self.plan(&folder).await?.map(|plan| Open {
            runs: self.clone(),
            id: id(last),
            folder,
            plan,
        });
        Ok((id(last), open))
    }

    /// Begins a run, or joins the one that somebody else began by that name meanwhile.
    pub(crate) async fn begin(
        &self,
        id: RunId,
        plan: RunPlan,
        rows: Option<Vec<u8>>,
    ) -> Result<Open, MaterializeError> {
        let folder = self.folder(&plan.keyspace.project, &id);
        if let Some(rows) = rows {
            objects::create(self.store.as_ref(), &folder.clone().join("rows.bin"), rows).await?;
        }
        let path = folder.clone().join("plan.json");
        let plan = if objects::create(self.store.as_ref(), &path, format::plan_to_bytes(&plan)).await? {
            plan
        } else {
            self.plan(&folder).await?.unwrap_or(plan)
        };
        Ok(Open {
            runs: self.clone(),
            id,
            folder,
            plan,
        })
    }

    async fn ids(&self, project: &ProjectName) -> Result<Vec<RunId>, MaterializeError> {
        let folder = self.prefix.clone().join(project.as_str());
        let listed = self.store.list_with_delimiter(Some(&folder)).await;
        let listed = listed.map_err(|source| out_of_reach(&folder, source))?;
        let names = listed.common_prefixes.iter();
        Ok(names.filter_map(|path| path.filename()?.parse().ok()).collect())
    }

    async fn plan(&self, folder: &Path) -> Result<Option<RunPlan>, MaterializeError> {
        let path = folder.clone().join("plan.json");
        let bytes = objects::read(self.store.as_ref(), &path).await?;
        bytes
            .map(|bytes| usable(&path, format::plan_from_bytes(&bytes)))
            .transpose()
    }

    async fn end_of(&self, folder: &Path) -> Result<Option<RunEnd>, MaterializeError> {
        let path = folder.clone().join("end.json");
        let bytes = objects::read(self.store.as_ref(), &path).await?;
        bytes
            .map(|bytes| usable(&path, format::end_from_bytes(&bytes)))
            .transpose()
    }

    /// The numbers of the events of each shard, ascending.
    async fn events(&self, folder: &Path, shards: usize) -> Result<Vec<Vec<u64>>, MaterializeError> {
        let folder = folder.clone().join("shards");
        let objects: Vec<_> =
            (self.store.list(Some(&folder)).try_collect().await).map_err(|source| out_of_reach(&folder, source))?;
        let mut events = vec![Vec::new(); shards];
        for object in objects {
            let mut parts = object.location.parts().skip(folder.parts().count());
            let mut number = || parts.next()?.as_ref().trim_end_matches(".json").parse::<u64>().ok();
            if let (Some(shard), Some(event)) = (number(), number())
                && let Some(events) = events.get_mut(shard as usize)
            {
                events.push(event);
            }
        }
        for events in &mut events {
            events.sort_unstable();
        }
        Ok(events)
    }

    async fn event(&self, folder: &Path, shard: usize, number: u64) -> Result<ShardEvent, MaterializeError> {
        let path = event_path(folder, shard, number);
        let bytes = objects::read(self.store.as_ref(), &path).await?;
        let missing = || Err("it is gone".to_owned());
        usable(
            &path,
            bytes.map_or_else(missing, |bytes| format::event_from_bytes(&bytes)),
        )
    }

    fn folder(&self, project: &ProjectName, id: &RunId) -> Path {
        self.prefix.clone().join(project.as_str()).join(id.to_string().as_str())
    }
}

/// An open run.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    runs: Runs,
    pub(crate) id: RunId,
    folder: Path,
    pub(crate) plan: RunPlan,
}

impl Open {
    /// The rows that go online, as they were written with the plan.
    pub(crate) async fn rows(&self) -> Result<Vec<u8>, MaterializeError> {
        let path = self.folder.clone().join("rows.bin");
        let bytes = objects::read(self.runs.store.as_ref(), &path).await?;
        usable(
            &path,
            bytes.ok_or_else(|| "it is gone, so the run has ended".to_owned()),
        )
    }

    /// How the run ended; `None`: it did not.
    pub(crate) async fn ended(&self) -> Result<Option<RunEnd>, MaterializeError> {
        self.runs.end_of(&self.folder).await
    }

    /// The last event of each shard, and its number; `None`: nothing happened to it, or it is known already.
    pub(crate) async fn states(&self, known: &[bool]) -> Result<Vec<Option<(u64, ShardEvent)>>, MaterializeError> {
        let events = self.runs.events(&self.folder, self.plan.parts.len()).await?;
        let mut states = Vec::with_capacity(events.len());
        for (shard, numbers) in events.iter().enumerate() {
            states.push(match numbers.last() {
                Some(number) if !known.get(shard).is_some_and(|known| *known) => {
                    Some((*number, self.runs.event(&self.folder, shard, *number).await?))
                }
                _ => None,
            });
        }
        Ok(states)
    }

    /// That something of the run cannot be used.
    pub(crate) fn damaged(&self, problem: String) -> MaterializeError {
        MaterializeError::BadLedgerEntry {
            path: self.folder.to_string(),
            problem,
        }
    }

    /// Adds an event behind number `after`; `false`: another one came first.
    pub(crate) async fn add(&self, shard: usize, after: u64, event: &ShardEvent) -> Result<bool, MaterializeError> {
        let path = event_path(&self.folder, shard, after + 1);
        objects::create(self.runs.store.as_ref(), &path, format::event_to_bytes(event)).await
    }
}

fn event_path(folder: &Path, shard: usize, number: u64) -> Path {
    folder
        .clone()
        .join("shards")
        .join(format!("{shard:06}").as_str())
        .join(format!("{number:06}.json").as_str())
}

#[cfg(test)]
mod tests;
