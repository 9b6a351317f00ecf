//! Guarded writes.

use std::collections::HashMap;
use std::sync::Arc;

use asof_model::key::EncodedKeys;
use asof_model::row::EncodedRows;
use asof_model::{Keyspace, TimeSpan};
use futures::FutureExt;
use redis::cluster_routing::Slot;
use redis::{Cmd, ServerErrorKind, Value};

use super::batch::Kind;
use super::layout::Field;
use super::link::Open;
use super::script::Call;
use super::{PATIENCE, RedisProblem, RedisStore, accepted, layout, unexpected};
use crate::candidates::{Candidate, candidates};
use crate::{OnlineError, WriteSummary};

/// Rows that one call of the guard compares: Redis does nothing else meanwhile, for about half a millisecond.
const PER_CALL: usize = 200;

/// What became of rows.
#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    /// Stored where there was none.
    new: u64,
    /// Stored in the place of another.
    replaced: u64,
    /// Passed over for a later one.
    kept: u64,
}

/// A write, ready to be sent as often as it takes.
struct Write<'a> {
    keyspace: &'a Keyspace,
    field: Field,
    /// The key of each candidate's hash.
    keys: Vec<Vec<u8>>,
    candidates: Vec<Candidate<'a>>,
    /// When each candidate ends, in milliseconds since the epoch; `None`: they stay.
    ends: Option<Vec<i64>>,
}

impl RedisStore {
    pub(super) async fn write_rows(
        &self,
        keyspace: &Keyspace,
        keys: &EncodedKeys,
        rows: &EncodedRows,
        ttl: Option<TimeSpan>,
    ) -> Result<WriteSummary, OnlineError> {
        let (candidates, mut summary) = candidates(keys, rows)?;
        if candidates.is_empty() {
            return Ok(summary);
        }
        let prefix = layout::prefix(keyspace);
        let keys: Vec<Vec<u8>> = (candidates.iter())
            .map(|candidate| [prefix.as_slice(), candidate.key].concat())
            .collect();
        let ends: Option<Vec<i64>> = ttl.map(|ttl| candidates.iter().map(|row| end_millis(row, ttl)).collect());
        let write = Write {
            keyspace,
            field: layout::field(keyspace),
            keys,
            candidates,
            ends,
        };
        let write = &write;
        let attempt = |open: Arc<Open>| async move { self.write_once(&open, write).await }.boxed();
        let done = self.inner.writes.try_until(PATIENCE, attempt).await;
        let done = done.map_err(|problem| self.fault(problem))?;
        summary.written += done.new + done.replaced;
        summary.kept += done.kept;
        Ok(summary)
    }

    async fn write_once(&self, open: &Open, write: &Write<'_>) -> Result<Outcome, RedisProblem> {
        self.register(open, write.keyspace).await?;
        let outcome = if write.ends.is_none() {
            self.offer(open, write).await?
        } else {
            let all: Vec<usize> = (0..write.keys.len()).collect();
            self.compare(open, write, &all).await?
        };
        if outcome.new > 0 {
            self.count(open, write.keyspace, outcome.new).await?;
        }
        Ok(outcome)
    }

    /// Writes rows where there are none yet, and has the others compared.
    async fn offer(&self, open: &Open, write: &Write<'_>) -> Result<Outcome, RedisProblem> {
        let mut batch = self.batch(Kind::Write, write.keys.len());
        for (key, candidate) in write.keys.iter().zip(&write.candidates) {
            let mut command = Cmd::with_capacity(4, 10 + key.len() + candidate.row.len());
            command
                .arg("HSETNX")
                .arg(key.as_slice())
                .arg(&write.field)
                .arg(candidate.row);
            batch.push(key, command);
        }
        let mut there = Vec::new();
        for (row, value) in batch.run(open).await?.into_iter().enumerate() {
            match accepted(value).map_err(|problem| problem.at(&write.keys[row]))? {
                Value::Int(1) => {}
                Value::Int(_) => there.push(row),
                other => return Err(unexpected("HSETNX", &other)),
            }
        }
        let mut outcome = self.compare(open, write, &there).await?;
        outcome.new += (write.keys.len() - there.len()) as u64;
        Ok(outcome)
    }

