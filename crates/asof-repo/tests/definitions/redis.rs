//! The settings of an online store in Redis: what they mean, and what is said about those that do not fit together.

use std::collections::BTreeMap;

use asof_model::Secret;
use asof_model::definition::{
    OnlineStoreConfig, ReadFrom, RedisAddress, RedisConfig, RedisLayout, RedisTls, RedisTopology,
};
use asof_repo::{Coloring, Repository, render_human, to_json};
use insta::assert_snapshot;

use crate::file;

/// Settings with every key of Redis.
pub(crate) const EVERYTHING: &str = r#"
project: p
online_store:
  type: redis
  redis_type: redis_sentinel
  sentinel_master: "${MASTER}"
  connection_string: rediss://asof:${PW}@one:26379,two:26379/3
  tls: {ca_cert: "${CERTS}/ca.pem", client_cert: client.pem, client_key: client.key}
  timeout: 250ms
  connect_timeout: 5s
  expiry_grace: 12h
  read_from: replica
  layout: asof
"#;

/// A repository whose online store has these keys.
fn settings(online: &str) -> String {
    format!("project: p\nonline_store:\n{online}")
}

fn parse(online: &str, variables: &[(&str, &str)]) -> Repository {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let env: BTreeMap<_, _> = variables.iter().map(owned).collect();
    Repository::parse(&[file("feature_store.yaml", settings(online))], &env, None)
}

fn redis(online: &str, variables: &[(&str, &str)]) -> RedisConfig {
    let repository = parse(online, variables);
    assert_eq!(repository.diagnostics, []);
    let store = repository.store.expect("the settings are right");
    match store.online_store {
        OnlineStoreConfig::Redis(config) => *config,
        OnlineStoreConfig::Embedded { path } => panic!("{path}"),
    }
}

/// What a person reads about an online store with these keys.
fn complaints(online: &str) -> String {
    let repository = parse(online, &[("PW", "hunter2"), ("EMPTY", "")]);
    assert!(repository.store.is_none() && repository.definitions.is_none());
    let files = [file("feature_store.yaml", settings(online))];
    render_human(&repository.diagnostics, &files, Coloring::Plain)
}

fn span(text: &str) -> asof_model::TimeSpan {
    text.parse().expect("a duration")
}

#[test]
fn one_key_is_enough() {
    let config = redis("  type: redis\n  connection_string: redis://cache:6379\n", &[]);
    assert_eq!(config, RedisConfig::new(vec![RedisAddress::server("cache", 6379)]));
    assert_eq!(config.timeout, span("1s"));
    assert_eq!(config.connect_timeout, span("2s"));
    assert_eq!(config.expiry_grace, span("1d"));
}

#[test]
fn every_key_is_read() {
    let online = EVERYTHING.split_once("online_store:\n").expect("it has one").1;
    let config = redis(online, &[("MASTER", "m1"), ("PW", "p@ss/%41"), ("CERTS", "/etc/certs")]);
    let expected = RedisConfig {
        addresses: vec![RedisAddress::server("one", 26379), RedisAddress::server("two", 26379)],
        username: Some("asof".to_owned()),
        password: Some(Secret::new("p@ss/%41")),
        database: 3,
        tls: Some(RedisTls {
            ca_cert: Some("/etc/certs/ca.pem".to_owned()),
            client_cert: Some("client.pem".to_owned()),
            client_key: Some("client.key".to_owned()),
        }),
        topology: RedisTopology::Sentinel {
            master: "m1".to_owned(),
        },
        timeout: span("250ms"),
        connect_timeout: span("5s"),
        expiry_grace: span("12h"),
        read_from: ReadFrom::Replica,
        layout: RedisLayout::Asof,
    };
    assert_eq!(config, expected);
}

#[test]
fn settings_of_feast_are_read() {
    let online = "  type: redis\n  redis_type: redis_cluster\n  connection_string: a:1,b:2,ssl=true,password=${PW}\n  layout: feast\n";
    let config = redis(online, &[("PW", "a,b=c")]);
    assert_eq!(config.topology, RedisTopology::Cluster);
    assert_eq!(config.layout, RedisLayout::Feast);
    assert_eq!(config.tls, Some(RedisTls::default()));
    assert_eq!(config.password, Some(Secret::new("a,b=c")));
    assert_eq!(config.to_string(), "rediss://a:1,b:2/0 (cluster)");
}

