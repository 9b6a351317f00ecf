//! Many commands in one round trip per server.

use std::collections::HashMap;
use std::hash::Hash;

use futures::FutureExt;
use futures::future::join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};

use super::RedisProblem;
use super::connect::Connection;
use super::link::Open;

/// How many commands that are sent alone are under way together.
const ALONE: usize = 64;

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

    /// One pipeline per node. Where a slot is on its way to another node its commands once more, each alone: of a
    /// pipeline with one command for another node the library returns nothing else.
    ///
    /// Once a slot has moved nothing more is sent: while the library asks where the slots are it can lock itself up for
    /// good when there are other commands.
    async fn run_in_cluster(&self, open: &Open, connection: &ClusterConnection) -> Result<Vec<Value>, RedisProblem> {
        let all: Vec<&Cmd> = self.commands.cmd_iter().collect();
        let by_node = group(0..all.len(), |command| {
            let slot = self.slots[command];
            open.slots.node(slot).ok_or(slot)
        });
        let mut values = vec![Value::Nil; all.len()];
        let mut again = Vec::new();
        let sent = by_node.iter().map(|commands| self.send(connection, &all, commands));
        for (commands, answered) in by_node.iter().zip(join_all(sent).await) {
            match answered {
                Ok(answers) => {
                    for (command, value) in commands.iter().zip(complete(answers, commands.len())?) {
                        values[*command] = value;
                    }
                }
                Err(error) if is(&error, ServerErrorKind::Ask) || is(&error, ServerErrorKind::TryAgain) => {
                    again.extend_from_slice(commands);
                }
                Err(error) => return Err(RedisProblem::from(error).in_cluster()),
            }
        }
        let alone = again.into_iter().map(|command| {
            let sent = self.send_alone(connection, &all, command);
            sent.map(move |sent| sent.map(|value| (command, value)))
        });
        let mut alone = stream::iter(alone).buffer_unordered(ALONE);
        while let Some((command, value)) = alone.try_next().await? {
            values[command] = value;
        }
        Ok(values)
    }

    /// Sends one command to where its slot is, or is going to.
    async fn send_alone(
        &self,
        connection: &ClusterConnection,
        all: &[&Cmd],
        command: usize,
    ) -> Result<Value, RedisProblem> {
        let mut sent = self.send(connection, all, &[command]).await;
        if let Err(error) = &sent
            && is(error, ServerErrorKind::Ask)
            && let Some(to) = error.redirect_node().and_then(|(node, _)| address(node))
        {
            let mut pipeline = Pipeline::with_capacity(2);
            // It holds for the next command of the connection, so that the two must not be parted.
            pipeline.cmd("ASKING").add_command(all[command].clone());
            sent = connection.clone().route_pipeline(pipeline, 0, 2, to).await;
        }
        match sent {
            Ok(mut values) => values
                .pop()
                .ok_or_else(|| RedisProblem::Unreachable("no answer to a command".to_owned())),
            // The keys of the command are here and there: not an error of all the others.
            Err(error) if is(&error, ServerErrorKind::TryAgain) => match error.clone().into_server_errors() {
                Some(errors) if !errors.is_empty() => Ok(Value::ServerError(errors[0].1.clone())),
                _ => Err(error.into()),
            },
            Err(error) => Err(RedisProblem::from(error).in_cluster()),
        }
    }

    /// Sends some of `all` to the node of the first of them.
    async fn send(
        &self,
        connection: &ClusterConnection,
        all: &[&Cmd],
        chosen: &[usize],
    ) -> Result<Vec<Value>, RedisError> {
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
        let to = SingleNodeRoutingInfo::SpecificNode(route);
        connection.route_pipeline(pipeline, 0, chosen.len(), to).await
    }
}

fn complete(values: Vec<Value>, expected: usize) -> Result<Vec<Value>, RedisProblem> {
    if values.len() == expected {
        return Ok(values);
    }
    let problem = format!("{} answers to {expected} commands", values.len());
    Err(RedisProblem::Unreachable(problem))
}

fn is(error: &RedisError, kind: ServerErrorKind) -> bool {
    error.kind() == ErrorKind::Server(kind)
}

/// The node in a redirection.
fn address(node: &str) -> Option<SingleNodeRoutingInfo> {
    let (host, port) = node.rsplit_once(':')?;
    Some(SingleNodeRoutingInfo::ByAddress {
        host: host.to_owned(),
        port: port.parse().ok()?,
    })
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
