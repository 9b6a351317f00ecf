//! What whoever runs a Redis should know about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt;
use redis::{InfoDict, cmd};

use super::check::{LISTPACK_SETTING, LISTPACK_VALUE, on_primaries, setting, understood};
use super::link::Open;
use super::{RedisProblem, RedisStore};
use crate::{OnlineError, StoreFact};

impl RedisStore {
    pub(super) async fn facts(&self) -> Result<Vec<StoreFact>, OnlineError> {
        let ask = |open: Arc<Open>| async move { Answers::of(&open).await }.boxed();
        let answers = self.inner.writes.try_until(self.inner.timeout, ask).await;
        answers
            .map(|answers| answers.facts(self.inner.clustered))
            .map_err(|problem| self.fault(problem))
    }
}

/// What the primaries say, one entry for each; nothing of those that the user may not ask.
#[derive(Debug, Default)]
struct Answers {
    infos: Vec<InfoDict>,
    packing: Vec<u64>,
    snapshots: Vec<String>,
}

impl Answers {
    async fn of(open: &Open) -> Result<Self, RedisProblem> {
        let infos = on_primaries(open, cmd("INFO")).await?.into_iter().map(understood);
        let infos: Vec<Option<InfoDict>> = infos.collect::<Result<_, _>>()?;
        let packing = setting(open, LISTPACK_SETTING).await?.into_iter().flatten();
        Ok(Self {
            infos: infos.into_iter().flatten().collect(),
            packing: packing.filter_map(|limit| limit.parse().ok()).collect(),
            snapshots: setting(open, "save").await?.into_iter().flatten().collect(),
        })
    }

    fn facts(&self, clustered: bool) -> Vec<StoreFact> {
        let mut facts = Vec::new();
        if self.infos.is_empty() {
            facts.push(fact(
                "server",
                "the user may not ask about it",
                "allow `+info` in its ACL to see more here",
            ));
        } else {
            facts.extend([
                self.server(clustered),
                self.memory(),
                self.eviction(),
                self.persistence(),
            ]);
        }
        facts.push(self.packing());
        facts
    }

    fn numbers(&self, name: &str) -> impl Iterator<Item = u64> {
        self.infos.iter().map(move |info| info.get(name).unwrap_or_default())
    }

    fn server(&self, clustered: bool) -> StoreFact {
        let version = |info: &InfoDict| {
            let valkey = info
                .get::<String>("valkey_version")
                .map(|version| format!("Valkey {version}"));
            valkey.unwrap_or_else(|| format!("Redis {}", info.get::<String>("redis_version").unwrap_or_default()))
        };
        let versions: BTreeSet<String> = self.infos.iter().map(version).collect();
        let mut found = versions.into_iter().collect::<Vec<_>>().join(" and ");
        if clustered {
            let primaries = count(self.infos.len() as u64, "primary", "primaries");
            found = format!("{found}, a cluster of {primaries}");
        }
        let is_replica = |info: &InfoDict| info.get::<String>("role").is_some_and(|role| role == "slave");
        if self.infos.iter().any(is_replica) {
            let advice = format!("it {}", RedisProblem::ReadOnly);
            return fact("server", format!("{found}, a replica"), advice);
        }
        let replicas = self.numbers("connected_slaves").sum();
        good("server", format!("{found}, {}", count(replicas, "replica", "replicas")))
    }

    fn memory(&self) -> StoreFact {
        let used: u64 = self.numbers("used_memory").sum();
        let limits: Vec<u64> = self.numbers("maxmemory").collect();
        if limits.contains(&0) {
            return good("memory", format!("{} used, no limit is set", mebibytes(used)));
        }
        let found = format!("{} used of {}", mebibytes(used), mebibytes(limits.iter().sum()));
        let is_nearly_full = |(used, limit): (u64, &u64)| used.saturating_mul(10) > limit.saturating_mul(9);
        if self.numbers("used_memory").zip(&limits).any(is_nearly_full) {
            return fact("memory", found, "raise `maxmemory` before it is full");
        }
        good("memory", found)
    }

    fn eviction(&self) -> StoreFact {
        let policy = |info: &InfoDict| info.get::<String>("maxmemory_policy").unwrap_or_default();
        let policies: BTreeSet<String> = self.infos.iter().map(policy).collect();
        let drops_rows = policies
            .iter()
            .any(|policy| !policy.is_empty() && policy != "noeviction");
        let found = format!(
            "maxmemory-policy {}",
            policies.into_iter().collect::<Vec<_>>().join(" and ")
        );
        if drops_rows {
            return fact(
                "eviction",
                found,
                "set `maxmemory-policy noeviction`, or rows are dropped without a word when `maxmemory` is reached",
            );
        }
        good("eviction", found)
    }

