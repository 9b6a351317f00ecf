//! Reading rows: one command per entity, all of them in one round trip per server.

use std::collections::{HashMap, HashSet};

use asof_model::Keyspace;
use bytes::Bytes;
use redis::{Cmd, Value};

use super::batch::Kind;
use super::layout::FIELDS;
use super::{RedisProblem, RedisStore, accepted, layout, unexpected};
use crate::{OnlineError, ReadRequest};

/// The hash of an entity, and which of its fields answer what.
struct Wanted<'k> {
    prefix: usize,
    key: &'k [u8],
    /// Request and position in its answer, in the order of the command's fields.
    places: Vec<(usize, usize)>,
}

impl RedisStore {
    pub(super) async fn read_rows(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError> {
        let mut answers: Vec<Vec<Option<Bytes>>> = requests.iter().map(|r| vec![None; r.keys.len()]).collect();
        let fields: Vec<_> = requests.iter().map(|request| layout::field(request.keyspace)).collect();
        let (prefixes, wanted) = wanted(requests);
        let mut batch = self.batch(Kind::Read, wanted.len());
        for hash in &wanted {
            let key = [prefixes[hash.prefix].as_slice(), hash.key].concat();
            let mut command = Cmd::with_capacity(2 + hash.places.len(), 16 + key.len() + 4 * hash.places.len());
            command.arg("HMGET").arg(key.as_slice());
            for (request, _) in &hash.places {
                command.arg(&fields[*request]);
            }
            batch.push(&key, command);
        }
        let unsure = self.unsure(requests);
        for request in &unsure {
            let mut command = Cmd::new();
            command.arg("HGET").arg(FIELDS).arg(&fields[*request]);
            batch.push(FIELDS.as_bytes(), command);
        }
        let values = self.inner.reads.run(&batch, self.inner.timeout).await;
        let mut values = values.map_err(|problem| self.fault(problem))?;
        let owners = values.split_off(wanted.len());
        for (hash, value) in wanted.iter().zip(values) {
            let rows = self::fields(value).map_err(|problem| {
                let key = [prefixes[hash.prefix].as_slice(), hash.key].concat();
                self.fault(problem.at(&key))
            })?;
            for ((request, position), row) in hash.places.iter().zip(rows) {
                answers[*request][*position] = row;
            }
        }
        for (request, owner) in unsure.into_iter().zip(owners) {
            let owner = accepted(owner).map_err(|problem| self.fault(problem))?;
            if !self.is_owner(requests[request].keyspace, &owner) {
                answers[request].fill(None);
            }
        }
        Ok(answers)
    }

    /// The requests of keyspaces that are not known to have their fields for themselves.
    fn unsure(&self, requests: &[ReadRequest<'_>]) -> Vec<usize> {
        let owners = self.inner.owners.load();
        let is_unsure = |request: &usize| !owners.contains(requests[*request].keyspace);
        (0..requests.len()).filter(is_unsure).collect()
    }

    /// Whether the field of a keyspace is its own. That is remembered.
    fn is_owner(&self, keyspace: &Keyspace, owner: &Value) -> bool {
        let is_owner = *owner == Value::BulkString(keyspace.to_string().into_bytes());
        if is_owner {
            self.inner.owners.rcu(|owners| {
                let mut owners = HashSet::clone(owners);
                owners.insert(keyspace.clone());
                owners
            });
        }
        is_owner
    }

    /// Has the next read of a keyspace look again whether its field is its own.
    pub(super) fn forget_owner(&self, keyspace: &Keyspace) {
        self.inner.owners.rcu(|owners| {
            let mut owners = HashSet::clone(owners);
            owners.remove(keyspace);
            owners
        });
    }
}

/// Each hash that is asked for, once; and what their keys begin with.
fn wanted<'k>(requests: &[ReadRequest<'k>]) -> (Vec<Vec<u8>>, Vec<Wanted<'k>>) {
    let mut prefixes: Vec<Vec<u8>> = Vec::new();
    let mut hashes: HashMap<(usize, &[u8]), usize> = HashMap::new();
    let mut wanted: Vec<Wanted<'k>> = Vec::new();
    for (request, asked) in requests.iter().enumerate() {
        let prefix = layout::prefix(asked.keyspace);
        let prefix = prefixes.iter().position(|known| *known == prefix).unwrap_or_else(|| {
            prefixes.push(prefix);
            prefixes.len() - 1
        });
        for (position, key) in asked.keys.iter().enumerate() {
            let Some(key) = key else { continue };
            let hash = *hashes.entry((prefix, key)).or_insert_with(|| {
                wanted.push(Wanted {
                    prefix,
                    key,
                    places: Vec::with_capacity(requests.len()),
                });
                wanted.len() - 1
            });
            wanted[hash].places.push((request, position));
        }
    }
    (prefixes, wanted)
}

/// The values of the fields that `HMGET` asked for; `None` where there is none.
pub(crate) fn fields(value: Value) -> Result<Vec<Option<Bytes>>, RedisProblem> {
    let Value::Array(values) = accepted(value)? else {
        return Err(RedisProblem::Other("HMGET was not answered with a list".to_owned()));
    };
    values
        .into_iter()
        .map(|value| match value {
            Value::BulkString(row) => Ok(Some(Bytes::from(row))),
            Value::Nil => Ok(None),
            other => Err(unexpected("HMGET", &other)),
        })
        .collect()
}
