//! Connection strings that are URLs.

use asof_model::definition::RedisAddress;

use super::address::{address, database};
use super::credentials::Credentials;
use super::{Connection, Problem, Variables, expand};

/// `[user:password@]host:port[,host:port…][/database]`, or `[user:password@]/path[?db=database]`.
pub(super) fn read(scheme: &str, rest: &str, variables: Variables<'_>) -> Result<Connection, Problem> {
    let (socket, tls) = match scheme.to_ascii_lowercase().as_str() {
        "redis" => (false, false),
        "rediss" => (false, true),
        "unix" => (true, false),
        _ => return Err(Problem::Scheme),
    };
    let (credentials, place) = if let Some((credentials, place)) = signed(rest, socket) {
        (Credentials::of_url(credentials, variables)?, expand(place, variables)?)
    } else {
        // A variable may hold both.
        let expanded = expand(rest, variables)?;
        match signed(&expanded, socket) {
            Some((credentials, place)) => (Credentials::of_url(credentials, None)?, place.to_owned()),
            None => (Credentials::default(), expanded),
        }
    };
    let (addresses, database) = if socket {
        self::socket(&place)?
    } else {
        servers(&place)?
    };
    Ok(Connection {
        addresses,
        username: credentials.username,
        password: credentials.password,
        database,
        tls,
    })
}

/// What stands before the `@` and behind it. No server has an `@`, so that the last one ends the password; in front of
/// a path, which may have more, it is the first one before a `/` or a variable.
fn signed(rest: &str, socket: bool) -> Option<(&str, &str)> {
    if !socket {
        return rest.rsplit_once('@');
    }
    let starts_path = |at: usize| rest[at + 1..].starts_with('/') || rest[at + 1..].starts_with("${");
    let (at, _) = rest.match_indices('@').find(|(at, _)| starts_path(*at))?;
    (!rest.starts_with('/')).then(|| (&rest[..at], &rest[at + 1..]))
}

fn servers(place: &str) -> Result<(Vec<RedisAddress>, i64), Problem> {
    if place.contains("://") {
        return Err(Problem::SchemeTwice);
    }
    if place.contains('?') {
        return Err(Problem::Query);
    }
    if place.contains('=') {
        return Err(Problem::TwoForms);
    }
    let (addresses, database) = match place.split_once('/') {
        Some((addresses, "")) => (addresses, 0),
        Some((addresses, number)) => (addresses, database(number)?),
        None => (place, 0),
    };
    if addresses.is_empty() {
        return Err(Problem::NoServer);
    }
    let addresses = addresses.split(',').map(address).collect::<Result<_, _>>()?;
    Ok((addresses, database))
}

fn socket(place: &str) -> Result<(Vec<RedisAddress>, i64), Problem> {
    let (path, database) = match place.split_once('?') {
        None => (place, 0),
        Some((path, query)) => (path, database(query.strip_prefix("db=").ok_or(Problem::Query)?)?),
    };
    if path.len() < 2 || !path.starts_with('/') {
        return Err(Problem::SocketPath);
    }
    Ok((vec![RedisAddress::socket(path)], database))
}
