//! The user and the password in a connection string.

use asof_model::Secret;

use super::{Problem, Variables, expand};

/// Who signs in: a user with a password, a password alone, or nobody.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
}

impl Credentials {
    /// An empty user is none; an empty password is a variable that was forgotten rather than a password.
    pub(super) fn new(username: Option<String>, password: Option<String>) -> Result<Self, Problem> {
        let username = username.filter(|username| !username.is_empty());
        match password {
            Some(password) if password.is_empty() => Err(Problem::EmptyPassword),
            None if username.is_some() => Err(Problem::NoPassword),
            _ => Ok(Self {
                username,
                password: password.map(Secret::new),
            }),
        }
    }

    /// What stands before the `@` of a URL: `user:password`.
    pub(super) fn of_url(text: &str, variables: Variables<'_>) -> Result<Self, Problem> {
        if let Some((username, password)) = text.split_once(':') {
            let password = decode(password, variables)?;
            return Self::new(Some(decode(username, variables)?), Some(password));
        }
        // A variable may hold both.
        match expand(text, variables)?.split_once(':') {
            Some((username, password)) => Self::new(Some(decode(username, None)?), Some(decode(password, None)?)),
            None => Self::new(Some(decode(text, variables)?), None),
        }
    }
}

/// `text` with the characters that `%40` and the like stand for, and the variables' values as they are.
fn decode(text: &str, variables: Variables<'_>) -> Result<String, Problem> {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${").filter(|_| variables.is_some()) {
        let (name, tail) = after.split_once('}').ok_or(Problem::Variable)?;
        decoded.push_str(&unescape(before)?);
        decoded.push_str(&expand(&format!("${{{name}}}"), variables)?);
        rest = tail;
    }
    decoded.push_str(&unescape(rest)?);
    Ok(decoded)
}

fn unescape(text: &str) -> Result<String, Problem> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let hex = part
            .get(..2)
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.ok_or(Problem::Escape)?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| Problem::Escape)
}
