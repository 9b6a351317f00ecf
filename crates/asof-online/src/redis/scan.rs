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
use super::link::Open;
use super::{PATIENCE, RedisProblem, RedisStore, all_accepted, layout, unexpected};
use crate::{OnlineError, StoredRow};

/// About how many keys one step looks at.
const STEP: usize = 1_000;

/// How far a walk over the keys has come.
#[derive(Debug, Clone, Copy, Default)]
struct Position {
    /// The number of the primary; 0 where there is just one server.
    primary: usize,
    cursor: u64,
}

impl RedisStore {
    pub(super) async fn scan_rows(&self, keyspace: &Keyspace) -> Result<Vec<StoredRow>, OnlineError> {
        let (prefix, field) = (layout::prefix(keyspace), layout::field(keyspace));
        // A key may come more than once while the server reorganizes its keys.
        let mut found = std::collections::BTreeMap::new();
        let mut next = Some(Position::default());
        while let Some(position) = next {
            let (keys, rows, after) = self.on_each("HGET", &prefix, &field, position).await?;
            for (key, row) in keys.iter().zip(rows) {
                match row {
                    Value::BulkString(row) => {
                        found.insert(Bytes::copy_from_slice(&key[prefix.len()..]), Bytes::from(row));
                    }
                    Value::Nil => {}
                    other => return Err(self.fault(unexpected("HGET", &other))),
                }
            }
            next = after;
        }
        Ok(found.into_iter().map(|(key, row)| StoredRow { key, row }).collect())
    }

    /// Removes rows step by step, and rests as long as each step took, so that the server has half of its time for
    /// others.
    pub(super) async fn remove_keyspace(&self, keyspace: &Keyspace) -> Result<u64, OnlineError> {
        let (prefix, field) = (layout::prefix(keyspace), layout::field(keyspace));
        let known = self.list_keyspaces().await?;
        let mut removed = 0;
        let mut next = Some(Position::default()).filter(|_| known.iter().any(|info| info.keyspace == *keyspace));
        while let Some(position) = next {
            let started = Instant::now();
            let (_, answers, after) = self.on_each("HDEL", &prefix, &field, position).await?;
            for answer in answers {
                match answer {
                    Value::Int(rows) => removed += rows.unsigned_abs(),
                    other => return Err(self.fault(unexpected("HDEL", &other))),
                }
            }
            next = after;
            if next.is_some() {
                tokio::time::sleep(started.elapsed()).await;
            }
        }
        self.unregister(keyspace).await?;
        Ok(removed)
    }

    /// Sends a command for the field of some keys: which keys, what each came to, and where to go on.
    async fn on_each(
        &self,
        command: &str,
        prefix: &[u8],
        field: &Field,
        position: Position,
    ) -> Result<(Vec<Vec<u8>>, Vec<Value>, Option<Position>), OnlineError> {
        let step = |open: Arc<Open>| {
            let step = async move {
                let (keys, after) = keys(&open, prefix, position).await?;
                let mut batch = self.batch(Kind::Write, keys.len());
                for key in &keys {
                    let mut of_key = cmd(command);
                    of_key.arg(key.as_slice()).arg(field);
                    batch.push(key, of_key);
                }
                let answers = all_accepted(batch.run(&open).await?)?;
                Ok((keys, answers, after))
            };
            step.boxed()
        };
        let done = self.inner.writes.try_until(PATIENCE, step).await;
        done.map_err(|problem| self.fault(problem))
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
