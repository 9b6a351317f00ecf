//! What concerns all entities: looking at each, and removing a keyspace. By `SCAN`, which never blocks the server.

use std::sync::Arc;
use std::time::Instant;

use asof_model::Keyspace;
use bytes::Bytes;
use futures::FutureExt;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Value, cmd, from_redis_value};

use super::batch::Kind;
use super::connect::Connection;
use super::layout::Field;
use super::link::{ATTEMPT, Open};
use super::{PATIENCE, RedisProblem, RedisStore, all_accepted, layout, unexpected};
use crate::{OnlineError, StoredRow};

/// About how many keys one step looks at.
const STEP: usize = 1_000;

/// How far a walk over the keys has come.
#[derive(Clone, Copy, Default)]
struct Position {
    /// The number of the primary; 0 where there is just one server.
    primary: usize,
    cursor: u64,
}

/// A walk over the keys of a keyspace's rows. What a position means is known to the server that gave it: after a
/// restart or a failover the walk begins anew.
struct Walk {
    prefix: Vec<u8>,
    field: Field,
    through: Option<Arc<Open>>,
    next: Option<Position>,
}

impl Walk {
    fn new(keyspace: &Keyspace) -> Self {
        Self {
            prefix: layout::prefix(keyspace),
            field: layout::field(keyspace),
            through: None,
            next: Some(Position::default()),
        }
    }
}

impl RedisStore {
    pub(super) async fn scan_rows(&self, keyspace: &Keyspace) -> Result<Vec<StoredRow>, OnlineError> {
        if !self.is_registered(keyspace).await? {
            return Ok(Vec::new());
        }
        let mut walk = Walk::new(keyspace);
        // A key may come more than once while the server reorganizes its keys.
        let mut found = std::collections::BTreeMap::new();
        while let Some((keys, rows)) = self.on_each("HGET", &mut walk).await? {
            for (key, row) in keys.iter().zip(rows) {
                match row {
                    Value::BulkString(row) => {
                        found.insert(Bytes::copy_from_slice(&key[walk.prefix.len()..]), Bytes::from(row));
                    }
                    Value::Nil => {}
                    other => return Err(self.fault(unexpected("HGET", &other))),
                }
            }
        }
        Ok(found.into_iter().map(|(key, row)| StoredRow { key, row }).collect())
    }

    /// Removes rows step by step, and rests as long as each step took, so that the server has half of its time for
    /// others.
    pub(super) async fn remove_keyspace(&self, keyspace: &Keyspace) -> Result<u64, OnlineError> {
        if !self.is_registered(keyspace).await? {
            return Ok(0);
        }
        let mut walk = Walk::new(keyspace);
        let mut removed = 0;
        let mut started = Instant::now();
        while let Some((_, answers)) = self.on_each("HDEL", &mut walk).await? {
            for answer in answers {
                match answer {
                    Value::Int(rows) => removed += rows.unsigned_abs(),
                    other => return Err(self.fault(unexpected("HDEL", &other))),
                }
            }
            if walk.next.is_some() {
                tokio::time::sleep(started.elapsed()).await;
            }
            started = Instant::now();
        }
        self.unregister(keyspace).await?;
        Ok(removed)
    }

    /// Sends a command for the field of some keys: which keys, and what each came to; `None`: that was all.
    async fn on_each(&self, command: &str, walk: &mut Walk) -> Result<Option<(Vec<Vec<u8>>, Vec<Value>)>, OnlineError> {
        let Some(position) = walk.next else { return Ok(None) };
        let (prefix, field) = (&walk.prefix, &walk.field);
        let step = |open: Arc<Open>, position: Position| async move {
            let (keys, next) = keys(&open, prefix, position).await?;
            let mut batch = self.batch(Kind::Write, keys.len());
            for key in &keys {
                let mut of_key = cmd(command);
                of_key.arg(key.as_slice()).arg(field);
                batch.push(key, of_key);
            }
            let answers = all_accepted(batch.run(&open).await?)?;
            Ok::<_, RedisProblem>((open, keys, answers, next))
        };
        let mut done = None;
        if let Some(open) = walk.through.clone() {
            done = match tokio::time::timeout(ATTEMPT, step(open, position)).await {
                Ok(Err(problem)) if !problem.may_pass() => return Err(self.fault(problem)),
                Ok(Ok(done)) => Some(done),
                _ => None,
            };
        }
        let (open, keys, answers, next) = if let Some(done) = done {
            done
        } else {
            let first = |open: Arc<Open>| step(open, Position::default()).boxed();
            let done = self.inner.writes.try_until(PATIENCE, first).await;
            done.map_err(|problem| self.fault(problem))?
        };
        walk.through = Some(open);
        walk.next = next;
        Ok(Some((keys, answers)))
    }
}

/// Some keys with a prefix, and where to go on; `None`: that was all.
async fn keys(
    open: &Open,
    prefix: &[u8],
    position: Position,
) -> Result<(Vec<Vec<u8>>, Option<Position>), RedisProblem> {
    let mut command = cmd("SCAN");
    command
        .arg(position.cursor)
        .arg("MATCH")
        .arg(layout::pattern(prefix))
        .arg("COUNT")
        .arg(STEP);
    let (answer, primaries) = match &open.connection {
        Connection::Single(connection) => (connection.clone().send_packed_command(&command).await?, 1),
        Connection::Cluster(connection) => {
            let primaries = open.slots.primaries();
            let Some(slot) = primaries.get(position.primary) else {
                return Ok((Vec::new(), None));
            };
            let route = RoutingInfo::SingleNode(on_primary(*slot));
            (connection.clone().route_command(command, route).await?, primaries.len())
        }
    };
    let (cursor, keys): (u64, Vec<Vec<u8>>) =
        from_redis_value(super::accepted(answer)?).map_err(|error| RedisProblem::Other(format!("SCAN: {error}")))?;
    let next = if cursor == 0 {
        Position {
            primary: position.primary + 1,
            cursor: 0,
        }
    } else {
        Position { cursor, ..position }
    };
    Ok((keys, (next.primary < primaries).then_some(next)))
}

fn on_primary(slot: Slot) -> SingleNodeRoutingInfo {
    SingleNodeRoutingInfo::SpecificNode(Route::with_slot(slot, SlotAddr::Master))
}
