//! What is asked of servers before they are used.

use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Cmd, InfoDict, Value, cmd, from_redis_value};

use super::RedisProblem;
use super::connect::Connection;
use super::link::{Open, Purpose};

/// The first version with what the store needs.
const NEEDED: (u32, u32) = (6, 2);
const NEEDED_TEXT: &str = "6.2";

/// Rows up to so many bytes are packed tightly.
pub(super) const LISTPACK_VALUE: u64 = 512;

/// Checks all primaries: their version and whether they keep what is written to them. For writing, has them pack rows
/// tightly where that is allowed.
pub(super) async fn servers(open: &Open, purpose: Purpose) -> Result<(), RedisProblem> {
    for answer in on_primaries(open, cmd("INFO")).await? {
        // Users without the right to ask get by without the check.
        if let Some(info) = understood(answer)? {
            check(&info, open)?;
            if purpose == Purpose::Write {
                warn_of_eviction(&info);
            }
        }
    }
    if purpose == Purpose::Write {
        pack_tightly(open).await?;
    }
    Ok(())
}

/// What each primary answers to a command without keys.
pub(super) async fn on_primaries(open: &Open, command: Cmd) -> Result<Vec<Value>, RedisProblem> {
    let mut answers = Vec::new();
    match &open.connection {
        Connection::Single(connection) => {
            let mut pipeline = redis::pipe();
            pipeline.add_command(command);
            answers.extend(connection.clone().send_packed_commands(&pipeline, 0, 1).await?);
        }
        Connection::Cluster(connection) => {
            for slot in open.slots.primaries() {
                let route = SingleNodeRoutingInfo::SpecificNode(Route::with_slot(*slot, SlotAddr::Master));
                let mut connection = connection.clone();
                let sent = connection.route_command(command.clone(), RoutingInfo::SingleNode(route));
                answers.push(match sent.await {
                    Ok(value) => value,
                    Err(error) => match error.clone().into_server_errors() {
                        Some(errors) if !errors.is_empty() => Value::ServerError(errors[0].1.clone()),
                        _ => return Err(error.into()),
                    },
                });
            }
        }
    }
    Ok(answers)
}

/// The answer to `INFO`; `None` where the user may not ask.
pub(super) fn understood(answer: Value) -> Result<Option<InfoDict>, RedisProblem> {
    match answer {
        Value::ServerError(error) => match RedisProblem::from(&error) {
            RedisProblem::Forbidden(_) => Ok(None),
            problem => Err(problem),
        },
        answer => Ok(from_redis_value(answer).ok()),
    }
}

fn check(info: &InfoDict, open: &Open) -> Result<(), RedisProblem> {
    if let Some(found) = info.get::<String>("redis_version")
        && version(&found).is_some_and(|version| version < NEEDED)
    {
        return Err(RedisProblem::TooOld {
            found,
            needed: NEEDED_TEXT,
        });
    }
    let is_node = info
        .get::<String>("cluster_enabled")
        .is_some_and(|enabled| enabled == "1");
    if is_node && matches!(open.connection, Connection::Single(_)) {
        return Err(RedisProblem::IsCluster);
    }
    Ok(())
}

/// The first two parts of a version; `None` where it has another form, which is no reason to refuse it.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

fn warn_of_eviction(info: &InfoDict) {
    let limited = info.get::<u64>("maxmemory").is_some_and(|bytes| bytes > 0);
    let policy = info.get::<String>("maxmemory_policy").unwrap_or_default();
    if limited && !policy.is_empty() && policy != "noeviction" {
        tracing::warn!(
            %policy,
            "this redis drops rows when its memory is full, which nobody notices; set `maxmemory-policy noeviction`"
        );
    }
}

/// The limit of [`LISTPACK_VALUE`], by the name that 6.2 knows and later versions still take.
pub(super) const LISTPACK_SETTING: &str = "hash-max-ziplist-value";

/// What each primary has for a setting; `None` where the user may not ask.
pub(super) async fn setting(open: &Open, name: &str) -> Result<Vec<Option<String>>, RedisProblem> {
    let mut ask = cmd("CONFIG");
    ask.arg("GET").arg(name);
    let value = |answer: Value| {
        let setting: Option<Vec<String>> = from_redis_value(answer).ok();
        setting.and_then(|setting| setting.into_iter().nth(1))
    };
    Ok(on_primaries(open, ask).await?.into_iter().map(value).collect())
}

/// Redis packs the fields of a hash tightly as long as none is longer than a limit, 64 bytes at first.
async fn pack_tightly(open: &Open) -> Result<(), RedisProblem> {
    let is_low = |limit: &Option<String>| {
        let limit = limit.as_ref().and_then(|limit| limit.parse::<u64>().ok());
        limit.is_none_or(|limit| limit < LISTPACK_VALUE)
    };
    if !setting(open, LISTPACK_SETTING).await?.iter().any(is_low) {
        return Ok(());
    }
    let mut set = cmd("CONFIG");
    set.arg("SET").arg(LISTPACK_SETTING).arg(LISTPACK_VALUE);
    let answers = on_primaries(open, set).await?;
    if answers.iter().any(|answer| matches!(answer, Value::ServerError(_))) {
        tracing::warn!(
            "this redis does not let its settings be changed; with `hash-max-listpack-value {LISTPACK_VALUE}` in its \
             configuration rows take about a quarter less memory"
        );
    } else {
        tracing::info!("set `hash-max-listpack-value {LISTPACK_VALUE}`, so that rows are packed tightly");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version("6.0.16").unwrap() < NEEDED);
        assert!(version("5.0.7").unwrap() < NEEDED);
        for enough in ["6.2.0", "7.0.15", "10.0"] {
            assert!(version(enough).unwrap() >= NEEDED, "{enough}");
        }
        assert_eq!(version("unstable"), None);
    }
}