    fn persistence(&self) -> StoreFact {
        if self.numbers("aof_enabled").all(|enabled| enabled == 1) {
            return good("persistence", "an append-only file");
        }
        match self.snapshots.iter().find(|times| !times.is_empty()) {
            Some(times) => good("persistence", format!("snapshots (save {times})")),
            None => fact(
                "persistence",
                "no append-only file, and no snapshots that are known of",
                "set `appendonly yes`, or materialize again after every restart",
            ),
        }
    }

    fn packing(&self) -> StoreFact {
        let advice =
            format!("set `hash-max-listpack-value {LISTPACK_VALUE}`, and rows take about a quarter less memory");
        match self.packing.iter().min() {
            None => fact("packing", "the user may not ask for settings", advice),
            Some(limit) => {
                let found = format!("hash-max-listpack-value {limit}");
                if *limit < LISTPACK_VALUE {
                    return fact("packing", found, advice);
                }
                good("packing", found)
            }
        }
    }
}

fn good(about: &'static str, found: impl Into<String>) -> StoreFact {
    StoreFact {
        about,
        found: found.into(),
        advice: None,
    }
}

fn fact(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> StoreFact {
    StoreFact {
        advice: Some(advice.into()),
        ..good(about, found)
    }
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(info: &str, packing: &[u64], snapshots: &[&str]) -> Answers {
        Answers {
            infos: vec![InfoDict::new(info)],
            packing: packing.to_vec(),
            snapshots: snapshots.iter().map(|times| (*times).to_owned()).collect(),
        }
    }

    fn told(answers: &Answers) -> Vec<String> {
        let line = |fact: StoreFact| {
            let advice = fact.advice.map(|advice| format!(" -> {advice}")).unwrap_or_default();
            format!("{}: {}{advice}", fact.about, fact.found)
        };
        answers.facts(false).into_iter().map(line).collect()
    }

    #[test]
    fn a_server_that_suits_gets_no_advice() {
        let info = "redis_version:7.0.15\nrole:master\nconnected_slaves:1\nused_memory:1100000\nmaxmemory:104857600\n\
                    maxmemory_policy:noeviction\naof_enabled:1\n";
        assert_eq!(
            told(&answers(info, &[512], &[""])),
            [
                "server: Redis 7.0.15, 1 replica",
                "memory: 1.0 MiB used of 100.0 MiB",
                "eviction: maxmemory-policy noeviction",
                "persistence: an append-only file",
                "packing: hash-max-listpack-value 512",
            ]
        );
    }

    #[test]
    fn what_may_lose_rows_or_waste_memory_is_told_with_what_to_do() {
        let info = "redis_version:7.2.4\nvalkey_version:8.0.1\nrole:slave\nused_memory:99\nmaxmemory:100\n\
                    maxmemory_policy:allkeys-lru\naof_enabled:0\n";
        assert_eq!(
            told(&answers(info, &[64], &[""])),
            [
                "server: Valkey 8.0.1, a replica -> it is a read-only replica; name the primary in \
                 `connection_string`, or sentinels with `redis_type: redis_sentinel`",
                "memory: 0.0 MiB used of 0.0 MiB -> raise `maxmemory` before it is full",
                "eviction: maxmemory-policy allkeys-lru -> set `maxmemory-policy noeviction`, or rows are dropped \
                 without a word when `maxmemory` is reached",
                "persistence: no append-only file, and no snapshots that are known of -> set `appendonly yes`, or \
                 materialize again after every restart",
                "packing: hash-max-listpack-value 64 -> set `hash-max-listpack-value 512`, and rows take about a \
                 quarter less memory",
            ]
        );
        let saved = answers("redis_version:7.0.15\naof_enabled:0\n", &[512], &["3600 1"]);
        assert!(told(&saved).contains(&"persistence: snapshots (save 3600 1)".to_owned()));
    }

    #[test]
    fn a_user_who_may_not_ask_is_told_so() {
        assert_eq!(
            told(&Answers::default()),
            [
                "server: the user may not ask about it -> allow `+info` in its ACL to see more here",
                "packing: the user may not ask for settings -> set `hash-max-listpack-value 512`, and rows take about \
                 a quarter less memory",
            ]
        );
    }
}
