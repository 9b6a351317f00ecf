//! What goes wrong with Redis, and what to do about it.

use asof_model::ErrorKind as Class;
use redis::{ErrorKind, RedisError, ServerError, ServerErrorKind};

/// What is wrong with a Redis. Written behind the name of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisProblem {
    /// The settings cannot be used.
    #[error("cannot be used as it is configured: {0}")]
    Settings(String),
    /// Nobody answers.
    #[error("cannot be reached: {0}; see that it runs and that `connection_string` names it")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("did not answer within {0}; see what keeps it busy, or raise `timeout`")]
    Slow(String),
    /// It is there, but cannot work for the moment.
    #[error("cannot be used at the moment: {0}")]
    NotReady(String),
    /// It does not know the user or the password.
    #[error("refuses the user or password of `connection_string`: {0}")]
    SignIn(String),
    /// The user may not do what is needed.
    #[error("refuses a command to the user of `connection_string`: {0}; allow it in the server's ACL")]
    Forbidden(String),
    /// It takes no more rows.
    #[error("is out of memory: {0}; raise its `maxmemory`, or remove what is not needed with `asof online gc`")]
    OutOfMemory(String),
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
            Self::Settings(_) | Self::TooOld { .. } | Self::IsCluster | Self::ReadOnly | Self::Collision { .. } => {
                Class::InvalidInput
            }
            Self::SignIn(_) | Self::Forbidden(_) => Class::Forbidden,
            Self::OutOfMemory(_) => Class::Exhausted,
            Self::Unreachable(_) | Self::NotReady(_) => Class::Unavailable,
            Self::Slow(_) => Class::Timeout,
            Self::Foreign(_) | Self::Other(_) => Class::Internal,
        }
    }

    /// Whether it may be over in a moment: the same commands are worth another try.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::NotReady(_) | Self::Slow(_) | Self::ReadOnly
        )
    }
}

impl From<RedisError> for RedisProblem {
    fn from(error: RedisError) -> Self {
        // An error of one command of several is the error.
        if let ErrorKind::Server(_) | ErrorKind::Extension = error.kind() {
            return match error.clone().into_server_errors() {
                Some(errors) if !errors.is_empty() => Self::from(&errors[0].1),
                _ => Self::Other(error.to_string()),
            };
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::SignIn(detail(&error)),
            ErrorKind::InvalidClientConfig | ErrorKind::EmptySentinelList => Self::Settings(error.to_string()),
            _ => Self::Unreachable(detail(&error)),
        }
    }
}

impl From<&ServerError> for RedisProblem {
    fn from(error: &ServerError) -> Self {
        let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
        let text = text.trim().to_owned();
        match error.kind() {
            Some(ServerErrorKind::ReadOnly) => Self::ReadOnly,
            Some(ServerErrorKind::NoPerm) => Self::Forbidden(text),
            Some(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot) => Self::IsCluster,
            Some(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::TryAgain,
            ) => Self::NotReady(text),
            _ => match error.code() {
                "OOM" => Self::OutOfMemory(text),
                "NOAUTH" | "WRONGPASS" => Self::SignIn(text),
                "WRONGTYPE" => Self::Foreign(text),
                "BUSY" | "MISCONF" | "NOREPLICAS" | "UNBLOCKED" => Self::NotReady(text),
                _ => Self::Other(text),
            },
        }
    }
}

/// What the library says beyond the class of the error.
fn detail(error: &RedisError) -> String {
    error.detail().map_or_else(|| error.to_string(), ToOwned::to_owned)
}
