//! What goes wrong with Redis, and what to do about it.

use asof_model::ErrorKind as Class;
use redis::{ErrorKind, RedisError, ServerError};

/// What is wrong with a Redis. Written behind the name of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisProblem {
    /// The settings cannot be used.
    #[error("cannot be used as it is configured: {0}")]
    Settings(String),
    /// Nobody answers.
    #[error(
        "cannot be reached: {0}; see that it runs and that `connection_string` names it, with `rediss` if it speaks TLS, else `redis`"
    )]
    Unreachable(String),
    /// Somebody answers, but not as Redis does.
    #[error("does not answer as Redis does; see that `connection_string` names the port of a Redis")]
    NotRedis,
    /// It did not answer in time.
    #[error("did not answer within {0}; see what keeps it busy, or raise `timeout`")]
    Slow(String),
    /// It is there, but cannot work for the moment.
    #[error("cannot be used at the moment: {0}")]
    NotReady(String),
    /// Its certificate is not of an authority that is trusted, or for another name, or over.
    #[error("shows a certificate that is not trusted: {0}; name its authority in `tls.ca_cert`")]
    ServerCertificate(String),
    /// It does not trust the certificate that it is shown, or misses one.
    #[error("does not take the certificate that it is shown, if any: {0}; see `tls.client_cert` and `tls.client_key`")]
    ClientCertificate(String),
    /// Nobody has signed in.
    #[error("asks for a password; add it to `connection_string`")]
    NoPassword,
    /// It does not know the user or the password.
    #[error("refuses the user or password of `connection_string`; see that it knows both")]
    SignIn,
    /// The user may not do what is needed.
    #[error("refuses a command to the user of `connection_string`: {0}; allow it in the server's ACL")]
    Forbidden(String),
    /// It takes no more rows.
    #[error("is out of memory; raise its `maxmemory`, or remove what is not needed with `asof online gc`")]
    OutOfMemory,
    /// It is a replica.
    #[error(
        "is a read-only replica; name the primary in `connection_string`, or sentinels with `redis_type: redis_sentinel`"
    )]
    ReadOnly,
    /// It is older than what the store needs.
    #[error("is Redis {found}, asof needs {needed} or later")]
    TooOld {
        /// Its version.
        found: String,
        /// The first version that will do.
        needed: &'static str,
    },
    /// It is a node of a cluster, which was not said.
    #[error("is part of a cluster; set `redis_type: redis_cluster`")]
    IsCluster,
    /// It is no node of a cluster, but that was said.
    #[error("is not part of a cluster; leave out `redis_type: redis_cluster`")]
    NoCluster,
    /// Two keyspaces would have one field.
    #[error(
        "cannot hold `{new}` beside `{known}`, whose field is the same by chance; change something about the view, say its ttl, and apply it"
    )]
    Collision {
        /// The keyspace that has the field.
        known: String,
        /// The keyspace that should get it.
        new: String,
    },
    /// Something in it is not what the store writes.
    #[error("holds something that asof did not write: {0}; use another database, or remove it and materialize again")]
    Foreign(String),
    /// Another error of the server.
    #[error("gave an error: {0}")]
    Other(String),
}

impl RedisProblem {
    /// The class of the error.
    pub fn kind(&self) -> Class {
        match self {
            Self::Settings(_)
            | Self::NotRedis
            | Self::ServerCertificate(_)
            | Self::TooOld { .. }
            | Self::IsCluster
            | Self::NoCluster
            | Self::ReadOnly
            | Self::Collision { .. } => Class::InvalidInput,
            Self::NoPassword | Self::SignIn | Self::ClientCertificate(_) | Self::Forbidden(_) => Class::Forbidden,
            Self::OutOfMemory => Class::Exhausted,
            Self::Unreachable(_) | Self::NotReady(_) => Class::Unavailable,
            Self::Slow(_) => Class::Timeout,
            Self::Foreign(_) | Self::Other(_) => Class::Internal,
        }
    }

    /// Whether it may be over in a moment: the same commands are worth another try, on another connection.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::NotRedis | Self::NotReady(_) | Self::Slow(_) | Self::ReadOnly
        )
    }

    /// The same where a cluster is known: its slots are on the move, and stand still in a moment.
    pub(super) fn in_cluster(self) -> Self {
        match self {
            Self::IsCluster => Self::NotReady("its slots are on the move".to_owned()),
            problem => problem,
        }
    }

    /// The same of a key, where it is what the key holds that is wrong.
    pub(super) fn at(self, key: &[u8]) -> Self {
        match self {
            Self::Foreign(what) => Self::Foreign(format!("key \"{}\": {what}", key.escape_ascii())),
            problem => problem,
        }
    }
}

