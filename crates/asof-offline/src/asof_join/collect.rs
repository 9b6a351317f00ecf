//! Collecting: every partition of a scan competes for the slots of every lookup on it, then partitions are merged.

use std::sync::Arc;

use asof_model::key::{EncodedKeys, KeyCodec};
use asof_model::{Admission, ScalarType};
use datafusion::common::runtime::JoinSet;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;

use super::answers::Answers;
use super::index::Index;
use super::winners::Winners;
use crate::OfflineError;
use crate::source::Scanned;
use crate::windows::{Events, WindowProgram};

/// How the rows of a scan become answers.
#[derive(Debug, Clone)]
pub(crate) enum Rule {
    /// The last row answers.
    Rows(Admission),
    /// The last cutoff answers, with the aggregates of its windows.
    Windows(Arc<WindowProgram>),
}

/// One question to the rows of a scan: which row answers each slot of an index?
#[derive(Debug)]
pub(crate) struct Question {
    index: Index,
    collected: Collected,
}

#[derive(Debug)]
enum Collected {
    Rows(Winners),
    Windows(Events),
}

impl Question {
    pub(crate) fn new(index: Index, rule: &Rule) -> Self {
        let collected = match rule {
            Rule::Rows(admission) => Collected::Rows(Winners::new(*admission)),
            Rule::Windows(program) => Collected::Windows(Events::new(Arc::clone(program))),
        };
        Self { index, collected }
    }

    fn offer(&mut self, keys: &EncodedKeys, batch: &Scanned) -> Result<(), OfflineError> {
        match &mut self.collected {
            Collected::Rows(winners) => Ok(winners.offer(&mut self.index, keys, batch)?),
            Collected::Windows(events) => events.offer(&mut self.index, keys, batch),
        }
    }

    fn absorb(&mut self, other: Self) {
        let entities = self.index.absorb(&other.index);
        match (&mut self.collected, other.collected) {
            // Where entities have new numbers, each is its own slot.
            (Collected::Rows(mine), Collected::Rows(theirs)) => mine.absorb(theirs, entities.as_deref()),
            (Collected::Windows(mine), Collected::Windows(theirs)) => mine.absorb(theirs, entities.as_deref()),
            _ => unreachable!("partitions of one scan answer the same questions"),
        }
    }

    /// The answers, and the index that says which slot is whose.
    pub(crate) fn finish(self) -> Result<(Index, Answers), OfflineError> {
        let answers = match self.collected {
            Collected::Rows(winners) => winners.finish(&self.index)?,
            Collected::Windows(events) => events.finish(&self.index)?,
        };
        Ok((self.index, answers))
    }
}

/// Reads all partitions of `scan`, the rows of a view with join keys of the types `keys`, and answers the questions
/// that `ask` makes (it makes the same ones for each partition).
pub(crate) async fn collect<A>(
    scan: &Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
    keys: &[ScalarType],
    ask: A,
) -> Result<Vec<Question>, DataFusionError>
where
    A: Fn() -> Vec<Question>,
{
    let mut tasks: JoinSet<Result<Vec<Question>, DataFusionError>> = JoinSet::new();
    for partition in 0..scan.properties().partitioning.partition_count() {
        let mut rows = scan.execute(partition, Arc::clone(context))?;
        let codec = KeyCodec::new(keys);
        let mut questions = ask();
        tasks.spawn(async move {
            while let Some(batch) = rows.next().await {
                let batch = Scanned::new(&batch?, codec.fields().len());
                let keys = codec.encode(&batch.keys, batch.len()).map_err(OfflineError::from)?;
                for question in &mut questions {
                    question.offer(&keys, &batch)?;
                }
            }
            Ok(questions)
        });
    }
    // Merged in the order in which they finish: the order of rows is total, so the order of merging shows nowhere.
    let mut merged: Option<Vec<Question>> = None;
    while let Some(done) = tasks.join_next().await {
        let questions = done.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
        match &mut merged {
            None => merged = Some(questions),
            Some(merged) => merged
                .iter_mut()
                .zip(questions)
                .for_each(|(mine, theirs)| mine.absorb(theirs)),
        }
    }
    Ok(merged.unwrap_or_else(ask))
}
