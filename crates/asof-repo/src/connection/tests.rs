//! Connection strings of both forms, right ones and wrong ones, and any text at all.

use std::fmt::Write as _;

use asof_model::definition::{RedisConfig, RedisTls};
use proptest::prelude::*;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// A connection on one line: its servers, database, TLS, user and password.
fn line(text: &str, variables: &BTreeMap<String, String>) -> String {
    match parse(text, variables) {
        Err(problem) => format!("{problem:?}"),
        Ok(connection) => {
            let addresses: Vec<_> = connection.addresses.iter().map(ToString::to_string).collect();
            let mut line = format!("{} {}", addresses.join(" "), connection.database);
            if connection.tls {
                line.push_str(" tls");
            }
            if let Some(username) = connection.username {
                write!(line, " user={username}").expect("a text takes everything");
            }
            if let Some(password) = connection.password {
                write!(line, " password={}", password.expose()).expect("a text takes everything");
            }
            line
        }
    }
}

#[test]
fn urls() {
    for (text, expected) in [
        ("redis://cache:6379", "cache:6379 0"),
        ("redis://cache:6379/", "cache:6379 0"),
        ("REDIS://cache.example.com:6379/15", "cache.example.com:6379 15"),
        ("rediss://10.0.0.1:6380/2", "10.0.0.1:6380 2 tls"),
        ("redis://[::1]:6379/1", "[::1]:6379 1"),
        ("redis://a:1,b:2,[fe80::1]:3/0", "a:1 b:2 [fe80::1]:3 0"),
        ("redis://asof:pw@a:1,b:2", "a:1 b:2 0 user=asof password=pw"),
        ("redis://:pw@cache:6379", "cache:6379 0 password=pw"),
        (
            "redis://a%40b:p%2Fw%3A%25@cache:6379",
            "cache:6379 0 user=a@b password=p/w:%",
        ),
        // What is not written with escapes is not misread as long as there is only one way to read it.
        (
            "redis://asof:p@w:/,?#[=@cache:6379/3",
            "cache:6379 3 user=asof password=p@w:/,?#[=",
        ),
        ("unix:///run/redis/redis.sock", "/run/redis/redis.sock 0"),
        ("unix:///run/redis@1.sock?db=4", "/run/redis@1.sock 4"),
        (
            "unix://asof:pw@/run/redis.sock",
            "/run/redis.sock 0 user=asof password=pw",
        ),
    ] {
        assert_eq!(line(text, &BTreeMap::new()), expected, "{text}");
    }
}

#[test]
fn the_form_of_feast() {
    for (text, expected) in [
        ("localhost:6379", "localhost:6379 0"),
        (
            "redis_master:6379,db=1,ssl=true,password=pw",
            "redis_master:6379 1 tls password=pw",
        ),
        (
            "a:1,b:2,ssl=True,username=asof,password=p=w==",
            "a:1 b:2 0 tls user=asof password=p=w==",
        ),
        ("ssl=false, a:1 , db=0,", "a:1 0"),
        ("a:1,password=\"quoted\"", "a:1 0 password=quoted"),
        ("a:1,password=0123", "a:1 0 password=0123"),
        ("a:1,password=100%40", "a:1 0 password=100%40"),
        ("[::1]:6379,db=2", "[::1]:6379 2"),
    ] {
        assert_eq!(line(text, &BTreeMap::new()), expected, "{text}");
    }
}

