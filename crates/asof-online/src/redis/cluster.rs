//! Which node of a cluster has which slots, so that commands of one node travel together.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo, Slot};
use redis::{Value, cmd, from_redis_value};

use super::RedisProblem;
use super::connect::Connection;

/// The nodes that have the slots. Only a hint: who sends commands by it must bear that slots have moved.
pub(super) struct Slots {
    /// The number of the node for each slot; empty where there is no cluster.
    nodes: HashMap<Slot, usize>,
    /// A slot of each primary; none where there is no cluster.
    primaries: Vec<Slot>,
}

impl Slots {
    /// Asks for the slots, if there is a cluster.
    pub(super) async fn of(connection: &Connection) -> Result<Self, RedisProblem> {
        let mut primaries = Vec::new();
        let mut nodes = HashMap::new();
        if let Connection::Cluster(connection) = connection {
            for (slots, node) in ranges(connection).await? {
                if node == primaries.len() {
                    primaries.extend(Slot::new(*slots.start()));
                }
                nodes.extend(slots.filter_map(Slot::new).map(|slot| (slot, node)));
            }
        }
        Ok(Self { nodes, primaries })
    }

    /// The number of the node that has a slot, as far as it is known.
    pub(super) fn node(&self, slot: Slot) -> Option<usize> {
        self.nodes.get(&slot).copied()
    }

    /// A slot of each primary of the cluster; none where there is no cluster.
    pub(super) fn primaries(&self) -> &[Slot] {
        &self.primaries
    }
}

/// Ranges of slots, and the number of the primary that has them, counted in the order in which primaries come.
async fn ranges(connection: &ClusterConnection) -> Result<Vec<(RangeInclusive<u16>, usize)>, RedisProblem> {
    let mut command = cmd("CLUSTER");
    command.arg("SLOTS");
    let route = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
    let answer = connection.clone().route_command(command, route).await?;
    let unexpected = |error| RedisProblem::Other(format!("CLUSTER SLOTS: {error}"));
    let mut known: Vec<String> = Vec::new();
    let mut ranges = Vec::new();
    // Each range: first slot, last slot, the primary, its replicas; a node: address, port, identity and more.
    for range in from_redis_value::<Vec<Vec<Value>>>(answer).map_err(|error| unexpected(error.to_string()))? {
        let [first, last, Value::Array(primary), ..] = range.as_slice() else {
            return Err(unexpected("a range without a primary".to_owned()));
        };
        let number = |value: &Value| match value {
            Value::Int(number) => u16::try_from(*number).ok(),
            _ => None,
        };
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            return Err(unexpected("a range without slots".to_owned()));
        };
        let identity = format!("{primary:?}");
        let node = known.iter().position(|node| *node == identity).unwrap_or_else(|| {
            known.push(identity);
            known.len() - 1
        });
        ranges.push((first..=last, node));
    }
    Ok(ranges)
}
