//! The servers and the database in a connection string.

use std::net::Ipv6Addr;

use asof_model::definition::RedisAddress;

use super::Problem;

/// The largest number that Redis takes for a database.
const MAX_DATABASE: i64 = i32::MAX as i64;

/// `host:port`, or `[address]:port` for an IPv6 address.
pub(super) fn address(text: &str) -> Result<RedisAddress, Problem> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(Problem::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| Problem::Host)?;
        (host, after.strip_prefix(':').ok_or(Problem::NoPort)?)
    } else {
        let (host, port) = text.rsplit_once(':').ok_or(Problem::NoPort)?;
        let is_right = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || !host.chars().all(is_right) {
            return Err(Problem::Host);
        }
        (host, port)
    };
    match number(port) {
        _ if port.is_empty() => Err(Problem::NoPort),
        Some(port) if port > 0 => Ok(RedisAddress::server(
            host,
            u16::try_from(port).map_err(|_| Problem::Port)?,
        )),
        _ => Err(Problem::Port),
    }
}

/// The number of a database.
pub(super) fn database(text: &str) -> Result<i64, Problem> {
    let number = number(text).filter(|number| *number <= MAX_DATABASE);
    number.ok_or(Problem::Database)
}

/// A number in digits, without a sign.
fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
