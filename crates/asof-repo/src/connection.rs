//! Connection strings of Redis: `redis://`, `rediss://` and `unix://` URLs, and the form that Feast has,
//! `host:port,name=value`.
//!
//! `${NAME}` stands for an environment variable. A password may hold any character when it comes from one: a variable in
//! a user, in a password or in the value of an option is taken as it is, and what else a variable holds is read as if it
//! had been written in its place. No problem quotes the text, which may hold secrets.

mod address;
mod credentials;
mod feast;
mod problem;
#[cfg(test)]
mod tests;
mod url;

pub(crate) use problem::Problem;

use std::collections::BTreeMap;

use asof_model::Secret;
use asof_model::definition::RedisAddress;

use crate::rules::setting;

/// The variables that `${NAME}` stands for; `None`: the text has been expanded, and `${` means nothing in it.
type Variables<'a> = Option<&'a BTreeMap<String, String>>;

/// What a connection string says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// At least one; a socket is alone.
    pub(crate) addresses: Vec<RedisAddress>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: i64,
    pub(crate) tls: bool,
}

impl Connection {
    pub(crate) fn has_socket(&self) -> bool {
        matches!(self.addresses.as_slice(), [RedisAddress::Socket { .. }])
    }
}

/// Reads a connection string as it stands in the file.
pub(crate) fn parse(text: &str, variables: &BTreeMap<String, String>) -> Result<Connection, Problem> {
    let variables = Some(variables);
    if let Some((scheme, rest)) = text.split_once("://") {
        let scheme = expand(scheme, variables)?;
        if is_scheme(&scheme) {
            return url::read(&scheme, rest, variables);
        }
    }
    // A variable may hold a whole URL.
    let expanded = expand(text, variables)?;
    match expanded.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => url::read(scheme, rest, None),
        _ => feast::read(text, variables),
    }
}

fn is_scheme(text: &str) -> bool {
    let rest_is_right = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && rest_is_right
}

/// `text` with the variables' values.
fn expand(text: &str, variables: Variables<'_>) -> Result<String, Problem> {
    match variables {
        Some(variables) => setting::expand(text, variables).map_err(|_| Problem::Variable),
        None => Ok(text.to_owned()),
    }
}
