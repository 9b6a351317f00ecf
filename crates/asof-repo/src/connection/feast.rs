//! Connection strings in the form that Feast has.

use asof_model::definition::RedisAddress;

use super::address::{address, database};
use super::credentials::Credentials;
use super::{Connection, Problem, Variables, expand};

/// `host:port[,host:port…][,name=value…]`, in any order.
pub(super) fn read(text: &str, variables: Variables<'_>) -> Result<Connection, Problem> {
    let mut parts = Parts::default();
    for part in text.split(',') {
        match part.split_once('=') {
            Some((name, value)) if !name.contains("${") => {
                let expanded = expand(value, variables)?;
                parts.option(name.trim(), unquoted(value, expanded))?;
            }
            _ => {
                // A variable may hold several parts.
                for part in expand(part, variables)?.split(',') {
                    match part.split_once('=') {
                        Some((name, value)) => parts.option(name.trim(), unquoted(value, value.to_owned()))?,
                        None => parts.address(part)?,
                    }
                }
            }
        }
    }
    if parts.addresses.is_empty() {
        return Err(Problem::NoServer);
    }
    let credentials = Credentials::new(parts.username, parts.password)?;
    Ok(Connection {
        addresses: parts.addresses,
        username: credentials.username,
        password: credentials.password,
        database: parts.database.unwrap_or(0),
        tls: parts.tls.unwrap_or(false),
    })
}

/// A value without the quotes that it was written with: Feast reads values as JSON where they are JSON.
fn unquoted(written: &str, expanded: String) -> String {
    if written.starts_with('"') {
        serde_json::from_str(&expanded).unwrap_or(expanded)
    } else {
        expanded
    }
}

/// What has been read of a connection string in Feast's form.
#[derive(Default)]
struct Parts {
    addresses: Vec<RedisAddress>,
    username: Option<String>,
    password: Option<String>,
    database: Option<i64>,
    tls: Option<bool>,
}

impl Parts {
    fn address(&mut self, text: &str) -> Result<(), Problem> {
        match text.trim() {
            "" => Ok(()),
            text if text.contains("://") => Err(Problem::TwoForms),
            text => {
                self.addresses.push(address(text)?);
                Ok(())
            }
        }
    }

    fn option(&mut self, name: &str, value: String) -> Result<(), Problem> {
        let before = match name {
            "username" => self.username.replace(value).is_some(),
            "password" => self.password.replace(value).is_some(),
            "db" => self.database.replace(database(&value)?).is_some(),
            "ssl" => {
                let flag = value.to_ascii_lowercase().parse().map_err(|_| Problem::Flag)?;
                self.tls.replace(flag).is_some()
            }
            _ => return Err(Problem::UnknownOption),
        };
        if before { Err(Problem::OptionTwice) } else { Ok(()) }
    }
}
