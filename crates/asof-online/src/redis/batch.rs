//! Many commands in one round trip per server.

use std::collections::HashMap;
use std::hash::Hash;

use futures::future::{join_all, try_join_all};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Cmd, Pipeline, ServerErrorKind, Value};

use super::RedisProblem;
use super::connect::Connection;
use super::link::Open;

/// Commands, each of one key, that are sent together. They may be carried out in any order.
pub(crate) struct Batch {
    commands: Pipeline,
    /// The slot of each command; empty where there is no cluster.
    slots: Vec<Slot>,
    shape: Shape,
}

/// What a batch is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Who may carry the commands out.
    pub(crate) kind: Kind,
    /// Whether they go to a cluster.
    pub(crate) clustered: bool,
}

/// Who may carry commands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Primaries only.
    Write,
    /// Replicas too, where connections to them were asked for.
    Read,
}

impl Batch {
    /// A batch without commands, with room for some.
    pub(crate) fn new(shape: Shape, capacity: usize) -> Self {
        Self {
            commands: Pipeline::with_capacity(capacity),
            slots: Vec::with_capacity(if shape.clustered { capacity } else { 0 }),
            shape,
        }
    }

    /// Adds a command of the key.
    pub(crate) fn push(&mut self, key: &[u8], command: Cmd) {
        if self.shape.clustered {
            self.slots.push(Slot::for_key(key));
        }
        self.commands.add_command(command);
    }

    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    /// Sends the commands and returns what each comes to. Errors that a server gives to one command are values.
    pub(super) async fn run(&self, open: &Open) -> Result<Vec<Value>, RedisProblem> {
        if self.commands.is_empty() {
            return Ok(Vec::new());
        }
        match &open.connection {
            Connection::Single(connection) => {
                let mut connection = connection.clone();
                let values = connection.send_packed_commands(&self.commands, 0, self.len()).await?;
                complete(values, self.len())
            }
            Connection::Cluster(connection) => self.run_in_cluster(open, connection).await,
        }
    }

    /// One pipeline per node. Where slots have moved since they were asked for, once more with one for each slot,
    /// which the library sends after it.
    async fn run_in_cluster(&self, open: &Open, connection: &ClusterConnection) -> Result<Vec<Value>, RedisProblem> {
        let all: Vec<&Cmd> = self.commands.cmd_iter().collect();
        let by_node = group(0..all.len(), |command| {
            let slot = self.slots[command];
            open.slots.node(slot).ok_or(slot)
        });
        let mut values = vec![Value::Nil; all.len()];
        let mut moved = Vec::new();
        let sent = by_node.iter().map(|commands| self.send(connection, &all, commands));
        for (commands, answered) in by_node.iter().zip(join_all(sent).await) {
            // A pipeline over several slots that were split up meanwhile is sent to and fro until it fails.
            let answered = answered.unwrap_or_default();
            if answered.len() != commands.len() {
                moved.extend_from_slice(commands);
                continue;
            }
            for (command, value) in commands.iter().zip(answered) {
                if is_elsewhere(&value) {
                    moved.push(*command);
                } else {
                    values[*command] = value;
                }
            }
        }
        if moved.is_empty() {
            return Ok(values);
        }
        open.slots.forget();
        let by_slot = group(moved.into_iter(), |command| self.slots[command]);
        let sent = by_slot.iter().map(|commands| self.send(connection, &all, commands));
        for (commands, answered) in by_slot.iter().zip(try_join_all(sent).await?) {
            for (command, value) in commands.iter().zip(complete(answered, commands.len())?) {
                values[*command] = value;
            }
        }
        Ok(values)
    }

    /// Sends some of `all` to the node of the first of them.
    async fn send(
        &self,
        connection: &ClusterConnection,
        all: &[&Cmd],
        chosen: &[usize],
    ) -> Result<Vec<Value>, RedisProblem> {
        let mut pipeline = Pipeline::with_capacity(chosen.len());
        for command in chosen {
            pipeline.add_command(all[*command].clone());
        }
        let address = match self.shape.kind {
            Kind::Write => SlotAddr::Master,
            Kind::Read => SlotAddr::ReplicaOptional,
        };
        let route = Route::with_slot(self.slots[chosen[0]], address);
        let mut connection = connection.clone();
        let sent = connection.route_pipeline(pipeline, 0, chosen.len(), SingleNodeRoutingInfo::SpecificNode(route));
        Ok(sent.await?)
    }
}

fn complete(values: Vec<Value>, expected: usize) -> Result<Vec<Value>, RedisProblem> {
    if values.len() == expected {
        return Ok(values);
    }
    let problem = format!("{} answers to {expected} commands", values.len());
    Err(RedisProblem::Unreachable(problem))
}

fn is_elsewhere(value: &Value) -> bool {
    let Value::ServerError(error) = value else {
        return false;
    };
    matches!(
        error.kind(),
        Some(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::TryAgain | ServerErrorKind::CrossSlot)
    )
}

/// The items by what `of` says of them, groups in the order of their first items.
fn group<K: Hash + Eq>(items: impl Iterator<Item = usize>, of: impl Fn(usize) -> K) -> Vec<Vec<usize>> {
    let mut places = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for item in items {
        let place = *places.entry(of(item)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(item);
    }
    groups
}
