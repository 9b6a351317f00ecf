//! The keyspaces of a store: which there are, since when, and how far.

use std::sync::Arc;

use asof_model::Keyspace;
use futures::FutureExt;
use redis::{Value, cmd, from_redis_value};

use super::batch::Kind;
use super::check::on_primaries;
use super::layout::{self, BIRTHS, CATALOG, FIELDS, ROWS, SEQUENCES};
use super::link::Open;
use super::script::Call;
use super::{PATIENCE, RedisProblem, RedisStore, accepted, all_accepted, unexpected};
use crate::{KeyspaceInfo, KeyspaceLife, OnlineError};

/// How long a replica may take to have what its primary has.
const REPLICATION_MILLIS: u64 = 5_000;

impl RedisStore {
    /// Makes the keyspace where there is none, before its first row.
    pub(super) async fn register(&self, open: &Open, keyspace: &Keyspace) -> Result<(), RedisProblem> {
        if !open.registered.lock().contains(keyspace) {
            self.step(open, keyspace, 0).await?;
            open.registered.lock().insert(keyspace.clone());
        }
        Ok(())
    }

    /// Counts rows that were new.
    pub(super) async fn count(&self, open: &Open, keyspace: &Keyspace, rows: u64) -> Result<(), RedisProblem> {
        let mut command = cmd("HINCRBY");
        command.arg(ROWS).arg(keyspace.to_string()).arg(rows);
        let mut batch = self.batch(Kind::Write, 1);
        batch.push(ROWS.as_bytes(), command);
        all_accepted(batch.run(open).await?).map(|_| ())
    }

    pub(super) async fn advance_keyspace(&self, keyspace: &Keyspace) -> Result<KeyspaceLife, OnlineError> {
        let advance = |open: Arc<Open>| {
            let advance = async move {
                let life = self.step(&open, keyspace, 1).await?;
                await_replicas(&open).await?;
                Ok(life)
            };
            advance.boxed()
        };
        let advanced = self.inner.writes.try_until(PATIENCE, advance).await;
        advanced.map_err(|problem| self.fault(problem))
    }

    async fn step(&self, open: &Open, keyspace: &Keyspace, steps: u64) -> Result<KeyspaceLife, RedisProblem> {
        let name = keyspace.to_string();
        let call = Call {
            keys: [FIELDS, BIRTHS, SEQUENCES].map(|key| key.as_bytes().to_vec()).to_vec(),
            arguments: vec![
                layout::field(keyspace).to_vec(),
                name.clone().into_bytes(),
                format!("{:016x}", fastrand::u64(..)).into_bytes(),
                steps.to_string().into_bytes(),
            ],
        };
        let mut answers = self.inner.register.run(open, self.shape(Kind::Write), &[call]).await?;
        let answer = accepted(answers.remove(0)).map_err(|problem| problem.at(CATALOG))?;
        let odd = unexpected("the catalog's script", &answer);
        let Ok((known, birth, sequence)) = from_redis_value::<(String, String, u64)>(answer) else {
            return Err(odd);
        };
        if known != name {
            return Err(RedisProblem::Collision { known, new: name });
        }
        life(&name, &birth, sequence).map_err(|problem| problem.at(CATALOG))
    }

    pub(super) async fn list_keyspaces(&self) -> Result<Vec<KeyspaceInfo>, OnlineError> {
        let catalogs = [BIRTHS, SEQUENCES, ROWS];
        let mut batch = self.batch(Kind::Write, catalogs.len());
        for key in catalogs {
            let mut command = cmd("HGETALL");
            command.arg(key);
            batch.push(key.as_bytes(), command);
        }
        let values = self.inner.writes.run(&batch, self.inner.timeout).await;
        let listed = values.and_then(|values| infos(all_accepted(values)?));
        listed.map_err(|problem| self.fault(problem.at(CATALOG)))
    }

