//! What can be wrong with a connection string.

/// Why a text is no connection string. It reads as what follows "this connection string"; nothing of the text is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// A variable is not set, or not written as it should be, which is reported for every setting.
    #[error("has a variable that cannot be replaced")]
    Variable,
    #[error("has a scheme that is not one of Redis")]
    Scheme,
    #[error("has a scheme more than once")]
    SchemeTwice,
    #[error("mixes a URL with options of Feast's form")]
    TwoForms,
    #[error("has a part behind `?` that is not understood")]
    Query,
    #[error("names no server")]
    NoServer,
    #[error("has a server without a port")]
    NoPort,
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    #[error("has a server whose name no host can have")]
    Host,
    #[error("has a database that is not a number from 0 to 2147483647")]
    Database,
    #[error("has a socket whose path does not start with `/`")]
    SocketPath,
    #[error("has a user without a password")]
    NoPassword,
    #[error("has an empty password")]
    EmptyPassword,
    #[error("has a user or password with a `%` that starts no escape")]
    Escape,
    #[error("has an option that is not understood")]
    UnknownOption,
    #[error("has an option more than once")]
    OptionTwice,
    #[error("has an `ssl` that is neither true nor false")]
    Flag,
}

impl Problem {
    /// What to write instead.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::Variable => "write `${NAME}`, with the name of a variable that is set",
            Self::Scheme => "write redis://host:6379, rediss://host:6379 for TLS, or unix:///path for a socket",
            Self::SchemeTwice => "write it once, and the servers with commas: redis://one:6379,two:6379",
            Self::TwoForms => {
                "write rediss://user:password@host:6379/1 or host:6379,username=user,password=password,ssl=true,db=1"
            }
            Self::Query => {
                "write a database as redis://host:6379/1 or unix:///path?db=1, and the rest as keys beside it"
            }
            Self::NoServer => "write a server and its port, as in redis://host:6379",
            Self::NoPort => "write every server with its port, as in redis://host:6379",
            Self::Port => "write the port that the server listens on, as in redis://host:6379",
            Self::Host => {
                "write names of letters, digits, `.`, `-` and `_`, and IPv6 addresses as in redis://[::1]:6379"
            }
            Self::Database => "write the number last, as in redis://host:6379/1 or host:6379,db=1",
            Self::SocketPath => "write three slashes, as in unix:///run/redis/redis.sock",
            Self::NoPassword => "write user:password@, or :password@ for the server's default user",
            Self::EmptyPassword => "set the password, or leave it and its user out where none is needed",
            Self::Escape => "write %25 for a `%`, or put the password into a variable, which needs no escapes",
            Self::UnknownOption => "the options are username, password, db and ssl; the rest are keys beside it",
            Self::OptionTwice => "write it once",
            Self::Flag => "write ssl=true or ssl=false",
        }
    }
}