    /// Has the server compare the chosen rows with those that are there.
    async fn compare(&self, open: &Open, write: &Write<'_>, chosen: &[usize]) -> Result<Outcome, RedisProblem> {
        let mut calls = self.calls(write, self.together(&write.keys, chosen));
        let mut answers = self.inner.guard.run(open, self.shape(Kind::Write), &calls).await?;
        let is_split = |value: &Value| matches!(value, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::TryAgain));
        if answers.iter().any(is_split) {
            // While a slot moves to another node its keys are here and there, and must be asked for one by one.
            calls = self.calls(write, chosen.iter().map(|row| vec![*row]).collect());
            answers = self.inner.guard.run(open, self.shape(Kind::Write), &calls).await?;
        }
        let mut outcome = Outcome::default();
        for (call, value) in calls.iter().zip(answers) {
            let value =
                accepted(value).map_err(|problem| problem.at(&layout::pattern(&layout::prefix(write.keyspace))))?;
            let Value::BulkString(letters) = value else {
                return Err(unexpected("the guard", &value));
            };
            for (key, letter) in call.keys.iter().zip(letters) {
                match letter {
                    b'n' => outcome.new += 1,
                    b'w' => outcome.replaced += 1,
                    b'k' => outcome.kept += 1,
                    _ => {
                        let problem = format!("the row of `{}` is of no version that is known here", write.keyspace);
                        return Err(RedisProblem::Foreign(problem).at(key));
                    }
                }
            }
        }
        Ok(outcome)
    }

    /// Calls of the guard, each for some rows.
    fn calls(&self, write: &Write<'_>, rows: Vec<Vec<usize>>) -> Vec<Call> {
        let rows_end = write.ends.as_ref();
        let grace = rows_end.map_or_else(String::new, |_| self.inner.grace.as_millis().to_string());
        let call = |rows: Vec<usize>| {
            let mut arguments = vec![write.field.to_vec(), grace.clone().into_bytes()];
            for row in &rows {
                arguments.push(write.candidates[*row].row.to_vec());
                arguments.extend(rows_end.map(|ends| ends[*row].to_string().into_bytes()));
            }
            Call {
                keys: rows.iter().map(|row| write.keys[*row].clone()).collect(),
                arguments,
            }
        };
        rows.into_iter().map(call).collect()
    }

    /// The chosen rows by what one call may touch: in a cluster, keys of one slot.
    fn together(&self, keys: &[Vec<u8>], chosen: &[usize]) -> Vec<Vec<usize>> {
        if !self.inner.clustered {
            return chosen.chunks(PER_CALL).map(<[usize]>::to_vec).collect();
        }
        let mut places: HashMap<Slot, usize> = HashMap::new();
        let mut calls: Vec<Vec<usize>> = Vec::new();
        for row in chosen {
            let slot = Slot::for_key(&keys[*row]);
            let place = places
                .get(&slot)
                .copied()
                .filter(|place| calls[*place].len() < PER_CALL)
                .unwrap_or_else(|| {
                    calls.push(Vec::new());
                    places.insert(slot, calls.len() - 1);
                    calls.len() - 1
                });
            calls[place].push(*row);
        }
        calls
    }
}

/// When a row ends, in milliseconds since the epoch, rounded up; not later than what Redis can take.
fn end_millis(candidate: &Candidate<'_>, ttl: TimeSpan) -> i64 {
    /// Numbers above 2^53 are inexact in Lua; this is far in the future still.
    const LAST: i64 = 1 << 52;
    let end = candidate.order.event_time.micros().saturating_add(ttl.micros());
    (end / 1_000 + 1).min(LAST)
}
