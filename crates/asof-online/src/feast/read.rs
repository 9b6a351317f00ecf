//! Reading rows: one command per entity, all of them in one round trip per server.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use bytes::Bytes;
use redis::Cmd;

use super::view::View;
use super::{FeastProblem, FeastStore, event_time, value};
use crate::redis::{Batch, Kind, Shape, fields};
use crate::{OnlineError, ReadRequest};

/// The hash of an entity, and what of it answers what.
struct Wanted {
    key: Vec<u8>,
    /// Request and position in its answer, in the order of the command's fields.
    places: Vec<(usize, usize)>,
}

/// A row that was found: its position in the answer, its event time, and the values of its features.
struct Found {
    position: usize,
    event_time: i64,
    values: Vec<Option<Bytes>>,
}

impl FeastStore {
    pub(super) async fn read_rows(&self, requests: &[ReadRequest<'_>]) -> Result<Vec<Vec<Option<Bytes>>>, OnlineError> {
        let refused = |problem| self.refusal(problem);
        let views = requests.iter().map(|request| self.views.get(request.keyspace));
        let views: Vec<Arc<View>> = views.collect::<Result<_, _>>().map_err(refused)?;
        let wanted = wanted(requests, &views).map_err(refused)?;
        let shape = Shape {
            kind: Kind::Read,
            clustered: self.clustered,
        };
        let mut batch = Batch::new(shape, wanted.len());
        for hash in &wanted {
            let mut command = redis::cmd("HMGET");
            command.arg(hash.key.as_slice());
            for (request, _) in &hash.places {
                add_fields(&mut command, &views[*request]);
            }
            batch.push(&hash.key, command);
        }
        let values = self.link.run(&batch, self.timeout).await;
        let values = values.map_err(|problem| self.fault(problem))?;
        let mut found: Vec<Vec<Found>> = requests.iter().map(|_| Vec::new()).collect();
        for (hash, value) in wanted.iter().zip(values) {
            let mut values = fields(value).map_err(|problem| self.fault(problem))?.into_iter();
            for (request, position) in &hash.places {
                let view = &views[*request];
                let mut values: Vec<Option<Bytes>> = values.by_ref().take(view.fields.len()).collect();
                // The last field is the event time; without it Feast has written no row.
                if let Some(Some(time)) = values.pop() {
                    let event_time = event_time::micros(&time).map_err(|problem| {
                        let view = view.name.clone();
                        self.refusal(FeastProblem::EventTime { view, problem })
                    })?;
                    found[*request].push(Found {
                        position: *position,
                        event_time,
                        values,
                    });
                }
            }
        }
        let answers = requests.iter().zip(&views).zip(&found);
        let answers = answers.map(|((request, view), found)| rows(view, found, request.keys.len()));
        answers.collect::<Result<_, _>>().map_err(refused)
    }
}

fn add_fields(command: &mut Cmd, view: &View) {
    for field in &view.fields {
        command.arg(field.as_slice());
    }
}

/// Each hash that is asked for, once. Views of the same entities share theirs.
fn wanted(requests: &[ReadRequest<'_>], views: &[Arc<View>]) -> Result<Vec<Wanted>, FeastProblem> {
    let mut hashes: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut wanted: Vec<Wanted> = Vec::new();
    for (request, (asked, view)) in requests.iter().zip(views).enumerate() {
        for (position, key) in asked.keys.iter().enumerate() {
            let Some(key) = key else { continue };
            let Some(key) = view.keys.hash_key(key)? else { continue };
            let hash = *hashes.entry(key).or_insert_with_key(|key| {
                wanted.push(Wanted {
                    key: key.clone(),
                    places: Vec::with_capacity(requests.len()),
                });
                wanted.len() - 1
            });
            wanted[hash].places.push((request, position));
        }
    }
    Ok(wanted)
}

/// The rows of one answer, encoded.
fn rows(view: &View, found: &[Found], length: usize) -> Result<Vec<Option<Bytes>>, FeastProblem> {
    let mut answer = vec![None; length];
    if found.is_empty() {
        return Ok(answer);
    }
    let features = view.rows.features().iter().enumerate();
    let columns = features.map(|(at, feature)| {
        let values = found.iter().map(|row| row.values.get(at)?.as_ref());
        value::column(feature.value_type, values).map_err(|wrong| wrong.of(&view.name, feature))
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    let event_times = TimestampMicrosecondArray::from_iter_values(found.iter().map(|row| row.event_time));
    let rows = view.rows.encode(&columns, &event_times, None);
    let rows = rows.map_err(|source| FeastProblem::Row {
        view: view.name.clone(),
        source,
    })?;
    for (row, found) in rows.iter().zip(found) {
        answer[found.position] = Some(Bytes::copy_from_slice(row));
    }
    Ok(answer)
}
