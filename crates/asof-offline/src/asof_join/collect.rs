//! Collecting: the rows of a scan, from all its partitions, compete for the slots of every lookup on it.

use std::sync::Arc;

use asof_model::key::KeyCodec;
use asof_model::{Admission, StoredOrder};
use datafusion::common::runtime::JoinSet;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;

use super::contest::{Contest, Outcome, Waiting};
use super::index::{Index, NO_SLOT, Slots};
use super::int_table::NO_ENTITY;
use super::latest::Latest;
use super::lookup_keys::LookupKeys;
use super::values::{NO_ROW, ValueSource};
use crate::OfflineError;
use crate::source::{FeatureScanExec, Scanned};
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
///
/// Each partition has its own copy, which are put together in the end; a contest is shared by all copies.
#[derive(Debug)]
pub(crate) struct Question {
    index: Index,
    collected: Collected,
}

#[derive(Debug)]
enum Collected {
    Contest { contest: Arc<Contest>, waiting: Waiting },
    Latest(Latest),
    Windows(Events),
}

/// What was found for every slot of an index.
#[derive(Debug)]
pub(crate) struct Answers {
    /// The bits of the answer's [`RowId`](crate::source::RowId), or [`NO_ROW`].
    pub(crate) winners: Vec<u64>,
    /// The times of each answer, where every entity is asked about at one time; those of no row mean nothing.
    pub(crate) orders: Vec<StoredOrder>,
    /// Where the values are, when they are not simply the source's.
    pub(crate) values: Option<Arc<dyn ValueSource>>,
    /// How the contest ended, if there was one.
    pub(crate) outcome: Option<Outcome>,
}

/// How many rows of a spine found what.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) matched: u64,
    pub(crate) expired: u64,
    pub(crate) without_row: u64,
    pub(crate) null_key: u64,
    pub(crate) unknown_key: u64,
}

impl Question {
    pub(crate) fn new(index: Index, rule: &Rule, context: &TaskContext) -> Self {
        let collected = match (rule, &index) {
            (Rule::Rows(admission), Index::Spine(slots)) => {
                let contest = Arc::new(Contest::new(*admission, slots));
                Collected::Contest {
                    waiting: contest.waiting(),
                    contest,
                }
            }
            (Rule::Rows(admission), Index::Discovered { at, .. }) => Collected::Latest(Latest::new(*admission, *at)),
            (Rule::Windows(program), _) => Collected::Windows(Events::new(Arc::clone(program), &index, context)),
        };
        Self { index, collected }
    }

    /// The same question for another partition.
    fn share(&self) -> Self {
        let collected = match &self.collected {
            Collected::Contest { contest, .. } => Collected::Contest {
                waiting: contest.waiting(),
                contest: Arc::clone(contest),
            },
            Collected::Latest(latest) => Collected::Latest(latest.share()),
            Collected::Windows(events) => Collected::Windows(events.share()),
        };
        Self {
            index: self.index.clone(),
            collected,
        }
    }

    /// Takes in a batch; `entities` says whose each row is. Returns how many rows have an entity.
    fn offer(&mut self, entities: &[u32], batch: &Scanned) -> Result<u64, OfflineError> {
        match (&mut self.collected, &self.index) {
            (Collected::Contest { contest, waiting }, Index::Spine(slots)) => {
                return Ok(contest.offer(slots, entities, batch, waiting));
            }
            (Collected::Windows(events), index) => events.offer(index, entities, batch)?,
            (Collected::Latest(latest), _) => latest.offer(entities, batch),
            (Collected::Contest { .. }, Index::Discovered { .. }) => unreachable!("contests are for spines"),
        }
        Ok(entities.iter().filter(|entity| **entity != NO_ENTITY).count() as u64)
    }

    /// Called once, after the last batch.
    fn hand_in(&mut self) -> Result<(), OfflineError> {
        match &mut self.collected {
            Collected::Contest { contest, waiting } => {
                contest.hand_in(waiting);
                Ok(())
            }
            Collected::Windows(events) => events.hand_in(&self.index),
            Collected::Latest(_) => Ok(()),
        }
    }

    fn absorb(&mut self, other: Self) {
        let entities = self.index.absorb(&other.index);
        match (&mut self.collected, other.collected) {
            // All copies hand in to one contest.
            (Collected::Contest { .. }, Collected::Contest { .. }) => {}
            (Collected::Latest(mine), Collected::Latest(theirs)) => mine.absorb(&theirs, entities.as_deref()),
            (Collected::Windows(mine), Collected::Windows(theirs)) => mine.absorb(theirs, entities.as_deref()),
            _ => unreachable!("partitions of one scan answer the same questions"),
        }
    }

