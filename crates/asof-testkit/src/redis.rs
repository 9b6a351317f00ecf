//! Real Redis servers: alone, as a cluster, under sentinels; on free ports of this machine, gone when dropped.
//!
//! Each server is the `redis-server` on the `PATH`, or the program that `ASOF_TEST_REDIS_SERVER` names (Valkey's does
//! as well). It listens on 127.0.0.1 and on a socket in a folder of its own, over which it is asked whether it is up.

mod certificates;
mod cluster;
mod instance;
mod options;
mod process;
mod protocol;
mod sentinel;
mod server;
#[cfg(test)]
mod tests;
mod wait;

pub use certificates::Certificates;
pub use cluster::RedisCluster;
pub use options::RedisOptions;
pub use sentinel::RedisSentinel;
pub use server::RedisServer;
