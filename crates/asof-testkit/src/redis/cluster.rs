//! A Redis cluster.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};

use super::options::RedisOptions;
use super::server::{Mode, RedisServer};
use super::wait::wait_until;

/// The first slot of each primary, and one beyond the last.
const BOUNDS: [usize; 4] = [0, 5461, 10923, 16384];

/// A running cluster of three primaries, each with a third of the slots, and of replicas if asked for.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts three primaries and returns when each knows all others and serves its slots.
    ///
    /// # Errors
    /// When there is no `redis-server`, or the cluster does not come up.
    pub fn start() -> Result<Self> {
        // Nobody could take over, so that a node that is slow to answer had better not be given up.
        Self::start_nodes(BOUNDS.len() - 1, "15000")
    }

    /// The same with one replica for each primary, which takes over some seconds after its primary was killed.
    ///
    /// # Errors
    /// When there is no `redis-server`, or the cluster does not come up.
    pub fn start_with_replicas() -> Result<Self> {
        Self::start_nodes(2 * (BOUNDS.len() - 1), "2000")
    }

    fn start_nodes(count: usize, node_timeout: &str) -> Result<Self> {
        let options = RedisOptions::new()
            .setting("cluster-announce-ip", RedisServer::HOST)
            .setting("cluster-node-timeout", node_timeout)
            .setting("cluster-replica-validity-factor", "0");
        let nodes = (0..count).map(|_| RedisServer::start_as(options.clone(), Mode::Cluster));
        let cluster = Self {
            nodes: nodes.collect::<Result<_>>()?,
        };
        cluster.assign_slots()?;
        cluster.introduce()?;
        cluster.assign_replicas()?;
        cluster.await_ok()?;
        Ok(cluster)
    }

    /// All nodes: first those that were primaries at the start, in the order of their slots, then their replicas in the
    /// same order.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// One of [`RedisCluster::nodes`], to kill or restart it; a restart keeps its place in the cluster.
    pub fn node_mut(&mut self, index: usize) -> &mut RedisServer {
        &mut self.nodes[index]
    }

    /// The URLs of all nodes, in the order of [`RedisCluster::nodes`].
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// Host and port of all nodes, in the order of [`RedisCluster::nodes`].
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::address).collect()
    }

    /// Which of the nodes is now the primary for a key.
    ///
    /// # Errors
    /// When no node that runs knows one.
    pub fn primary_of(&self, key: &str) -> Result<usize> {
        let asked = self.running().next().context("every node was killed")?;
        let slot = asked.cli(&["CLUSTER", "KEYSLOT", key])?.parse()?;
        let seen = Seen::by(asked)?;
        let owner = seen.nodes.iter().find(|node| node.owns(slot));
        let address = &owner.with_context(|| format!("slot {slot} has no primary"))?.address;
        let index = self.nodes.iter().position(|node| node.address() == *address);
        index.with_context(|| format!("{address} is no node of this cluster"))
    }

    /// Waits until the nodes that run serve all slots among them and see each other so: after a start, after a primary
    /// was killed that has a replica, or after a killed node was restarted.
    ///
    /// # Errors
    /// When that does not happen, because a primary without a replica is down, say.
    pub fn await_ok(&self) -> Result<()> {
        for node in self.running() {
            wait_until(&format!("the cluster is complete for {}", node.address()), || {
                self.is_ok_for(node)
            })?;
        }
        Ok(())
    }

    fn is_ok_for(&self, node: &RedisServer) -> Result<bool> {
        let is_primary = node.info("role")? == "master";
        let mut slots = 0;
        let seen = Seen::by(node)?;
        for other in self.running() {
            let other = seen.nodes.iter().find(|seen| seen.address == other.address());
            match other {
                Some(other) if other.is_well => slots += other.slots(),
                _ => return Ok(false),
            }
        }
        let is_known_by_all = slots == BOUNDS[3] && seen.nodes.len() == self.nodes.len();
        Ok(is_known_by_all && seen.state == "ok" && (is_primary || node.is_linked()?))
    }

    fn running(&self) -> impl Iterator<Item = &RedisServer> {
        self.nodes.iter().filter(|node| node.is_running())
    }

    fn assign_slots(&self) -> Result<()> {
        for (index, node) in self.nodes.iter().take(BOUNDS.len() - 1).enumerate() {
            let slots = BOUNDS[index]..BOUNDS[index + 1];
            let slots = slots.map(|slot| slot.to_string()).collect::<Vec<_>>();
            let command = ["CLUSTER", "ADDSLOTS"]
                .into_iter()
                .chain(slots.iter().map(String::as_str));
            node.cli(&command.collect::<Vec<_>>())?;
            // All begin with the same epoch, which they would have to sort out first.
            node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])?;
        }
        Ok(())
    }

    /// Tells every node of every other, which is quicker than leaving it to gossip.
    fn introduce(&self) -> Result<()> {
        for node in &self.nodes {
            let port = node.port().to_string();
            let bus = node.cli(&["CONFIG", "GET", "cluster-port"])?;
            let mut command = vec!["CLUSTER", "MEET", RedisServer::HOST, &port];
            // Versions before 7 have no such setting.
            command.extend(bus.lines().nth(1));
            for other in self.nodes.iter().filter(|other| other.port() != node.port()) {
                other.cli(&command)?;
            }
        }
        Ok(())
    }

    fn assign_replicas(&self) -> Result<()> {
        let (primaries, replicas) = self.nodes.split_at(BOUNDS.len() - 1);
        for (primary, replica) in primaries.iter().zip(replicas) {
            let id = primary.cli(&["CLUSTER", "MYID"])?;
            wait_until(&format!("{} knows its primary", replica.address()), || {
                Ok(replica.cli(&["CLUSTER", "REPLICATE", &id])? == "OK")
            })?;
        }
        Ok(())
    }
}