#[test]
fn variables_stand_for_any_part() {
    let variables = variables(&[
        ("URL", "rediss://asof:p%40w@cache:6380/1"),
        ("FEAST", "a:1,b:2,password=pw"),
        ("PW", "p%40w@:/,=${URL}\"?"),
        ("BOTH", "asof:p%40w"),
        ("HOSTS", "a:1,b:2"),
        ("HOST", "cache"),
        ("SCHEME", "rediss"),
        ("SOCKET", "/run/redis@1.sock"),
        ("DB", "7"),
        ("QUOTED", "\"7\""),
    ]);
    for (text, expected) in [
        ("${URL}", "cache:6380 1 tls user=asof password=p@w"),
        ("${FEAST},db=${DB}", "a:1 b:2 7 password=pw"),
        (
            "redis://asof:${PW}@cache:6379",
            "cache:6379 0 user=asof password=p%40w@:/,=${URL}\"?",
        ),
        (
            "redis://:a%40${PW}@cache:6379",
            "cache:6379 0 password=a@p%40w@:/,=${URL}\"?",
        ),
        (
            "cache:6379,password=${PW},db=${DB}",
            "cache:6379 7 password=p%40w@:/,=${URL}\"?",
        ),
        (
            "redis://${BOTH}@${HOST}:6379/${DB}",
            "cache:6379 7 user=asof password=p@w",
        ),
        (
            "${SCHEME}://asof:${PW}@${HOSTS}",
            "a:1 b:2 0 tls user=asof password=p%40w@:/,=${URL}\"?",
        ),
        ("redis://${HOSTS}/1", "a:1 b:2 1"),
        ("${HOSTS},ssl=true", "a:1 b:2 0 tls"),
        ("unix://${SOCKET}?db=${DB}", "/run/redis@1.sock 7"),
        (
            "unix://asof:${PW}@${SOCKET}",
            "/run/redis@1.sock 0 user=asof password=p%40w@:/,=${URL}\"?",
        ),
        ("a:1,password=\"${DB}\"", "a:1 0 password=7"),
        ("a:1,password=${QUOTED}", "a:1 0 password=\"7\""),
        ("redis://${NONE}:6379", "Variable"),
        ("redis://a:${NONE@b:1", "Variable"),
    ] {
        assert_eq!(line(text, &variables), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_apart() {
    let empty = variables(&[("EMPTY", "")]);
    for (text, expected) in [
        ("http://cache:6379", Problem::Scheme),
        ("redis+cluster://cache:6379", Problem::Scheme),
        ("redis://a:1,redis://b:2", Problem::SchemeTwice),
        ("redis://a:1,ssl=true", Problem::TwoForms),
        ("ssl=true,redis://a:1", Problem::TwoForms),
        ("redis://a:1?db=3", Problem::Query),
        ("redis://a:1/3?timeout=3", Problem::Query),
        ("unix:///run/redis.sock?database=3", Problem::Query),
        ("redis://", Problem::NoServer),
        ("redis:///3", Problem::NoServer),
        ("ssl=true", Problem::NoServer),
        ("${EMPTY}", Problem::NoServer),
        ("redis://cache", Problem::NoPort),
        ("redis://cache:/0", Problem::NoPort),
        ("redis://a:1,b", Problem::NoPort),
        ("redis://[::1]", Problem::NoPort),
        ("cache", Problem::NoPort),
        ("cache:redis", Problem::Port),
        ("cache:0", Problem::Port),
        ("cache:65536", Problem::Port),
        ("cache:+1", Problem::Port),
        ("cache:99999999999999999999", Problem::Port),
        ("redis://::1:6379", Problem::Host),
        ("redis://[::1:6379", Problem::Host),
        ("redis://[cache]:6379", Problem::Host),
        ("redis://:6379", Problem::Host),
        ("redis://a:1,,b:2", Problem::NoPort),
        ("a b:6379", Problem::Host),
        ("redis://a:1/one", Problem::Database),
        ("redis://a:1/-1", Problem::Database),
        ("redis://a:1/0/1", Problem::Database),
        ("redis://a:1/2147483648", Problem::Database),
        ("a:1,db=", Problem::Database),
        ("unix://run/redis.sock", Problem::SocketPath),
        ("unix://", Problem::SocketPath),
        ("unix:///", Problem::SocketPath),
        ("redis://asof@a:1", Problem::NoPassword),
        ("a:1,username=asof", Problem::NoPassword),
        ("redis://asof:@a:1", Problem::EmptyPassword),
        ("redis://:${EMPTY}@a:1", Problem::EmptyPassword),
        ("a:1,password=${EMPTY}", Problem::EmptyPassword),
        ("redis://:100%@a:1", Problem::Escape),
        ("redis://:100%zz@a:1", Problem::Escape),
        ("redis://:%ff@a:1", Problem::Escape),
        ("redis://:%é@a:1", Problem::Escape),
        ("a:1,skip_full_coverage_check=true", Problem::UnknownOption),
        ("a:1,db=1,db=1", Problem::OptionTwice),
        ("a:1,ssl=yes", Problem::Flag),
    ] {
        assert_eq!(parse(text, &empty), Err(expected), "{text}");
    }
}

fn server() -> impl Strategy<Value = RedisAddress> {
    let host = prop_oneof![
        "[a-z][a-z0-9_.-]{0,12}",
        any::<std::net::Ipv4Addr>().prop_map(|host| host.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|host| host.to_string()),
    ];
    (host, 1u16..).prop_map(|(host, port)| RedisAddress::server(host, port))
}

fn connection() -> impl Strategy<Value = Connection> {
    let servers = prop::collection::vec(server(), 1..4);
    let socket = "/[a-z@:,=/]{1,12}".prop_map(|path| vec![RedisAddress::socket(path)]);
    let places = prop_oneof![4 => (servers, any::<bool>()), 1 => (socket, Just(false))];
    let credentials = prop::option::of((prop::option::of(".{1,8}"), ".{1,12}"));
    (places, 0..=i64::from(i32::MAX), credentials).prop_map(|((addresses, tls), database, credentials)| {
        let (username, password) = credentials.unzip();
        Connection {
            addresses,
            username: username.flatten(),
            password: password.map(Secret::new),
            database,
            tls,
        }
    })
}

/// The place as a person sees it, which is a URL without user and password.
fn shown(connection: &Connection) -> String {
    let config = RedisConfig {
        database: connection.database,
        tls: connection.tls.then(RedisTls::default),
        ..RedisConfig::new(connection.addresses.clone())
    };
    config.to_string()
}

/// A URL, with the user and the password as given.
fn signed(connection: &Connection, username: &str, password: &str) -> String {
    let url = shown(connection);
    let (scheme, place) = url.split_once("://").expect("it is a URL");
    match connection.password {
        Some(_) => format!("{scheme}://{username}:{password}@{place}"),
        None => url,
    }
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").expect("a text takes everything");
        text
    })
}

/// Feast's form, with the password as given.
fn options(connection: &Connection, password: &str) -> String {
    let mut parts: Vec<String> = connection.addresses.iter().map(ToString::to_string).collect();
    parts.push(format!("db={}", connection.database));
    parts.push(format!("ssl={}", connection.tls));
    if connection.password.is_some() {
        parts.push(format!("password={password}"));
    }
    if connection.username.is_some() {
        parts.push("username=${USER}".to_owned());
    }
    parts.join(",")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_connection_can_be_written(connection in connection()) {
        let username = connection.username.clone().unwrap_or_default();
        let password = connection.password.as_ref().map_or("", Secret::expose);
        let escapes = signed(&connection, &escaped(&username), &escaped(password));
        let variables = variables(&[("USER", &username), ("PASSWORD", password), ("URL", &escapes)]);
        let mut texts = vec![escapes, "${URL}".to_owned(), signed(&connection, "${USER}", "${PASSWORD}")];
        if !connection.has_socket() {
            texts.push(options(&connection, "${PASSWORD}"));
        }
        let right = Ok(connection);
        for text in texts {
            prop_assert_eq!(&parse(&text, &variables), &right, "{}", text);
        }
    }

    #[test]
    fn what_is_shown_names_the_servers_and_no_secret(connection in connection()) {
        let unsigned = Connection { username: None, password: None, ..connection };
        prop_assert_eq!(parse(&shown(&unsigned), &BTreeMap::new()), Ok(unsigned));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}", value in ".{0,20}") {
        let variables = variables(&[("V", &value)]);
        for text in [text.clone(), format!("redis://{text}"), format!("rediss://${{V}}{text}@a:1"), format!("a:1,password=${{V}}{text}")] {
            if let Ok(connection) = parse(&text, &variables) {
                prop_assert!(!connection.addresses.is_empty());
                prop_assert!(connection.username.is_none() || connection.password.is_some());
            }
        }
    }
}