    /// Whether the keyspace is there, and has its field for itself.
    pub(super) async fn is_registered(&self, keyspace: &Keyspace) -> Result<bool, OnlineError> {
        let mut command = cmd("HGET");
        command.arg(FIELDS).arg(&layout::field(keyspace));
        let mut batch = self.batch(Kind::Write, 1);
        batch.push(FIELDS.as_bytes(), command);
        let values = self.inner.writes.run(&batch, PATIENCE).await.and_then(all_accepted);
        let values = values.map_err(|problem| self.fault(problem))?;
        Ok(values == [Value::BulkString(keyspace.to_string().into_bytes())])
    }

    /// Takes a keyspace that has no rows any more out of the catalog.
    pub(super) async fn unregister(&self, keyspace: &Keyspace) -> Result<(), OnlineError> {
        let name = keyspace.to_string();
        self.forget_owner(keyspace);
        let mut batch = self.batch(Kind::Write, 4);
        for key in [BIRTHS, SEQUENCES, ROWS] {
            let mut command = cmd("HDEL");
            command.arg(key).arg(&name);
            batch.push(key.as_bytes(), command);
        }
        // The last one: as long as it is there, a removal that broke off can be done again.
        let mut command = cmd("HDEL");
        command.arg(FIELDS).arg(&layout::field(keyspace));
        batch.push(FIELDS.as_bytes(), command);
        let batch = &batch;
        let remove = |open: Arc<Open>| {
            let remove = async move {
                open.registered.lock().remove(keyspace);
                all_accepted(batch.run(&open).await?)
            };
            remove.boxed()
        };
        let done = self.inner.writes.try_until(PATIENCE, remove).await;
        done.map(|_| ()).map_err(|problem| self.fault(problem))
    }
}

fn life(name: &str, birth: &str, sequence: u64) -> Result<KeyspaceLife, RedisProblem> {
    let birth = u64::from_str_radix(birth, 16);
    let birth = birth.map_err(|error| RedisProblem::Foreign(format!("the birth of `{name}` is no number: {error}")))?;
    Ok(KeyspaceLife { birth, sequence })
}

/// The keyspaces of births, sequences and rows, by name.
fn infos(values: Vec<Value>) -> Result<Vec<KeyspaceInfo>, RedisProblem> {
    type Numbers = std::collections::HashMap<String, u64>;
    let foreign = |what: String| RedisProblem::Foreign(what);
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or(Value::Nil);
    let births: std::collections::BTreeMap<String, String> =
        from_redis_value(next()).map_err(|error| foreign(error.to_string()))?;
    let sequences: Numbers = from_redis_value(next()).map_err(|error| foreign(error.to_string()))?;
    let rows: Numbers = from_redis_value(next()).map_err(|error| foreign(error.to_string()))?;
    births
        .iter()
        .map(|(name, birth)| {
            let number = |numbers: &Numbers| numbers.get(name).copied().unwrap_or_default();
            Ok(KeyspaceInfo {
                keyspace: name
                    .parse()
                    .map_err(|_| foreign(format!("`{name}` in the catalog is no keyspace")))?,
                rows: number(&rows),
                life: life(name, birth, number(&sequences))?,
            })
        })
        .collect()
}

/// Waits until a replica of each primary that has replicas has all that was written through this connection, so that a
/// failover loses nothing.
async fn await_replicas(open: &Open) -> Result<(), RedisProblem> {
    let mut ask = cmd("INFO");
    ask.arg("replication");
    let has_replicas = |answer: Value| {
        let info: Option<redis::InfoDict> = from_redis_value(answer).ok();
        info.and_then(|info| info.get::<u64>("connected_slaves"))
            .is_some_and(|replicas| replicas > 0)
    };
    if !on_primaries(open, ask).await?.into_iter().any(has_replicas) {
        return Ok(());
    }
    let mut wait = cmd("WAIT");
    wait.arg(1).arg(REPLICATION_MILLIS);
    let lags = |answer: &Value| matches!(answer, Value::Int(0));
    if on_primaries(open, wait).await?.iter().any(lags) {
        tracing::warn!(
            "a replica of this redis did not confirm the last writes; should it take over now, run `asof online verify`"
        );
    }
    Ok(())
}