    /// The answers, and the index that says which slot is whose.
    pub(crate) fn finish(self) -> Result<(Index, Answers), OfflineError> {
        let answers = match (self.collected, &self.index) {
            (Collected::Contest { contest, .. }, Index::Spine(slots)) => {
                let contest = Arc::into_inner(contest).expect("the copies of the other partitions are gone");
                let mut outcome = contest.finish(slots);
                Answers {
                    winners: std::mem::take(&mut outcome.winners),
                    orders: Vec::new(),
                    values: None,
                    outcome: Some(outcome),
                }
            }
            (Collected::Latest(latest), index) => latest.finish(index.slots()),
            (Collected::Windows(events), index) => events.finish(index)?,
            (Collected::Contest { .. }, Index::Discovered { .. }) => unreachable!("contests are for spines"),
        };
        Ok((self.index, answers))
    }
}

impl Answers {
    /// The winner of each row of a spine, and how many rows found what.
    pub(crate) fn of_rows(&self, slots: &Slots) -> (Vec<u64>, Tally) {
        let mut tally = Tally::default();
        let winners = slots.of_row().iter().map(|slot| {
            if *slot == NO_SLOT {
                tally.null_key += 1;
                return NO_ROW;
            }
            let winner = self.winners[*slot as usize];
            match &self.outcome {
                _ if winner != NO_ROW => tally.matched += 1,
                Some(outcome) if outcome.is_expired(*slot) => tally.expired += 1,
                _ => tally.without_row += 1,
            }
            winner
        });
        let winners = winners.collect();
        if let Some(outcome) = &self.outcome {
            tally.unknown_key = outcome.rows_of_unknown(slots);
        }
        (winners, tally)
    }
}

/// Reads all partitions of `scan`, the rows of views with join keys of the types `keys`, and answers the questions.
pub(crate) async fn collect(
    scan: &Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
    codec: &KeyCodec,
    questions: Vec<Question>,
) -> Result<Vec<Question>, DataFusionError> {
    let report = scan
        .downcast_ref::<FeatureScanExec>()
        .map(|scan| Arc::clone(scan.report()));
    let mut tasks: JoinSet<Result<Vec<Question>, DataFusionError>> = JoinSet::new();
    for partition in 0..scan.properties().partitioning.partition_count() {
        let mut rows = scan.execute(partition, Arc::clone(context))?;
        let codec = codec.clone();
        let mut questions: Vec<Question> = questions.iter().map(Question::share).collect();
        let report = report.clone();
        tasks.spawn(async move {
            while let Some(batch) = rows.next().await {
                let batch = Scanned::new(&batch?, codec.fields().len());
                let matched = offer(&codec, &batch, &mut questions)?;
                if let Some(report) = &report {
                    report.matched(matched);
                }
            }
            questions.iter_mut().try_for_each(Question::hand_in)?;
            Ok(questions)
        });
    }
    // Merged in the order in which they finish: the order of rows is total, so the order of merging shows nowhere.
    let mut merged = questions;
    while let Some(done) = tasks.join_next().await {
        let questions = done.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
        for (mine, theirs) in merged.iter_mut().zip(questions) {
            mine.absorb(theirs);
        }
    }
    Ok(merged)
}

/// Offers a batch to every question. Returns for how many rows the first of them has an entity.
fn offer(codec: &KeyCodec, batch: &Scanned, questions: &mut [Question]) -> Result<u64, OfflineError> {
    let discovers = questions.iter().any(|question| question.index.is_at_one_time());
    let keys = if discovers {
        LookupKeys::Bytes(codec.encode(&batch.keys, batch.len())?)
    } else {
        LookupKeys::new(codec, &batch.keys, batch.len())?
    };
    let mut entities: Vec<u32> = Vec::with_capacity(batch.len());
    let mut found_in: Option<Arc<Slots>> = None;
    let mut matched = None;
    for question in questions {
        let known = match (&question.index, &found_in) {
            (Index::Spine(slots), Some(found_in)) => Arc::ptr_eq(slots, found_in),
            _ => false,
        };
        if !known {
            entities.clear();
            question.index.find(&keys, &mut entities);
            found_in = match &question.index {
                Index::Spine(slots) => Some(Arc::clone(slots)),
                Index::Discovered { .. } => None,
            };
        }
        let rows = question.offer(&entities, batch)?;
        matched.get_or_insert(rows);
    }
    Ok(matched.unwrap_or_default())
}