impl From<RedisError> for RedisProblem {
    fn from(error: RedisError) -> Self {
        let kind = error.kind();
        // The class is told by the problem already.
        let text = error.to_string().replace(&format!(" - {kind:?}"), "");
        if let ErrorKind::Server(_) | ErrorKind::Extension = kind {
            return match error.into_server_errors() {
                // An error of one command of several is the error.
                Some(errors) if !errors.is_empty() => Self::from(&errors[0].1),
                _ if text.contains("switch database") => Self::Settings("it has no database of that number".to_owned()),
                _ => Self::Other(text),
            };
        }
        // Of several servers only the text of what one of them said is there.
        let told = error.detail().unwrap_or(&text).to_owned();
        match kind {
            _ if text.contains("not point to a sentinel") => Self::Settings(
                "`connection_string` must name sentinels for `redis_type: redis_sentinel`, but a server that answers is \
                 none"
                    .to_owned(),
            ),
            ErrorKind::InvalidClientConfig | ErrorKind::EmptySentinelList => Self::Settings(text),
            ErrorKind::Parse => Self::NotRedis,
            ErrorKind::MasterNameNotFoundBySentinel => Self::NotReady(
                "the sentinels know no primary of that name, or it is down; see `sentinel_master`".to_owned(),
            ),
            ErrorKind::NoValidReplicasFoundBySentinel => Self::NotReady(
                "the sentinels know no replica that is up; start one, or set `read_from: primary`".to_owned(),
            ),
            ErrorKind::ClusterConnectionNotFound => {
                Self::NotReady("no node of the cluster answers and has slots".to_owned())
            }
            _ if text.contains("AuthenticationFailed") || text.contains("authentication failed") => Self::SignIn,
            _ if text.contains("NOAUTH") => Self::NoPassword,
            _ if text.contains("invalid peer certificate") => Self::ServerCertificate(told),
            _ if text.contains("received fatal alert") => Self::ClientCertificate(told),
            _ => Self::Unreachable(told),
        }
    }
}

impl From<&ServerError> for RedisProblem {
    fn from(error: &ServerError) -> Self {
        let details = error.details().unwrap_or_default();
        // Where in which script it happened is of no use to anybody.
        let details = details.split(" script: ").next().unwrap_or_default();
        let text = format!("{} {details}", error.code());
        let text = in_script(details)
            .unwrap_or(&text)
            .trim()
            .trim_end_matches('.')
            .to_owned();
        match text.split(' ').next().unwrap_or_default() {
            "READONLY" => Self::ReadOnly,
            "NOPERM" => Self::Forbidden(text),
            "MOVED" | "ASK" | "CROSSSLOT" => Self::IsCluster,
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" | "MISCONF" | "NOREPLICAS" | "UNBLOCKED" => {
                Self::NotReady(text)
            }
            "OOM" => Self::OutOfMemory,
            "NOAUTH" => Self::NoPassword,
            "WRONGPASS" => Self::SignIn,
            "WRONGTYPE" => Self::Foreign(text),
            _ if text.contains("The user executing the script can't") => Self::Forbidden(text),
            _ if text.contains("cluster support disabled") => Self::NoCluster,
            _ => Self::Other(text),
        }
    }
}

/// The error of a command in a script, which Redis gives as an error of the script before version 7:
/// `Error running script (call to f_…): @user_script:7: WRONGTYPE …`, or `… @user_script: 7: -OOM …`.
fn in_script(details: &str) -> Option<&str> {
    let (_, place) = details.rsplit_once("@user_script:")?;
    let (_, said) = place.split_once(": ")?;
    Some(said.strip_prefix('-').unwrap_or(said))
}

#[cfg(test)]
mod tests {
    use redis::{Value, parse_redis_value};

    use super::*;

    fn of(answer: &str) -> RedisProblem {
        match parse_redis_value(format!("-{answer}\r\n").as_bytes()).unwrap() {
            Value::ServerError(error) => RedisProblem::from(&error),
            value => panic!("{answer} is {value:?}"),
        }
    }

    #[test]
    fn errors_in_scripts_are_those_of_their_commands() {
        let old = "ERR Error running script (call to f_979f): @user_script:";
        for (answer, problem) in [
            (
                "READONLY You can't write against a read only replica.",
                RedisProblem::ReadOnly,
            ),
            (
                "READONLY You can't write script: f9a0, on @user_script:38.",
                RedisProblem::ReadOnly,
            ),
            (
                &format!("{old}5: @user_script: 5: -READONLY You can't write."),
                RedisProblem::ReadOnly,
            ),
            (
                &format!("{old}44: @user_script: 44: -OOM command not allowed."),
                RedisProblem::OutOfMemory,
            ),
            (
                "OOM command not allowed script: f9a0, on @user_script:38.",
                RedisProblem::OutOfMemory,
            ),
            (
                &format!("{old}7: WRONGTYPE Operation"),
                RedisProblem::Foreign("WRONGTYPE Operation".into()),
            ),
            (
                "WRONGTYPE Operation script: f9a0, on @user_script:7.",
                RedisProblem::Foreign("WRONGTYPE Operation".into()),
            ),
            (
                "LOADING Redis is loading",
                RedisProblem::NotReady("LOADING Redis is loading".into()),
            ),
            ("ERR something else.", RedisProblem::Other("ERR something else".into())),
        ] {
            assert_eq!(of(answer), problem, "{answer}");
        }
    }
}