#[test]
fn no_value_of_a_variable_is_shown() {
    let secret = "hunter 2";
    for online in [
        "  type: redis\n  connection_string: ${URL}\n",
        "  type: redis\n  connection_string: redis://${URL}@cache\n",
        "  type: redis\n  connection_string: cache:6379,${URL}=1\n",
        "  type: redis\n  connection_string: redis://${URL}:1\n",
        "  type: redis\n  connection_string: redis://cache:1/${URL}\n",
        "  type: redis\n  connection_string: ${URL}://cache:1\n",
        "  type: redis\n  connection_string: cache:${URL}\n",
        "  type: redis\n  connection_string: cache:1,ssl=${URL}\n",
        "  type: redis\n  connection_string: unix://${URL}\n",
    ] {
        let repository = parse(online, &[("URL", secret)]);
        assert!(repository.store.is_none(), "{online}");
        let files = [file("feature_store.yaml", settings(online))];
        let shown = [
            render_human(&repository.diagnostics, &files, Coloring::Plain),
            to_json(&repository.diagnostics).to_string(),
            format!("{repository:?}"),
        ];
        assert!(shown.iter().all(|shown| !shown.contains(secret)), "{shown:#?}");
    }
    let online = "  type: redis\n  connection_string: redis://:${PW}@cache:6379\n";
    let right = parse(online, &[("PW", secret)]);
    assert!(right.store.is_some() && !format!("{right:?}").contains(secret));
}

