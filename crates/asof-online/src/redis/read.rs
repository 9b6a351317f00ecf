//! Reading rows: one command per entity, all of them in one round trip per server.

use std::collections::HashMap;

use bytes::Bytes;
use redis::{Cmd, Value};

use super::batch::Kind;
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
        let values = self.inner.reads.run(&batch, self.inner.timeout).await;
        let values = values.map_err(|problem| self.fault(problem))?;
        for (hash, value) in wanted.iter().zip(values) {
            let rows = self::fields(value).map_err(|problem| {
                let key = [prefixes[hash.prefix].as_slice(), hash.key].concat();
                self.fault(problem.at(&key))
            })?;
            for ((request, position), row) in hash.places.iter().zip(rows) {
                answers[*request][*position] = row;
            }
        }
        Ok(answers)
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