/// The cluster as one node sees it.
struct Seen {
    state: String,
    nodes: Vec<SeenNode>,
}

struct SeenNode {
    address: String,
    /// Reached, not failing, and no stranger any more.
    is_well: bool,
    /// Ranges of slots, both ends included.
    ranges: Vec<(usize, usize)>,
}

impl Seen {
    fn by(node: &RedisServer) -> Result<Self> {
        let info = node.cli(&["CLUSTER", "INFO"])?;
        let info = info
            .lines()
            .filter_map(|line| line.split_once(':'))
            .collect::<HashMap<_, _>>();
        let nodes = node.cli(&["CLUSTER", "NODES"])?;
        Ok(Self {
            state: (*info.get("cluster_state").context("a cluster has a state")?).to_owned(),
            nodes: nodes.lines().map(SeenNode::parse).collect::<Result<_>>()?,
        })
    }
}

impl SeenNode {
    /// Parses `<id> <host:port@bus> <flags> <primary> <ping> <pong> <epoch> <link> <slots>…`.
    fn parse(line: &str) -> Result<Self> {
        let fields = line.split(' ').collect::<Vec<_>>();
        ensure!(fields.len() >= 8, "a line of CLUSTER NODES is short: {line}");
        let (address, _) = fields[1].split_once('@').context("a node has a bus port")?;
        let is_flawed = |flag| ["fail", "fail?", "handshake", "noaddr"].contains(&flag);
        let ranges = fields[8..].iter().map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Ok((first.parse()?, last.parse()?))
        });
        Ok(Self {
            address: address.to_owned(),
            is_well: fields[7] == "connected" && !fields[2].split(',').any(is_flawed),
            ranges: ranges.collect::<Result<_>>()?,
        })
    }

    fn owns(&self, slot: usize) -> bool {
        self.ranges.iter().any(|&(first, last)| (first..=last).contains(&slot))
    }

    fn slots(&self) -> usize {
        self.ranges.iter().map(|(first, last)| last + 1 - first).sum()
    }
}