#[test]
fn a_connection_string_is_judged_with_its_variables() {
    assert_snapshot!(complaints("  type: redis\n  connection_string: redis://asof:${EMPTY}@cache:6379\n"), @r"
    error[ASOF0216]: `connection_string` of `online_store` of this feature store has an empty password
     --> feature_store.yaml:4:22
      |
    4 |   connection_string: redis://asof:${EMPTY}@cache:6379
      |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: set the password, or leave it and its user out where none is needed
      = help: it was read with the values of its variables, which are not shown
    ");
    assert_snapshot!(complaints("  type: redis\n  connection_string: redis://asof:${PWD}@cache:6379\n"), @r"
    error[ASOF0214]: `connection_string` of `online_store` of this feature store needs the environment variable `PWD`, which is not set
     --> feature_store.yaml:4:22
      |
    4 |   connection_string: redis://asof:${PWD}@cache:6379
      |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `PW`?
    ");
    assert_snapshot!(complaints("  type: redis\n  connection_string: redis://asof:${PW@cache:6379\n"), @r"
    error[ASOF0215]: `connection_string` of `online_store` of this feature store has a `${` that is not followed by a name and `}`
     --> feature_store.yaml:4:22
      |
    4 |   connection_string: redis://asof:${PW@cache:6379
      |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `${NAME}`
    ");
    assert_snapshot!(complaints("  type: redis\n  connection_string: http://cache:6379\n"), @r"
    error[ASOF0216]: `connection_string` of `online_store` of this feature store has a scheme that is not one of Redis
     --> feature_store.yaml:4:22
      |
    4 |   connection_string: http://cache:6379
      |                      ^^^^^^^^^^^^^^^^^
      |
      = help: write redis://host:6379, rediss://host:6379 for TLS, or unix:///path for a socket
    ");
    assert_snapshot!(complaints("  type: redis\n  connection_string: \"\"\n"), @r#"
    error[ASOF0206]: `connection_string` of `online_store` of this feature store is empty
     --> feature_store.yaml:4:22
      |
    4 |   connection_string: ""
      |                      ^^
    "#);
}

#[test]
fn keys_of_another_type_and_unknown_keys() {
    assert_snapshot!(complaints("  type: redis\n  path: .asof/online\n"), @r"
    error[ASOF0202]: `online_store` of this feature store has no `connection_string`
     --> feature_store.yaml:3:3
      |
    3 |   type: redis
      |   ^^^^^^^^^^^
      |
      = help: connection_string: The servers: redis://user:password@host:6379/0, rediss:// for TLS, unix:///path, or Feast's host:6379,password=...,ssl=true,db=1.

    error[ASOF0201]: `online_store` of this feature store has no key `path`
     --> feature_store.yaml:4:3
      |
    4 |   path: .asof/online
      |   ^^^^
      |
      = help: `path` is a key of type embedded
      = help: its keys are type, connection_string, redis_type, sentinel_master, tls, timeout, connect_timeout, expiry_grace, read_from, layout
    ");
    assert_snapshot!(complaints("  type: embedded\n  connection_string: redis://cache:6379\n  pth: x\n"), @r"
    error[ASOF0201]: `online_store` of this feature store has no key `connection_string`
     --> feature_store.yaml:4:3
      |
    4 |   connection_string: redis://cache:6379
      |   ^^^^^^^^^^^^^^^^^
      |
      = help: `connection_string` is a key of type redis
      = help: its keys are type, path

    error[ASOF0201]: `online_store` of this feature store has no key `pth`
     --> feature_store.yaml:5:3
      |
    5 |   pth: x
      |   ^^^
      |
      = help: did you mean `path`?
      = help: its keys are type, path
    ");
    assert_snapshot!(complaints("  type: redis\n  conection_string: redis://cache:6379\n  tls: {ca: x}\n"), @r"
    error[ASOF0201]: `online_store` of this feature store has no key `conection_string`
     --> feature_store.yaml:4:3
      |
    4 |   conection_string: redis://cache:6379
      |   ^^^^^^^^^^^^^^^^
      |
      = help: did you mean `connection_string`?
      = help: its keys are type, connection_string, redis_type, sentinel_master, tls, timeout, connect_timeout, expiry_grace, read_from, layout

    error[ASOF0201]: `tls` of `online_store` of this feature store has no key `ca`
     --> feature_store.yaml:5:9
      |
    5 |   tls: {ca: x}
      |         ^^
      |
      = help: its keys are ca_cert, client_cert, client_key
    ");
}

#[test]
fn values_that_are_not_allowed() {
    let online = r"
  type: redis
  connection_string: redis://cache:6379
  redis_type: cluster
  tls: yes
  timeout: 0s
  connect_timeout: 2
  read_from: replicas
  layout: fest
";
    assert_snapshot!(complaints(online), @r"
    error[ASOF0205]: `redis_type` of `online_store` of this feature store cannot be `cluster`
     --> feature_store.yaml:6:15
      |
    6 |   redis_type: cluster
      |               ^^^^^^^
      |
      = help: allowed: redis, redis_cluster, redis_sentinel

    error[ASOF0203]: `tls` of `online_store` of this feature store must be a mapping, not a text
     --> feature_store.yaml:7:8
      |
    7 |   tls: yes
      |        ^^^
      |
      = help: its keys are ca_cert, client_cert, client_key

    error[ASOF0212]: `timeout` of `online_store` of this feature store cannot be `0s`
     --> feature_store.yaml:8:12
      |
    8 |   timeout: 0s
      |            ^^ a duration of zero lets nothing through; leave the key out if none is meant

    error[ASOF0211]: `connect_timeout` of `online_store` of this feature store cannot be `2`
     --> feature_store.yaml:9:20
      |
    9 |   connect_timeout: 2
      |                    ^ `2` is not a duration; write a number and a unit of us, ms, s, m, h or d, as in 90s or 1d12h

    error[ASOF0205]: `read_from` of `online_store` of this feature store cannot be `replicas`
      --> feature_store.yaml:10:14
       |
    10 |   read_from: replicas
       |              ^^^^^^^^
       |
       = help: did you mean `replica`?
       = help: allowed: primary, replica

    error[ASOF0205]: `layout` of `online_store` of this feature store cannot be `fest`
      --> feature_store.yaml:11:11
       |
    11 |   layout: fest
       |           ^^^^
       |
       = help: did you mean `feast`?
       = help: allowed: asof, feast
    ");
}

#[test]
fn sentinels_have_a_master_and_nothing_else_has() {
    let online = "  type: redis\n  connection_string: redis://cache:26379\n  redis_type: redis_sentinel\n";
    assert_snapshot!(complaints(online), @r"
    error[ASOF0202]: `online_store` of this feature store has no `sentinel_master`
     --> feature_store.yaml:5:15
      |
    5 |   redis_type: redis_sentinel
      |               ^^^^^^^^^^^^^^ sentinels are asked for servers by name
      |
      = help: sentinel_master: The name under which the sentinels know the servers.
    ");
    let online = "  type: redis\n  connection_string: redis://cache:6379\n  sentinel_master: m\n";
    assert_snapshot!(complaints(online), @r"
    error[ASOF0217]: `sentinel_master` of `online_store` of this feature store is for sentinels
     --> feature_store.yaml:5:20
      |
    5 |   sentinel_master: m
      |                    ^
      |
      = help: write `redis_type: redis_sentinel`, or leave it out
    ");
}

#[test]
fn servers_fit_the_type() {
    assert_snapshot!(complaints("  type: redis\n  connection_string: redis://a:1,b:2\n"), @r"
    error[ASOF0217]: `connection_string` of `online_store` of this feature store names several servers
     --> feature_store.yaml:4:22
      |
    4 |   connection_string: redis://a:1,b:2
      |                      ^^^^^^^^^^^^^^^
      |
      = help: write `redis_type: redis_cluster` or `redis_type: redis_sentinel`, or one server
    ");
    let cluster = |text: &str| {
        complaints(&format!(
            "  type: redis\n  redis_type: redis_cluster\n  connection_string: {text}\n"
        ))
    };
    assert_snapshot!(cluster("redis://a:1,b:2/3"), @r"
    error[ASOF0217]: `connection_string` of `online_store` of this feature store names a database, and a cluster has none but 0
     --> feature_store.yaml:5:22
      |
    5 |   connection_string: redis://a:1,b:2/3
      |                      ^^^^^^^^^^^^^^^^^
      |
     ::: feature_store.yaml:4:15
      |
    4 |   redis_type: redis_cluster
      |               ------------- beside this
      |
      = help: leave the database out
    ");
    assert_snapshot!(cluster("unix:///run/redis.sock?db=1"), @r"
    error[ASOF0217]: `connection_string` of `online_store` of this feature store names a socket, which is one server
     --> feature_store.yaml:5:22
      |
    5 |   connection_string: unix:///run/redis.sock?db=1
      |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: feature_store.yaml:4:15
      |
    4 |   redis_type: redis_cluster
      |               ------------- beside this
      |
      = help: write redis://host:6379, or leave `redis_type` out
    ");
}

#[test]
fn certificates_need_encryption_and_come_in_pairs() {
    let online = "  type: redis\n  connection_string: a:1\n  tls: {client_cert: c.pem}\n";
    assert_snapshot!(complaints(online), @r"
    error[ASOF0217]: `tls` of `online_store` of this feature store is for encrypted connections
     --> feature_store.yaml:5:3
      |
    5 |   tls: {client_cert: c.pem}
      |   ^^^
      |
     ::: feature_store.yaml:4:22
      |
    4 |   connection_string: a:1
      |                      --- beside this
      |
      = help: write rediss://host:6379, or ssl=true in Feast's form, or leave it out

    error[ASOF0202]: `tls` of `online_store` of this feature store has no `client_key`
     --> feature_store.yaml:5:9
      |
    5 |   tls: {client_cert: c.pem}
      |         ^^^^^^^^^^^ one is of no use without the other
    ");
    let online = "  type: redis\n  connection_string: unix:///run/redis.sock\n  tls: {}\n";
    assert_snapshot!(complaints(online), @r"
    error[ASOF0217]: `tls` of `online_store` of this feature store is for encrypted connections
     --> feature_store.yaml:5:8
      |
    5 |   tls: {}
      |        ^^
      |
     ::: feature_store.yaml:4:22
      |
    4 |   connection_string: unix:///run/redis.sock
      |                      ---------------------- beside this
      |
      = help: leave it out; a socket is not encrypted
    ");
}

#[test]
fn replicas_and_grace_are_for_those_that_have_them() {
    let online = r"
  type: redis
  connection_string: redis://a:1
  read_from: replica
  layout: feast
  expiry_grace: 1d
";
    assert_snapshot!(complaints(online), @r"
    error[ASOF0217]: `read_from` of `online_store` of this feature store cannot be `replica` where there is one server
     --> feature_store.yaml:6:14
      |
    6 |   read_from: replica
      |              ^^^^^^^
      |
      = help: write `redis_type: redis_cluster` or `redis_type: redis_sentinel`, or leave it out

    error[ASOF0217]: `expiry_grace` of `online_store` of this feature store is for rows that Asof writes
     --> feature_store.yaml:8:17
      |
    8 |   expiry_grace: 1d
      |                 ^^
      |
      = help: `layout: feast` only reads; leave it out
    ");
}
